"""Kernel, transport and patch metrics as their definitions read: loops over pairs, in NumPy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

Rows = np.ndarray


def unbiased(x: Rows, y: Rows, kernel: Callable[[Rows, Rows], float]) -> float:
    """Gretton et al. (2012), lemma 6."""
    m, n = len(x), len(y)
    xx = sum(kernel(x[i], x[j]) for i, j in itertools.permutations(range(m), 2))
    yy = sum(kernel(y[i], y[j]) for i, j in itertools.permutations(range(n), 2))
    xy = sum(kernel(a, b) for a in x for b in y)
    return float(xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n))


def cubic(a: Rows, b: Rows) -> float:
    return float((sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3)


def gaussian(width: float) -> Callable[[Rows, Rows], float]:
    return lambda a, b: math.exp(-sum((a - b) ** 2) / (2 * width**2))


def minus_distance(a: Rows, b: Rows) -> float:
    return -math.sqrt(sum((a - b) ** 2))


def transport_by_quantiles(x: Rows, y: Rows, p: float) -> float:
    """∫ |F⁻¹ - G⁻¹|^p by repeating every sample until both sides have equally many."""
    m, n = len(x), len(y)
    left, right = np.repeat(np.sort(x), n), np.repeat(np.sort(y), m)
    return float(np.mean(np.abs(left - right) ** p))


def cheapest(cost: Rows) -> float:
    """The least mean cost over all permutations, one after the other."""
    n = len(cost)
    return min(
        sum(cost[i, j] for i, j in enumerate(order)) / n
        for order in itertools.permutations(range(n))
    )


def pyramid(image: Rows, levels: int) -> list[Rows]:
    """A Laplacian pyramid of one channel (h, w), pixel by pixel, mirrored at the edges."""
    out = [image]
    for _ in range(levels - 1):
        smaller = _filtered(out[-1])[::2, ::2]
        raised = np.zeros_like(out[-1])
        raised[::2, ::2] = smaller
        out[-1] = out[-1] - 4 * _filtered(raised)
        out.append(smaller)
    return out


def _filtered(image: Rows) -> Rows:
    weights = [1, 4, 6, 4, 1]
    h, w = image.shape

    def mirrored(i: int, n: int) -> int:
        return -i if i < 0 else 2 * (n - 1) - i if i >= n else i

    out = np.zeros_like(image)
    for r, c in itertools.product(range(h), range(w)):
        for dr, dc in itertools.product(range(-2, 3), repeat=2):
            weight = weights[dr + 2] * weights[dc + 2] / 256
            out[r, c] += weight * image[mirrored(r + dr, h), mirrored(c + dc, w)]
    return out


def swd(x: Rows, y: Rows, directions: Rows) -> float:
    """Karras et al. (2018) on given patches (k, c, 7, 7) and unit directions (d, L), times 1000."""
    sides = []
    for patches in (x, y):
        channels = []
        for c in range(patches.shape[1]):
            values = patches[:, c].astype(np.float64)
            channels.append((values - values.mean()) / values.std())
        sides.append(np.stack(channels, 1).reshape(len(patches), -1))
    gaps = [
        np.mean(np.abs(np.sort(sides[0] @ along) - np.sort(sides[1] @ along)))
        for along in directions.T
    ]
    return float(1000 * np.mean(gaps))
