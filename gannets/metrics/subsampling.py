"""Uncertainty of what depends on who is whose neighbour: from disjoint subsets of the samples.

A bootstrap repeats points, which makes radii zero; leaving a block out, as a jackknife does, counts
what a point does to its neighbours twice (on nearest-neighbour shares its standard error is 1.5 to
2 times too large). Subsets that share no point have the scatter of the law itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.game.stream import Stream
from gannets.metrics.resampling import Z

__all__ = ["Scatter", "share_interval", "subsampled"]

SQUARES = 30
"""Squared differences that a standard error is averaged over: it is then known to about 13 %."""


class Scatter(NamedTuple):
    """What subsets tell of a statistic: its standard error at n, and its mean over the subsets."""

    error: float
    mean: float


def subsampled(
    statistic: Callable[[Tensor, Tensor], Float[Tensor, "runs statistics"]],
    n: int,
    m: int,
    stream: Stream,
    *,
    smallest: int,
    squares: int = SQUARES,
) -> list[Scatter]:
    """Standard errors of several statistics of n and m rows, from disjoint random subsets.

    With g subsets of n/g and m/g rows, the statistic's variance at n is that among the subsets over
    g, where the variance falls as 1/n (Politis and Romano 1994). Where subsets of half that size
    show that it falls more slowly, it is raised by as much, at most twice. As many partitions are
    averaged as make so many `squares`.

    The statistic is given the numbers of the rows. Where it makes random choices of its own, it
    gives a row for each of some runs: their scatter is not that of the samples, and is taken out.
    Empty where a half has fewer than `smallest` rows.
    """
    least = min(n, m)
    if least < 2 * smallest:
        return []
    g = max(2, min(10, least // max(500, smallest)))
    variance, mean = _variance(statistic, n, m, stream, g, squares)
    if least >= 4 * smallest:
        smaller, _ = _variance(statistic, n, m, stream, 2 * g, squares)
        # 0/0, and a variance that only the larger subsets have, say nothing of how it falls.
        growth = torch.where(smaller > 0, variance / smaller, 1.0)
        variance = variance * growth.clamp(1, 2)
    errors = variance.sqrt().tolist()
    return [Scatter(*each) for each in zip(errors, mean.tolist(), strict=True)]


def _variance(
    statistic: Callable[[Tensor, Tensor], Tensor],
    n: int,
    m: int,
    stream: Stream,
    g: int,
    squares: int,
) -> tuple[Tensor, Tensor]:
    """The variances at n and m, from partitions into g subsets, and the subsets' means."""
    variances, means = [], []
    for _ in range(math.ceil(squares / (g - 1))):
        left = stream.permutation(n).tensor_split(g)
        right = stream.permutation(m).tensor_split(g)
        values = torch.stack([statistic(a, b) for a, b in zip(left, right, strict=True)])
        runs = values.shape[1]
        among = values.mean(1).var(0)
        own = values.var(1).mean(0) / runs if runs > 1 else 0.0
        variances.append((among - own) / g)
        means.append(values.mean((0, 1)))
    return torch.stack(variances).mean(0).clamp(min=0), torch.stack(means).mean(0)


def share_interval(
    share: float, error: float, n: int, *, typical: float | None = None
) -> tuple[float, float]:
    """Wilson's interval for as many independent samples as would have this standard error.

    `typical` is the share that the error is of, where it was not measured at `share` itself: a
    share that is near 0 or 1 by chance would else make the error count for too much or too little.
    """
    at = share if typical is None else typical
    variance = at * (1 - at)
    effective = variance / error**2 if variance > 0 and error > 0 else float(n)
    z2 = Z * Z
    centre = (share + z2 / (2 * effective)) / (1 + z2 / effective)
    own = share * (1 - share) / effective
    half = Z / (1 + z2 / effective) * math.sqrt(own + z2 / (4 * effective**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
