"""Uncertainty of what depends on who is whose neighbour: from disjoint subsets of the samples.

A bootstrap repeats points, which makes radii zero; leaving a block out, as a jackknife does, counts
what a point does to its neighbours twice (on nearest-neighbour shares its standard error is 1.5 to
2 times too large). Subsets that share no point have the scatter of the law itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gannets.game.stream import Stream
from gannets.metrics.resampling import Z

__all__ = ["share_interval", "subsampled_errors"]

SQUARES = 30
"""Squared differences that a standard error is averaged over: it is then known to about 13 %."""


def subsampled_errors(
    statistic: Callable[[Tensor, Tensor], list[float]],
    n: int,
    m: int,
    stream: Stream,
    *,
    smallest: int,
) -> list[float]:
    """Standard errors of several statistics of n and m rows, from disjoint random subsets.

    With g subsets of n/g and m/g rows, the statistic's variance at n is that among the subsets over
    g, where the variance falls as 1/n (Politis and Romano 1994). Where subsets of half that size
    show that it falls more slowly, it is raised by as much, at most twice. Some partitions are
    averaged. The statistic is given the numbers of the rows. Empty where a half has fewer than
    `smallest` rows.
    """
    least = min(n, m)
    if least < 2 * smallest:
        return []
    g = max(2, min(10, least // max(500, smallest)))
    variance = _variance(statistic, n, m, stream, g)
    if least >= 4 * smallest:
        smaller = _variance(statistic, n, m, stream, 2 * g)
        # 0/0, and a variance that only the larger subsets have, say nothing of how it falls.
        growth = torch.where(smaller > 0, variance / smaller, 1.0)
        variance = variance * growth.clamp(1, 2)
    return variance.sqrt().tolist()


def _variance(
    statistic: Callable[[Tensor, Tensor], list[float]], n: int, m: int, stream: Stream, g: int
) -> Tensor:
    """The variances at n and m, from partitions into g subsets."""
    variances = []
    for _ in range(math.ceil(SQUARES / (g - 1))):
        left = stream.permutation(n).tensor_split(g)
        right = stream.permutation(m).tensor_split(g)
        values = [statistic(a, b) for a, b in zip(left, right, strict=True)]
        variances.append(torch.tensor(values, dtype=torch.float64).var(0) / g)
    return torch.stack(variances).mean(0)


def share_interval(share: float, error: float, n: int) -> tuple[float, float]:
    """Wilson's interval for as many independent samples as would have this standard error."""
    variance = share * (1 - share)
    effective = variance / error**2 if variance > 0 and error > 0 else float(n)
    z2 = Z * Z
    centre = (share + z2 / (2 * effective)) / (1 + z2 / effective)
    half = Z / (1 + z2 / effective) * math.sqrt(variance / effective + z2 / (4 * effective**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
