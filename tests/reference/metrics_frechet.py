"""Fréchet's distance and moments by the book: slow, obvious, nothing shared with the library."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import scipy.linalg
from torch import Tensor


def frechet_sqrtm(real: Tensor, fake: Tensor) -> float:
    """|Δ|² + tr(S_r + S_g - 2 (S_r S_g)^{1/2}), the root by SciPy."""
    a, b = real.double().numpy(), fake.double().numpy()
    s, t = np.cov(a, rowvar=False, ddof=1), np.cov(b, rowvar=False, ddof=1)
    root = scipy.linalg.sqrtm(np.atleast_2d(s) @ np.atleast_2d(t))
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(np.atleast_2d(s + t)) - 2 * np.trace(root).real)


def exact_moments(rows: Tensor) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Mean and unbiased covariance in rational numbers: no rounding at all."""
    x = [[Fraction(value) for value in row] for row in rows.double().tolist()]
    n, d = len(x), len(x[0])
    mean = [sum((row[i] for row in x), Fraction(0)) / n for i in range(d)]
    covariance = [
        [
            sum(((row[i] - mean[i]) * (row[j] - mean[j]) for row in x), Fraction(0)) / (n - 1)
            for j in range(d)
        ]
        for i in range(d)
    ]
    return mean, covariance


def naive_frechet(real: Tensor, fake: Tensor) -> float:
    """From raw second moments, as torchmetrics 1.9 accumulates them; wrong far from the origin."""
    parts = []
    for x in (real.double(), fake.double()):
        n = len(x)
        mean = x.sum(0) / n
        parts.append((mean, (x.T @ x - n * mean[:, None] * mean[None, :]) / (n - 1)))
    (m1, s1), (m2, s2) = parts
    roots = np.sqrt(np.linalg.eigvals((s1 @ s2).numpy()).astype(complex)).real.sum()
    return float((m1 - m2).square().sum() + s1.trace() + s2.trace()) - 2 * float(roots)


def one_sided_infinity(real: Tensor, fake: Tensor, *, points: int, least: int) -> float:
    """FD_inf as Chong and Forsyth's code has it: subsets of the fake samples only."""
    sizes = np.linspace(least, len(fake), points).astype(int)
    generator = np.random.default_rng(0)
    values = [
        frechet_sqrtm(real, fake[generator.choice(len(fake), size, replace=False)])
        for size in sizes
    ]
    slope, end = np.polyfit(1 / sizes, values, 1)
    assert math.isfinite(slope)
    return float(end)
