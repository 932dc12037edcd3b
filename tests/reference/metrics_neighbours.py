"""Neighbour metrics, support, Vendi and MS-SSIM as loops over points, pairs and windows."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def distance(a: Tensor, b: Tensor) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def radius(points: Tensor, i: int, k: int) -> float:
    others = sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)
    return others[k - 1]


def prdc(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    real_radii = [radius(real, i, k) for i in range(len(real))]
    fake_radii = [radius(fake, j, k) for j in range(len(fake))]
    d = [[distance(x, y) for y in fake] for x in real]
    n, m = len(real), len(fake)
    return {
        "precision": sum(any(d[i][j] <= real_radii[i] for i in range(n)) for j in range(m)) / m,
        "recall": sum(any(d[i][j] <= fake_radii[j] for j in range(m)) for i in range(n)) / n,
        "density": sum(d[i][j] <= real_radii[i] for i in range(n) for j in range(m)) / (k * m),
        "coverage": sum(min(d[i]) <= real_radii[i] for i in range(n)) / n,
    }


def left_out_precision(points: Tensor, k: int) -> float:
    """Every point against the manifold of the others, built anew without it."""
    inside = 0
    for i in range(len(points)):
        others = torch.cat([points[:i], points[i + 1 :]])
        inside += prdc(others, points[i : i + 1].repeat(k + 1, 1), k)["precision"] > 0
    return inside / len(points)


def one_nn(real: Tensor, fake: Tensor) -> dict[str, float]:
    points = [(x, 0) for x in real] + [(x, 1) for x in fake]
    right = []
    for i, (x, side) in enumerate(points):
        others = [(distance(x, y), other) for j, (y, other) in enumerate(points) if j != i]
        right.append(min(others)[1] == side)
    n = len(real)
    return {
        "all": sum(right) / len(right),
        "real": sum(right[:n]) / n,
        "fake": sum(right[n:]) / len(fake),
    }


def prd_points(p: list[float], q: list[float], slope: float) -> tuple[float, float]:
    precision = sum(min(slope * a, b) for a, b in zip(p, q, strict=True))
    recall = sum(min(a, b / slope) for a, b in zip(p, q, strict=True))
    return min(1.0, precision), min(1.0, recall)


def area_under_curve(ours: list[float], others: list[float]) -> float:
    total = sum((a > b) + 0.5 * (a == b) for a in ours for b in others)
    return total / len(ours) / len(others)


def ms_ssim(a: Tensor, b: Tensor) -> float:
    """One pair of single-channel images (h, w), window by window, on lists of numbers."""
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    side = min(a.shape)
    levels = 1
    while levels < 5 and side // 2**levels >= 11:
        levels += 1
    weights = [w / sum(weights[:levels]) for w in weights[:levels]]
    result = 1.0
    for level in range(levels):
        luminance_contrast, contrast = _windows(a, b)
        last = level == levels - 1
        part = luminance_contrast if last else contrast
        result *= max(0.0, part) ** weights[level]
        a, b = _halved(a), _halved(b)
    return result


def _windows(a: Tensor, b: Tensor) -> tuple[float, float]:
    size = [min(11, side) for side in a.shape]
    window = torch.tensor(
        [[_bell(i, size[0]) * _bell(j, size[1]) for j in range(size[1])] for i in range(size[0])],
        dtype=torch.float64,
    )
    window = window / window.sum()
    both, second = [], []
    for i in range(a.shape[0] - size[0] + 1):
        for j in range(a.shape[1] - size[1] + 1):
            x = a[i : i + size[0], j : j + size[1]].double()
            y = b[i : i + size[0], j : j + size[1]].double()
            mx, my = float((window * x).sum()), float((window * y).sum())
            vx = float((window * (x - mx) ** 2).sum())
            vy = float((window * (y - my) ** 2).sum())
            c = float((window * (x - mx) * (y - my)).sum())
            light = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
            cs = (2 * c + 9e-4) / (vx + vy + 9e-4)
            both.append(light * cs)
            second.append(cs)
    return sum(both) / len(both), sum(second) / len(second)


def _bell(i: int, size: int) -> float:
    sigma = 1.5 * size / 11
    return math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma**2))


def _halved(x: Tensor) -> Tensor:
    h, w = x.shape[0] // 2, x.shape[1] // 2
    rows = [
        [float(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].double().mean()) for j in range(w)]
        for i in range(h)
    ]
    return torch.tensor(rows, dtype=torch.float64)
