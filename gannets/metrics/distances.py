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

__all__ = ["blocks", "nearest", "nearest_others", "pair_distances", "squared_distances", "within"]

BUDGET = 1 << 20
"""Numbers in a block: 8 MiB of doubles, so that a pass over a block mostly meets the cache."""
SPARE = 4
"""Neighbours looked at beyond the k asked for, that rounding leaves none of them out."""
GROUP = 16
"""Columns whose minimum stands for them when the smallest of a row are looked for."""


def blocks(n: int, width: int) -> Iterator[slice]:
    """Slices of 0 .. n-1 of as many rows of `width` numbers as a block holds."""
    size = max(1, BUDGET // max(1, width))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def squared_distances(a: Float[Tensor, "m d"], b: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """|a_i - b_j|², never negative; relative to |a|² + |b|² exact to 1e-15, a block at once.

    Centre both sets on one point first where they are far from the origin.
    """
    return (_left(a) @ _right(b).T).clamp_(min=0)


def pair_distances(a: Float[Tensor, "p d"], b: Float[Tensor, "p d"]) -> Float[Tensor, " p"]:
    """|a_i - b_i| from the differences: 0 exactly for duplicates, the same number either way."""
    distances = [
        torch.cdist(
            a[block, None], b[block, None], compute_mode="donot_use_mm_for_euclid_dist"
        ).flatten()
        for block in blocks(len(a), a.shape[1])
    ]
    return torch.cat(distances) if distances else a.new_zeros(0)


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
    left, right = _left(a - centre), _right(b - centre)
    spare = min(k + SPARE, there)
    # All blocks are in one place: freed and allocated anew, they leave holes that grow.
    distances = a.new_empty(len(a), k)
    indices = torch.empty(len(a), k, dtype=torch.int64)
    room = _room(len(a), len(b))
    for block in blocks(len(a), len(b)):
        squared = _product(left[block], right, room)
        if skip_self:
            rows = torch.arange(block.stop - block.start)
            squared[rows, rows + block.start] = torch.inf
        candidates = _smallest(squared, spare)
        mine = a[block].repeat_interleave(spare, dim=0)
        exact = pair_distances(mine, b[candidates.flatten()]).view(-1, spare)
        order = exact.argsort(dim=1, stable=True)[:, :k]
        distances[block] = exact.gather(1, order)
        indices[block] = candidates.gather(1, order)
    return distances, indices


def nearest_others(x: Float[Tensor, "n d"]) -> Iterator[Int64[Tensor, "2 pairs"]]:
    """Each point with its nearest other point, or all of them where several are as near."""
    distances, indices = nearest(x, x, k=min(2, len(x) - 1), skip_self=True)
    if bool((distances[:, 0] < distances[:, -1]).all()):
        yield torch.stack([torch.arange(len(x)), indices[:, 0]])
        return
    for pairs, _ in within(x, x, a_radii=distances[:, 0]):
        assert pairs is not None
        yield pairs[:, pairs[0] != pairs[1]]


def within(
    a: Float[Tensor, "m d"],
    b: Float[Tensor, "n d"],
    *,
    a_radii: Float[Tensor, " m"] | None = None,
    b_radii: Float[Tensor, " n"] | None = None,
) -> Iterator[tuple[Tensor | None, Tensor | None]]:
    """The pairs (i, j) with |a_i - b_j| <= a_radii[i], and those with |a_i - b_j| <= b_radii[j].

    Block by block of rows of a; each is a tensor (2, pairs), or None where there are no such radii.
    Radii that are themselves distances between points are compared without rounding error.
    """
    a, b = a.double(), b.double()
    centre = b.mean(0)
    left, right = _left(a - centre), _right(b - centre)
    slack = (a.shape[1] + 8) * torch.finfo(torch.float64).eps
    largest = slack * (float(left[:, -2].max()) + float(right[:, -1].max()))
    room = _room(len(a), len(b))
    for block in blocks(len(a), len(b)):
        squared = _product(left[block], right, room)
        by_row = by_column = None
        if a_radii is not None:
            radii = a_radii[block, None]
            by_row = _inside(squared, radii, a[block], b, largest)
            by_row[0] += block.start
        if b_radii is not None:
            by_column = _inside(squared, b_radii[None], a[block], b, largest)
            by_column[0] += block.start
        yield by_row, by_column


def _left(a: Tensor) -> Tensor:
    """(a, |a|², 1), whose product with (-2 b, 1, |b|²) is the squared distance, in one go."""
    return torch.cat([a, (a * a).sum(1, keepdim=True), torch.ones_like(a[:, :1])], dim=1)


def _right(b: Tensor) -> Tensor:
    return torch.cat([-2 * b, torch.ones_like(b[:, :1]), (b * b).sum(1, keepdim=True)], dim=1)


def _room(rows: int, columns: int) -> Tensor:
    """For the largest block of so many rows."""
    first = next(blocks(rows, columns), slice(0, 0))
    return torch.empty(first.stop, columns, dtype=torch.float64)


def _product(left: Tensor, right: Tensor, room: Tensor) -> Tensor:
    return torch.mm(left, right.T, out=room[: len(left)])


def _smallest(squared: Tensor, k: int) -> Tensor:
    """The columns of the k smallest numbers of each row.

    They lie in the k groups of columns with the smallest minima: only these are looked through.
    """
    rows, columns = squared.shape
    groups = columns // GROUP
    if groups < 4 * k:
        return squared.topk(k, largest=False, sorted=False).indices
    # Group g is the columns g, g + groups, g + 2 groups, ...; what does not divide is looked at.
    whole = groups * GROUP
    minima = squared[:, :whole].view(rows, GROUP, groups).amin(1)
    chosen = minima.topk(k, largest=False, sorted=False).indices
    members = chosen[:, None, :] + groups * torch.arange(GROUP)[None, :, None]
    rest = torch.arange(whole, columns).expand(rows, -1)
    looked = torch.cat([members.flatten(1), rest], dim=1)
    best = squared.gather(1, looked).topk(k, largest=False, sorted=False).indices
    return looked.gather(1, best)


def _inside(squared: Tensor, radii: Tensor, a: Tensor, b: Tensor, error: float) -> Tensor:
    """The pairs whose distance is at most the radius; near the radius by the difference."""
    squares = radii * radii
    # An infinite or huge radius has a rounding error of its own.
    margin = error + 4 * torch.finfo(squares.dtype).eps * squares
    pairs = (squared <= squares + margin).nonzero().T
    if not pairs.shape[1]:
        return pairs
    i, j = pairs
    radius = radii.expand(squared.shape)[i, j]
    doubtful = squared[i, j] >= (squares - margin).expand(squared.shape)[i, j]
    inside = ~doubtful
    at = doubtful.nonzero().flatten()
    for block in blocks(len(at), a.shape[1]):
        some = at[block]
        inside[some] = pair_distances(a[i[some]], b[j[some]]) <= radius[some]
    return pairs[:, inside]
