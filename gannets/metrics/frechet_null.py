"""What Fréchet's distance is between samples of one law: by splits of a set, and by permutation.

Sets that are large against d are cut into blocks once; a random subset is then a sum of blocks'
moments, and costs no look at the samples. FD is invariant to what blocks a sample is in, so the
permutation of blocks is a permutation test like any other, exact at any n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gannets.game.stream import Stream
from gannets.metrics.resampling import permutation_p

__all__ = ["BlockMoments", "Floor", "permutation_test", "split_floor"]

BLOCKS = 32
LARGEST = 512
"""Features beyond which the moments of blocks take too much memory."""
CHEAP = 256
"""The rank up to which all draws are made that were asked for; then their number falls as d⁻³."""
BUDGET = 1 << 23
FEW = 1.5
"""Samples a dimension beyond which FD falls as 1/n, to 3 %."""
JITTER = 1e-11
"""What is added to variances, relative to their mean, that every covariance has a Cholesky factor.
It moves FD by 1e-11 of the trace."""


@dataclass(frozen=True)
class Floor:
    """Mean and standard deviation of FD, p_g = p_data."""

    mean: float
    std: float
    draws: int
    """From how many random splits, and"""
    extrapolated: bool
    """whether beyond the law of 1/n."""


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """Of each block, the number of rows, their sum, and that of their squares."""

    counts: Float[Tensor, " b"]
    sums: Float[Tensor, "b d"]
    squares: Float[Tensor, "b d d"]

    @staticmethod
    def of(x: Float[Tensor, "n d"], *, size: int) -> BlockMoments:
        """Consecutive blocks of `size` rows, which should be centred; what is left is left out."""
        whole = x[: len(x) // size * size].unflatten(0, (-1, size))
        counts = torch.full((len(whole),), float(size), dtype=x.dtype)
        return BlockMoments(counts, whole.sum(1), whole.mT @ whole)

    def join(self, other: BlockMoments) -> BlockMoments:
        """The blocks of both."""
        return BlockMoments(
            torch.cat([self.counts, other.counts]),
            torch.cat([self.sums, other.sums]),
            torch.cat([self.squares, other.squares]),
        )

    def distances(
        self, real: Bool[Tensor, "p b"], fake: Bool[Tensor, "p b"]
    ) -> Float[Tensor, " p"]:
        """FD between the blocks that are `real` and those that are `fake`, for each of p draws."""
        step = max(1, BUDGET // self.squares[0].numel())
        parts = zip(real.split(step), fake.split(step), strict=True)
        return torch.cat([self._distances(a.double(), b.double()) for a, b in parts])

    def _distances(self, real: Tensor, fake: Tensor) -> Tensor:
        means, factors, traces = [], [], []
        for chosen in (real, fake):
            n = (chosen @ self.counts)[:, None]
            mean = chosen @ self.sums / n
            total = (chosen @ self.squares.flatten(1)).unflatten(1, self.squares.shape[1:])
            outer = mean[:, :, None] * mean[:, None, :]
            covariance = (total - outer * n[..., None]) / (n[..., None] - 1)
            trace = covariance.diagonal(dim1=1, dim2=2).sum(1).clamp(min=0)
            # Blocks that do not vary, away from the centre, have covariances of rounding errors.
            rounding = total.diagonal(dim1=1, dim2=2).sum(1) * torch.finfo(trace.dtype).eps
            jitter = trace * (JITTER / mean.shape[1]) + torch.finfo(trace.dtype).tiny
            jitter = jitter + 4 * rounding / (n[:, 0] - 1)
            covariance.diagonal(dim1=1, dim2=2).add_(jitter[:, None])
            means.append(mean)
            traces.append(trace)
            factors.append(torch.linalg.cholesky_ex(covariance).L)
        product = factors[0].mT @ factors[1]
        nuclear = torch.linalg.eigvalsh(product @ product.mT).clamp(min=0).sqrt().sum(1)
        gap = (means[0] - means[1]).square().sum(1)
        return (gap + traces[0] + traces[1] - 2 * nuclear).clamp(min=0)


def split_floor(
    x: Float[Tensor, "n d"], *, n: tuple[int, int], draws: int, stream: Stream
) -> Floor:
    """The mean of FD of two samples of p_data, of n[0] and n[1], from random parts of x.

    The parts are disjoint and of n[0] and n[1] rows, or of as many as x has. From there FD goes on
    as 1/n where n exceeds `FEW` d; for fewer samples its logarithm is carried on as a parabola in
    log n, through these parts, halves and quarters of them. Drawn from x alone, it is the floor of
    this p_data however bad p_g is.
    """
    x = _reduced(x[stream.permutation(len(x))])
    draws = _affordable(draws, min(x.shape))
    first = max(1, min(n[0], len(x) - min(n[1], len(x) // 2)))
    parts = (first, max(1, min(n[1], len(x) - first)))
    near, scale = _random_pairs(x, n, parts, draws, stream)
    mean, std = float(near.mean()), float(near.std())
    few = scale < 1 and min(n) < FEW * x.shape[1] and min(parts) >= 8 and mean > 0
    if few:
        smaller = [(parts[0] // k, parts[1] // k) for k in (2, 4)]
        pairs = [_random_pairs(x, n, each, draws, stream)[0] for each in smaller]
        a, b = (math.log(float(values.mean()) / mean) for values in pairs)
        # The parabola through 0, a and b at 0, -1 and -2, in halvings of n.
        steps = -math.log2(scale)
        rise = steps * (b - 4 * a) / 2 + steps**2 * (b - 2 * a) / 2
        scale = min(1.0, max(scale, math.exp(rise)))
    return Floor(mean * scale, std * scale, draws, few)


def permutation_test(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], *, draws: int, stream: Stream
) -> float | None:
    """The probability of an FD as large as this were real and fake of one law.

    None where fewer than 19 exchanges can be afforded, with which no p is below 0.05.
    """
    draws = _affordable(draws, min(real.shape[1], len(real), len(fake)))
    if draws < 19:
        return None
    real = real[stream.permutation(len(real))]
    fake = fake[stream.permutation(len(fake))]
    both = torch.cat([real, fake])
    centre = both.mean(0)
    both = _reduced(both - centre)
    real, fake = both[: len(real)], both[len(real) :]
    n, d = min(len(real), len(fake)), both.shape[1]
    first, count, distances = len(real), len(both), _RowPairs(both).distances
    if _many(n, d):
        size = max(n // BLOCKS, -(-len(both) // _most_blocks(d)))
        blocks = BlockMoments.of(real, size=size)
        joined = blocks.join(BlockMoments.of(fake, size=size))
        first, count, distances = len(blocks.sums), len(joined.sums), joined.distances
    orders = [torch.arange(count)] + [stream.permutation(count) for _ in range(draws)]
    chosen = torch.stack(orders).argsort(1) < first
    values = distances(chosen, ~chosen)
    return permutation_p(float(values[0]), values[1:] + 1e-9 * values[0])


@dataclass(frozen=True, eq=False)
class _RowPairs:
    """FD between subsets of rows, each looked at: where there are too few for blocks."""

    x: Tensor

    def distances(
        self, real: Bool[Tensor, "p n"], fake: Bool[Tensor, "p n"]
    ) -> Float[Tensor, " p"]:
        """FD between the rows that are `real` and those that are `fake`, for each of p draws."""
        values = []
        for first, second in zip(real, fake, strict=True):
            a, b = self.x[first], self.x[second]
            gap = a.mean(0) - b.mean(0)
            a, b = _factor(a), _factor(b)
            traces = a.square().sum() + b.square().sum()
            values.append(gap.square().sum() + traces - 2 * torch.linalg.svdvals(a @ b.T).sum())
        return torch.stack(values).clamp(min=0)


def _random_pairs(
    x: Tensor, n: tuple[int, int], parts: tuple[int, int], draws: int, stream: Stream
) -> tuple[Tensor, float]:
    """FD of pairs of disjoint subsets, of about `parts` rows, and what 1/n brings it to at n."""
    a, b = parts
    count, size, distances = len(x), 1, _RowPairs(x).distances
    if _many(min(a, b), x.shape[1]):
        size = max(min(a, b) * 2 // BLOCKS, -(-len(x) // _most_blocks(x.shape[1])))
        blocks = BlockMoments.of(x - x.mean(0), size=size)
        count, distances = len(blocks.sums), blocks.distances
    a, b = max(1, a // size), max(1, b // size)
    ranks = torch.stack([stream.permutation(count) for _ in range(draws)])
    values = distances(ranks < a, (ranks >= a) & (ranks < a + b))
    return values, (1 / n[0] + 1 / n[1]) / (1 / (a * size) + 1 / (b * size))


def _factor(x: Tensor) -> Tensor:
    """R with Rᵀ R the covariance of the rows."""
    centred = (x - x.mean(0)) / max(1, len(x) - 1) ** 0.5
    return centred if len(x) <= x.shape[1] else torch.linalg.qr(centred, mode="r").R


def _reduced(x: Tensor) -> Tensor:
    """The rows in the space that they span: no more coordinates than rows."""
    return x if len(x) >= x.shape[1] else torch.linalg.qr(x.T, mode="r").R.T


def _many(n: int, d: int) -> bool:
    return n >= 2 * d and n >= 2 * BLOCKS and d <= LARGEST


def _affordable(draws: int, rank: int) -> int:
    return max(4, min(draws, int(draws * (CHEAP / rank) ** 3)))


def _most_blocks(d: int) -> int:
    return min(256, max(2 * BLOCKS, 2 * BUDGET // d**2))
