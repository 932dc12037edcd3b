"""Uncertainty: jackknife, permutation and binomial, each where it is valid.

A naive bootstrap repeats points: it inflates a Fréchet distance and makes nearest-neighbour radii
zero. Deleting blocks does neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "binomial_p",
    "jackknife",
    "linear_interval",
    "mean_interval",
    "normal_interval",
    "permutation_p",
    "quadratic_interval",
    "wilson",
]

Z = NormalDist().inv_cdf(0.975)


def normal_interval(value: float, error: float) -> tuple[float, float]:
    """The value ± 1.96 standard errors."""
    return value - Z * error, value + Z * error


def linear_interval(
    value: float, *, variance: float, slope: float, least: float
) -> tuple[float, float]:
    """The μ with |value - μ| <= 1.96 sd(μ), as Wilson's interval of a share, where the variance is
    max(least, variance + slope (μ - value)).
    """
    bend = Z * Z * slope / 2
    root, side = math.hypot(bend, Z * math.sqrt(variance)), Z * math.sqrt(least)
    return value - max(side, root - bend), value + max(side, root + bend)


def quadratic_interval(
    value: float, *, first_order: float, null: float, steepest: float = 0.0
) -> tuple[float, float]:
    """The interval of the mean μ of a statistic that is nearly |g + e|², e the samples' error.

    Its variance 4 gᵀ Σ g + 2 tr Σ² is linear in μ = |g|² + tr Σ. At a value that is small by chance
    a plug-in of the first term is small too, and an interval of that width would miss μ.
    `first_order`, the variance of the samples' influences, counts the second term twice; `null` is
    that term, the variance at g = 0. A small value tells little of g's direction: `steepest`, four
    times the largest eigenvalue of Σ, is what the variance grows by at most, up to the upper end.
    Of nearly equal sets the value is less than chance alone makes it, and its own ratio nothing.
    """
    variance = max(first_order - null, first_order / 2)
    slope = first_order / value if value > 0 else 0.0
    low, _ = linear_interval(value, variance=variance, slope=slope, least=null)
    above = steepest if steepest and value * value < null else max(slope, steepest)
    return low, linear_interval(value, variance=variance, slope=above, least=null)[1]


def mean_interval(values: Float[Tensor, " n"]) -> tuple[float, float]:
    """95 % interval of the mean of independent values, by the central limit theorem."""
    error = float(values.double().std()) / math.sqrt(len(values))
    return normal_interval(float(values.double().mean()), error)


def jackknife(statistic: Callable[[Tensor], float], n: int, *, blocks: int = 20) -> float:
    """Standard error of a statistic of n rows in random order, by leaving out a block at a time.

    `statistic` is given the numbers of the rows that are left. Künsch 1989; Efron and Stein 1981
    show that it is biased upwards, if at all.
    """
    g = min(blocks, n)
    rows = torch.arange(n)
    values = torch.tensor(
        [statistic(rows[rows * g // n != block]) for block in range(g)], dtype=torch.float64
    )
    return math.sqrt((g - 1) / g * float((values - values.mean()).square().sum()))


def permutation_p(observed: float, null: Float[Tensor, " b"]) -> float:
    """(1 + #{null >= observed}) / (1 + b): a valid p-value for any b (Phipson and Smyth 2010)."""
    return (1 + int((null >= observed).sum())) / (1 + len(null))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): within [0, 1], sensible at 0 and n."""
    share, z2 = successes / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def binomial_p(successes: int, n: int, share: float = 0.5) -> float:
    """P(X >= successes), X binomial(n, share), exactly."""
    if successes <= 0:
        return 1.0
    if successes > n:
        return 0.0
    k = torch.arange(successes, n + 1, dtype=torch.float64)
    size = torch.tensor(float(n), dtype=torch.float64)
    log = (
        torch.lgamma(size + 1)
        - torch.lgamma(k + 1)
        - torch.lgamma(size - k + 1)
        + k * math.log(share)
        + (size - k) * math.log1p(-share)
    )
    return min(1.0, float(log.exp().sum()))
