"""Gower's distance (1971) of rows of a table, in blocks: the mean over columns of what differs.

A numeric column contributes |a - b| / range, a categorical one 0 or 1, a value that is missing on
one side alone 1, on both 0. Memory is bounded whatever the number of rows: a block of distances at
a time, and of each row only the nearest is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from gannets.metrics.columns import Columns

__all__ = ["Gower"]

BLOCK = 1 << 19
"""Distances held at a time: 4 MiB of doubles, which stay in the cache."""


@dataclass(frozen=True, eq=False)
class Gower:
    """Distances in units of the ranges that the numbers of `Gower.of(...)` have."""

    low: Float64[Tensor, " p"]
    range: Float64[Tensor, " p"]

    @classmethod
    def of(cls, *tables: Columns) -> Gower:
        """Ranges over all of `tables`, so that none of them is at an advantage."""
        x = torch.cat([table.numbers for table in tables])
        gone = x.isnan()
        low = x.masked_fill(gone, torch.inf).min(0).values
        high = x.masked_fill(gone, -torch.inf).max(0).values
        width = torch.where(high > low, high - low, 1.0)
        return cls(torch.where(low.isfinite(), low, 0.0), width)

    def distances(self, a: Columns, b: Columns) -> Float64[Tensor, "m n"]:
        """All distances at once; of few rows, for memory's sake."""
        return _distances(self._parts(a), self._parts(b))

    def nearest(self, a: Columns, b: Columns) -> tuple[Float64[Tensor, " m"], Int64[Tensor, " m"]]:
        """Of each row of `a` the distance of the nearest of `b`, and that one's number."""
        m, n = len(a), len(b)
        best, which = torch.full((m,), torch.inf).double(), torch.zeros(m, dtype=torch.long)
        left, right = self._parts(a), self._parts(b)
        width = min(n, 2048)
        height = max(1, BLOCK // width)
        for start in range(0, m, height):
            rows = slice(start, min(start + height, m))
            part = tuple(each[rows] for each in left)
            for first in range(0, n, width):
                others = tuple(each[first : first + width] for each in right)
                found = _distances(part, others).min(1)
                closer = found.values < best[rows]
                best[rows] = torch.where(closer, found.values, best[rows])
                which[rows] = torch.where(closer, found.indices + first, which[rows])
        return best, which

    def _parts(self, table: Columns) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers in units of their range, missing ones 0; which are missing; short codes."""
        gone = table.numbers.isnan()
        x = ((table.numbers - self.low) / self.range).masked_fill(gone, 0.0)
        return x, gone.double(), table.codes.to(torch.int16)


def _distances(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
    (x, gone_x, codes), (y, gone_y, others) = a, b
    total = torch.cdist(x, y, p=1)
    if bool(gone_x.any() | gone_y.any()):
        # Where one is missing it stands at 0: take out the other's value, and put in 1.
        total -= x.abs() @ gone_y.T + gone_x @ y.abs().T
        total += gone_x.sum(1)[:, None] + gone_y.sum(1) - 2 * gone_x @ gone_y.T
    differ = torch.zeros(total.shape, dtype=torch.int16)
    for one, other in zip(codes.T, others.T, strict=True):
        differ += one[:, None] != other
    return (total + differ) / max(1, x.shape[1] + codes.shape[1])
