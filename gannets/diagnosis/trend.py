"""Whether a row of numbers goes anywhere: the Theil-Sen slope and Mann's test.

Theil (1950), Sen (1968): the median of the slopes between all pairs, which single outliers do not
move. Mann (1945): the number of pairs that rise less that of those that fall is 0 on average where
there is no trend, and nearly normal from about eight numbers on; for fewer its law is counted out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import median

import torch

__all__ = ["falls", "mann_p", "rises", "slope", "won"]

LEVEL = 0.05


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The median of (y_j - y_i) / (x_j - x_i) over i < j; 0 for fewer than two."""
    slopes = [
        (y[j] - y[i]) / (x[j] - x[i])
        for i in range(len(x))
        for j in range(i + 1, len(x))
        if x[j] != x[i]
    ]
    return float(torch.tensor(slopes, dtype=torch.float64).quantile(0.5)) if slopes else 0.0


def mann_p(y: Sequence[float]) -> float:
    """One-sided p that y rises by chance; small where it rises, near 1 where it falls."""
    n = len(y)
    s = sum((y[j] > y[i]) - (y[j] < y[i]) for i in range(n) for j in range(i + 1, n))
    if n <= 8:
        law = _law(n)
        total = sum(law)
        top = n * (n - 1) // 2
        # Of k inversions, s = top - 2k.
        return sum(count for k, count in enumerate(law) if top - 2 * k >= s) / total
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return 0.5 * math.erfc((s - math.copysign(1, s) * (s != 0)) / deviation / math.sqrt(2))


def rises(y: Sequence[float], *, level: float = LEVEL) -> bool:
    """Whether y rises, more than chance explains."""
    return len(y) > 3 and mann_p(y) < level


def falls(y: Sequence[float], *, level: float = LEVEL) -> bool:
    """Whether y falls, more than chance explains."""
    return rises([-value for value in y], level=level)


def won(x: Sequence[float], y: Sequence[float]) -> float:
    """How much of its median y has lost by Theil and Sen's slope over all of x, where Mann's test
    says that it falls; 0 where it does not. What is sure need not be much.
    """
    if not falls(y):
        return 0.0
    return -slope(x, y) * (x[-1] - x[0]) / max(median(y), 1e-12)


@cache
def _law(n: int) -> tuple[int, ...]:
    """How many of the n! orders have 0, 1, 2 ... inversions (Mahonian numbers)."""
    law = [1]
    for m in range(2, n + 1):
        law = [
            sum(law[k - i] for i in range(m) if 0 <= k - i < len(law))
            for k in range(len(law) + m - 1)
        ]
    return tuple(law)
