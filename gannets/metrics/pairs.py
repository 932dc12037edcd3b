"""Sums of a kernel over all pairs of samples, and what follows: MMD², its error and its test.

    U = mean k(x, x') + mean k(y, y') - 2 mean k(x, y),  x ≠ x', y ≠ y',

estimates MMD² without bias (Gretton et al. 2012, lemma 6). `pairs` evaluates any kernel once for
every pair, in tiles; it keeps sums over rows and over blocks of rows, from which the value, its
standard error and its null follow. The energy distance is U of k = -|x - y|.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.resampling import permutation_p, quadratic_interval

__all__ = ["Kernel", "Pairs", "pairs"]

Kernel = Callable[[Tensor, Tensor], Tensor]
"""(m, d), (n, d) -> a new (m, n) tensor of k(a_i, b_j), symmetric in a and b."""

TILE = 1 << 20
"""Numbers in a tile: 8 MiB of doubles, which stay near the processor."""
BLOCKS = 1000
"""Blocks of rows, both sides together, that the null is made of."""
POWERS = 20
"""Steps of a power iteration."""


@dataclass(frozen=True, eq=False)
class Side:
    """Sums of a kernel over pairs of rows of two sets, or of two different rows of one set."""

    rows: Float[Tensor, " m"]
    columns: Float[Tensor, " n"]
    blocks: Float[Tensor, "g h"]
    squares: float
    diagonal: float = 0.0
    """The sum of k(x, x), which is in none of the other sums."""

    @property
    def total(self) -> float:
        """The sum over all pairs."""
        return float(self.rows.sum())


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is kept of all pairs: within x, within y, and across."""

    xx: Side
    yy: Side
    xy: Side
    size: int
    """Rows in a block; the last block of a side may have fewer."""

    @property
    def counts(self) -> tuple[int, int]:
        """Rows of x and of y."""
        return len(self.xy.rows), len(self.xy.columns)

    @property
    def value(self) -> float:
        """U; below 0 by chance where the two sides are alike."""
        m, n = self.counts
        within = self.xx.total / (m * (m - 1)) + self.yy.total / (n * (n - 1))
        return within - 2 * self.xy.total / (m * n)

    @property
    def variances(self) -> tuple[float, float] | None:
        """The two parts of the variance of U, each estimated without bias; the first may be < 0.

        By Hoeffding's decomposition Var U = 4 Var a/m + 4 Var b/n + 2 S_xx/(m(m-1))
        + 2 S_yy/(n(n-1)) + 4 S_xy/(mn), a(x) = E k(x, X') - E k(x, Y), b alike, S the mean square
        of the doubly centred kernel. For p = q, a and b are constant and S is all there is: the
        jackknife then gives twice the variance. S_xx, S_yy are U-centred sums (Székely and Rizzo
        2014); what S adds to the variance of row means is taken off (Sutherland et al. 2017 do
        so for m = n). None below 4 rows a side.
        """
        m, n = self.counts
        if min(m, n) < 4:
            return None
        s_xx, s_yy, s_xy = _u_centred(self.xx), _u_centred(self.yy), _centred(self.xy)
        a = float((self.xx.rows / (m - 2) - self.xy.rows / n).var()) - s_xx / (m - 2) - s_xy / n
        b = float((self.yy.rows / (n - 2) - self.xy.columns / m).var()) - s_yy / (n - 2) - s_xy / m
        second = 2 * s_xx / (m * (m - 1)) + 2 * s_yy / (n * (n - 1)) + 4 * s_xy / (m * n)
        return 4 * a / m + 4 * b / n, second

    @property
    def bias(self) -> float:
        """By how much the squared distance of the two mean embeddings, k(x, x) included, is above
        U: its mean for p = q.
        """
        sides = zip(self.counts, (self.xx, self.yy), strict=True)
        return sum((s.diagonal / n - s.total / (n * (n - 1))) / n for n, s in sides)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the squared distance |g + e|² of the embeddings, moved by its bias; None below 4 rows
        a side.
        """
        if self.variances is None:
            return None
        (first, second), sides = self.variances, (self.xx, self.yy)
        low, high = quadratic_interval(
            self.value + self.bias,
            first_order=max(first + 2 * second, 0.0),
            null=second,
            steepest=4 * sum(_largest(side, n) for side, n in zip(sides, self.counts, strict=True)),
        )
        return low - self.bias, high - self.bias

    def p(self, stream: Stream, *, permutations: int) -> float:
        """P(a U as large | p = q), by permuting the blocks of equal size: valid at any n.

        U of a permutation is a quadratic form sᵀ B s in the block sums, s in {0, 1}: one matrix
        product gives all. Rows must have come in random order.
        """
        (m, n), size, across = self.counts, self.size, self.xy.blocks
        sums = torch.cat(
            [torch.cat([self.xx.blocks, across], 1), torch.cat([across.T, self.yy.blocks], 1)]
        )
        in_x = torch.arange(len(sums)) < len(across)
        whole = torch.ones(len(sums), dtype=torch.bool)
        whole[len(across) - 1], whole[-1] = m % size == 0, n % size == 0
        movable = whole.nonzero().flatten()
        chosen = stream.uniform(permutations, len(movable)).argsort(1)
        chosen = movable[chosen[:, : int(in_x[movable].sum())]]
        sides = (in_x & ~whole).double()[:, None].repeat(1, permutations + 1)
        sides[:, 0] = in_x.double()
        sides[chosen.T, torch.arange(1, permutations + 1)] = 1.0
        rows = sides.T @ sums.sum(1)
        xx = (sides * (sums @ sides)).sum(0)
        yy = sums.sum() - 2 * rows + xx
        values = xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * (rows - xx) / (m * n)
        # Permutations that are equal to the data but for rounding are ties.
        rounding = 1e-12 * float(sums.abs().sum()) / (m * n)
        return permutation_p(float(values[0]) - rounding, values[1:])


def pairs(x: Float[Tensor, "m d"], y: Float[Tensor, "n d"], kernel: Kernel) -> Pairs:
    """Evaluate `kernel` on all pairs, in blocks: memory O(m + n), time O((m + n)²)."""
    if min(len(x), len(y)) < 2:
        raise InputError(
            f"{len(x)} real and {len(y)} fake samples make no pairs: give at least 2 of each."
        )
    x, y = x.double(), y.double()
    size = math.ceil((len(x) + len(y)) / BLOCKS)
    return Pairs(
        xx=_within(x, kernel, size),
        yy=_within(y, kernel, size),
        xy=_across(x, y, kernel, size),
        size=size,
    )


def _within(a: Tensor, kernel: Kernel, size: int) -> Side:
    """The sums over pairs of different rows: k is symmetric, so half of the tiles will do."""
    rows, squares, diagonal = torch.zeros_like(a[:, 0]), 0.0, 0.0
    g = math.ceil(len(a) / size)
    blocks = a.new_zeros(g, g)
    for start, stop in _steps(len(a), len(a), size):
        tile = kernel(a[start:stop], a[start:])
        diagonal += float(tile.diagonal().sum())
        tile.diagonal().zero_()
        beyond = stop - start
        rows[start:stop] += tile.sum(1)
        rows[stop:] += tile[:, beyond:].sum(0)
        squares += 2 * _squares(tile) - _squares(tile[:, :beyond])
        part = _block_sums(tile, size)
        blocks[start // size :][: len(part), start // size :] = part
    return Side(rows, rows, blocks.triu() + blocks.triu(1).T, squares, diagonal)


def _across(a: Tensor, b: Tensor, kernel: Kernel, size: int) -> Side:
    """The sums over pairs of a row of a and one of b."""
    rows, columns, squares = torch.empty_like(a[:, 0]), torch.zeros_like(b[:, 0]), 0.0
    blocks = []
    for start, stop in _steps(len(a), len(b), size):
        tile = kernel(a[start:stop], b)
        rows[start:stop] = tile.sum(1)
        columns += tile.sum(0)
        squares += _squares(tile)
        blocks.append(_block_sums(tile, size))
    return Side(rows, columns, torch.cat(blocks), squares)


def _steps(n: int, width: int, size: int) -> Iterator[tuple[int, int]]:
    """Starts and stops of tiles, whole blocks each."""
    step = size * max(1, TILE // (size * width))
    return ((start, min(start + step, n)) for start in range(0, n, step))


def _squares(tile: Tensor) -> float:
    return float(torch.linalg.vector_norm(tile)) ** 2


def _block_sums(tile: Tensor, size: int) -> Tensor:
    """The sums over blocks of `size` rows and columns; the last ones may be smaller."""
    for _ in range(2):  # Rows, then the other axis' rows.
        whole = len(tile) // size
        parts = [tile[: whole * size].reshape(whole, size, -1).sum(1)] if whole else []
        if len(tile) % size:
            parts.append(tile[whole * size :].sum(0)[None])
        tile = torch.cat(parts).T
    return tile


def _u_centred(side: Side) -> float:
    """E k̃(x, x')² of the doubly centred kernel, without bias (Székely and Rizzo 2014)."""
    m = len(side.rows)
    total = side.squares - 2 / (m - 2) * float(side.rows.square().sum())
    return max(total + side.total**2 / ((m - 1) * (m - 2)), 0.0) / (m * (m - 3))


def _largest(side: Side, n: int) -> float:
    """The largest eigenvalue of the covariance of the mean of n embeddings, from sums of blocks."""
    sums = side.blocks - side.blocks.mean(0)
    sums = sums - sums.mean(1, keepdim=True)
    v = sums[:, int(sums.norm(dim=0).argmax())]
    for _ in range(POWERS):
        v = sums @ (v / v.norm().clamp(min=torch.finfo(v.dtype).tiny))
    # g sums of n/g embeddings each have n/g times the covariance of one.
    return float(v.norm()) / n**2


def _centred(side: Side) -> float:
    """E k̃(x, y)² across, without bias: the residual of a two-way table."""
    m, n = len(side.rows), len(side.columns)
    total = side.squares - float(side.rows.square().sum()) / n
    total += side.total**2 / (m * n) - float(side.columns.square().sum()) / m
    return max(total, 0.0) / ((m - 1) * (n - 1))
