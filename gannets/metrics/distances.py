"""Euclidean distances between sets of points, in blocks: memory is bounded, results are exact.

|x|² - 2 x·y + |y|² is one matrix product, but cancels where x is near y. Points are centred first,
in double precision, and whatever is decided near a tie (the nearest neighbours, a distance within a
rounding error of a radius) is computed again from x - y.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError

__all__ = ["blocks", "nearest", "squared_distances"]

BUDGET = 1 << 23
"""Numbers in a block: 64 MiB of doubles."""
SPARE = 4
"""Neighbours looked at beyond the k asked for, that rounding leaves none of them out."""


def blocks(n: int, width: int) -> Iterator[slice]:
    """Slices of 0 .. n-1 of as many rows of `width` numbers as a block holds."""
    size = max(1, BUDGET // max(1, width))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def squared_distances(a: Float[Tensor, "m d"], b: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """|a_i - b_j|², never negative; relative to |a|² + |b|² exact to 1e-15, a block at once.

    Centre both sets on one point first where they are far from the origin.
    """
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)
    return torch.addmm(squares, a, b.T, alpha=-2).clamp_(min=0)


def nearest(
    a: Float[Tensor, "m d"], b: Float[Tensor, "n d"], *, k: int, skip_self: bool = False
) -> tuple[Float[Tensor, "m k"], Int64[Tensor, "m k"]]:
    """The k nearest of `b` to each of `a`: their distances, ascending, and their numbers.

    `skip_self` leaves b_i out for a_i: the neighbours of points among themselves. Distances are
    those of x - y: duplicates are at distance 0 exactly. Raises `InputError` where b is too small.
    """
    there = len(b) - skip_self
    if not 1 <= k <= there:
        raise InputError(f"{k} neighbours cannot be found among {there}: choose a smaller k.")
    a, b = a.double(), b.double()
    centre = b.mean(0)
    left, right = a - centre, b - centre
    spare = min(k + SPARE, there)
    distances, indices = [], []
    for block in blocks(len(a), len(b)):
        squared = squared_distances(left[block], right)
        if skip_self:
            rows = torch.arange(block.stop - block.start)
            squared[rows, rows + block.start] = torch.inf
        candidates = squared.topk(spare, largest=False).indices
        exact = torch.stack(
            [(a[block] - b[column]).norm(dim=1) for column in candidates.T.contiguous()], dim=1
        )
        order = exact.argsort(dim=1, stable=True)[:, :k]
        distances.append(exact.gather(1, order))
        indices.append(candidates.gather(1, order))
    return torch.cat(distances), torch.cat(indices)
