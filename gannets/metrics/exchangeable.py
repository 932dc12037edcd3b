"""Tests that ask of two sets only that they could be exchanged: exact at any size, ties included.

If G knows neither its training nor the held-out samples, swapping the two changes nothing; if p_g
is p_data, swapping fake and held-out samples does not either.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.game.stream import Stream

__all__ = ["copying_z", "hypergeometric_p", "precedence_p", "sign_flip_p"]

TINY = 1e-300


def sign_flip_p(differences: Int64[Tensor, " n"]) -> float:
    """P(Σ ε_i d_i >= Σ d_i), ε_i = ±1 with equal chance: exactly, by convolution.

    The one-sided p of paired counts whose members may be swapped. p is no less than 1e-300.
    """
    sizes = np.sort(np.abs(differences.numpy()[differences.numpy() != 0]))
    total = int(sizes.sum())
    # chances[j] is that of Σ over those with ε = -1 of |d_i| being j; the sum is total - 2 j.
    chances = np.zeros(total + 1)
    chances[0], reach = 1.0, 0
    for size in sizes.tolist():
        chances[: reach + 1] *= 0.5
        chances[size : reach + size + 1] += chances[: reach + 1].copy()
        reach += size
    least = (total - int(differences.sum())) // 2
    return min(1.0, max(TINY, float(chances[: least + 1].sum())))


def hypergeometric_p(least: int, *, draws: int, good: int, bad: int) -> float:
    """P(X >= least), X the number of good ones in `draws` of good + bad without repetition."""
    x = torch.arange(max(least, draws - bad, 0), min(draws, good) + 1, dtype=torch.float64)

    def log_choose(n: int, k: Tensor) -> Tensor:
        size = k.new_tensor(float(n))
        return torch.lgamma(size + 1) - torch.lgamma(k + 1) - torch.lgamma(size - k + 1)

    log = log_choose(good, x) + log_choose(bad, draws - x)
    log -= log_choose(good + bad, x.new_tensor(float(draws)))
    return min(1.0, max(TINY, float(log.exp().sum())))


def precedence_p(
    *, fake: Float[Tensor, " n"], holdout: Float[Tensor, " m"], rank: int, stream: Stream
) -> tuple[int, float]:
    """How many fake distances come before the rank-th held-out one, and P(as many or more).

    Exact where the two are exchangeable: of the first a + rank - 1 of all, at least a are fake.
    Ties are broken at random.
    """
    both = torch.cat([fake, holdout])
    shuffled = stream.permutation(len(both))
    order = shuffled[both[shuffled].argsort(stable=True)]
    held = torch.nonzero(order >= len(fake)).flatten()
    before = int(held[rank - 1]) - (rank - 1)
    p = hypergeometric_p(before, draws=before + rank - 1, good=len(fake), bad=len(holdout))
    return before, p


def copying_z(*, fake: Float[Tensor, " n"], holdout: Float[Tensor, " m"]) -> tuple[float, float]:
    """Mann and Whitney's U of fake > held-out distances as a z-score, and its scale per AUC.

    Below 0 the fakes are nearer to the training set. Its variance is corrected for ties.
    """
    n, m = len(fake), len(holdout)
    both = torch.cat([fake, holdout]).double()
    _, which, counts = both.unique(return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0).double() - (counts.double() - 1) / 2
    u = float(ranks[which[:n]].sum()) - n * (n + 1) / 2
    ties = float((counts.double().pow(3) - counts.double()).sum())
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 0.0, 0.0
    return (u - n * m / 2) / math.sqrt(variance), n * m / math.sqrt(variance)
