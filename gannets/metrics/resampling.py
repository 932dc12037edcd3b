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

__all__ = ["binomial_p", "jackknife", "mean_interval", "normal_interval", "permutation_p", "wilson"]

Z = NormalDist().inv_cdf(0.975)


def normal_interval(value: float, error: float) -> tuple[float, float]:
    """The value ± 1.96 standard errors."""
    return value - Z * error, value + Z * error


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
