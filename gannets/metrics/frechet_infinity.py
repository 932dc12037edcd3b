"""Fréchet's distance without the bias of finite samples: FD(n₁, n₂) = a + b/n₁ + c/n₂.

Chong and Forsyth (2020) extrapolate to infinitely many generated samples. The reference is a sample
as well, and the error of its covariance stays in their number; here both sides go to infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.frechet import first_order_variance, frechet_distance
from gannets.metrics.frechet_null import LARGEST, BlockMoments, split_floor
from gannets.metrics.resampling import linear_interval

__all__ = ["FrechetInfinity"]

Pairs = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class FrechetInfinity:
    """a of FD(n₁, n₂) = a + b/n₁ + c/n₂: FD of p_g and p_data themselves, both sides extrapolated.

    Each side is cut at random into 1, 2, ... disjoint parts. Of all unbiased weights of the grid's
    values those are taken that scatter least where p_g = p_data. The value may be slightly
    negative: it is as often too small as too large.
    """

    parts: tuple[int, ...] = (1, 2, 4)
    """Into how many parts each side is cut."""
    splits: int = 100
    """Random parts of the real samples, for the scatter under the null."""

    def __post_init__(self) -> None:
        """Refuse a grid without slope."""
        if len(set(self.parts)) < 2 or min(self.parts) < 1 or self.splits < 4:
            raise InputError(
                f"FrechetInfinity takes two or more different numbers of parts >= 1 and splits >= "
                f"4, not {self.parts} and {self.splits}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """FD_inf."""
        stream = comparison.stream("fd_inf")
        real, fake = comparison.real_features, comparison.fake_features
        base = math.lcm(*self.parts)
        if min(len(real), len(fake)) < 2 * base:
            raise InputError(
                f"FD_inf needs at least {2 * base} samples a side for {max(self.parts)} parts, not "
                f"{min(len(real), len(fake))}: give more samples or fewer parts."
            )
        # Shuffled, for equal rows come together; and without the few that make no equal parts.
        sides = [
            (x - real[0])[stream.permutation(len(x))][: len(x) // base * base] for x in (real, fake)
        ]
        n = (len(sides[0]), len(sides[1]))
        grid = torch.tensor(_grid_values(sides[0], sides[1], self.parts), dtype=torch.float64)
        weights, scatter = _weights(self.parts, n)
        value = float(weights[0] @ grid)
        floor = split_floor(sides[0], n=n, draws=self.splits, stream=stream.at(1))
        first = first_order_variance(*sides)
        least = scatter * floor.std**2
        low, high = linear_interval(
            value,
            variance=max(first - 2 * floor.std**2 + least, first / 2),
            slope=first / float(grid[0]) if float(grid[0]) > 0 else 0.0,
            least=least,
        )
        residual, r2 = _fit(self.parts, n, weights, grid)
        smallest = min(n) // max(self.parts)
        notes = _notes(smallest, real.shape[1], r2, residual > (high - low) / 8, value)
        estimate = comparison.estimate(
            self,
            "fd_inf",
            "FD_inf",
            value,
            n=n,
            interval=(max(0.0, low), max(0.0, high)),
            floor=0.0,
            meaning=_meaning(low, high),
            notes=notes,
            details={
                "slope_real": float(weights[1] @ grid),
                "slope_fake": float(weights[2] @ grid),
                "fd": float(grid[0]),
                "r2": r2,
                "smallest_n": smallest,
                "grid": [
                    [n[0] // i, n[1] // j, float(each)]
                    for (i, j), each in zip(_grid(self.parts), grid, strict=True)
                ],
            },
        )
        return (estimate,)


def _grid(parts: tuple[int, ...]) -> list[tuple[int, int]]:
    """Parts of the real and of the fake samples; the first are the fewest on both sides."""
    ordered = sorted(set(parts))
    return [(i, j) for i in ordered for j in ordered]


def _pairs(i: int, j: int, base: int) -> Pairs:
    """Which of `base` chunks are in each of max(i, j) pairs of one of i parts and one of j."""
    chunk = torch.arange(base)
    return [(chunk * i // base == k % i, chunk * j // base == k % j) for k in range(max(i, j))]


def _grid_values(real: Tensor, fake: Tensor, parts: tuple[int, ...]) -> list[float]:
    """FD at each place of the grid, a mean over disjoint subsets."""
    base = math.lcm(*parts)
    grid = [_pairs(i, j, base) for i, j in _grid(parts)]
    if real.shape[1] <= LARGEST and min(len(real), len(fake)) >= 2 * base * real.shape[1]:
        centre = torch.cat([real, fake]).mean(0)
        blocks = BlockMoments.of(real - centre, size=len(real) // base)
        blocks = blocks.join(BlockMoments.of(fake - centre, size=len(fake) // base))
        none = torch.zeros(base, dtype=torch.bool)
        flat = [pair for pairs in grid for pair in pairs]
        values = blocks.distances(
            torch.stack([torch.cat([a, none]) for a, _ in flat]),
            torch.stack([torch.cat([none, b]) for _, b in flat]),
        )
        return [float(part.mean()) for part in values.split([len(pairs) for pairs in grid])]
    first, second = real.unflatten(0, (base, -1)), fake.unflatten(0, (base, -1))
    return [
        sum(
            frechet_distance(real=first[a].flatten(0, 1), fake=second[b].flatten(0, 1))
            for a, b in pairs
        )
        / len(pairs)
        for pairs in grid
    ]


@cache
def _weights(parts: tuple[int, ...], n: tuple[int, int]) -> tuple[Tensor, float]:
    """The grid's weights for a, b and c; and the variance of a over that of FD(n), at p_g = p_data.

    There FD is a quadratic form of Gaussian errors of means of chunks: forms M have covariances
    2 tr(M M'), and generalised least squares follow (Aitken 1935).
    """
    base, grid = math.lcm(*parts), _grid(parts)
    scale = torch.tensor([n[0] / base] * base + [n[1] / base] * base, dtype=torch.float64).rsqrt()
    forms = []
    for i, j in grid:
        form = torch.zeros(2 * base, 2 * base, dtype=torch.float64)
        for a, b in _pairs(i, j, base):
            contrast = torch.cat([a / a.sum(), b / -b.sum()]) * scale
            form += torch.outer(contrast, contrast) / max(i, j)
        forms.append(form.flatten())
    stacked = torch.stack(forms)
    covariance = 2 * stacked @ stacked.T
    design = _design(parts, n)
    columns = design.norm(dim=0)
    # A little of the identity: some of the grid's combinations have no scatter at all.
    ridge = 1e-6 * torch.eye(len(grid), dtype=torch.float64)
    inverse = torch.linalg.inv(covariance / covariance[0, 0] + ridge)
    scaled = design / columns
    weights = torch.linalg.solve(scaled.T @ inverse @ scaled, scaled.T @ inverse)
    weights = weights / columns[:, None]
    scatter = float(weights[0] @ covariance @ weights[0] / covariance[0, 0])
    return weights, scatter


def _design(parts: tuple[int, ...], n: tuple[int, int]) -> Tensor:
    return torch.tensor([[1.0, i / n[0], j / n[1]] for i, j in _grid(parts)], dtype=torch.float64)


def _fit(
    parts: tuple[int, ...], n: tuple[int, int], weights: Tensor, grid: Tensor
) -> tuple[float, float]:
    """The root mean square of what the plane leaves, and R²."""
    left = grid - _design(parts, n) @ weights @ grid
    total = float((grid - grid.mean()).square().sum())
    r2 = 1 - float(left.square().sum()) / total if total > 0 else 1.0
    return float(left.square().mean().sqrt()), r2


def _notes(smallest: int, d: int, r2: float, matters: bool, value: float) -> tuple[str, ...]:
    notes = []
    if smallest < 2 * d:
        notes.append(
            f"The smallest parts have {smallest:,} samples for {d} features (fewer than {2 * d:,}):"
            " FD does not yet fall as 1/n there. Give more samples, or fewer parts."
        )
    if r2 < 0.9 and matters:
        notes.append(f"The grid is no plane in 1/n (R² = {r2:.2f}): do not trust its end.")
    if value < 0:
        notes.append("An estimate without bias may be below 0; FD itself is not.")
    return tuple(notes)


def _meaning(low: float, high: float) -> str:
    if low > 0:
        return f"p_g and p_data themselves are between {low:.3g} and {high:.3g} apart."
    return f"p_g and p_data may be the same for FD; they are no more than {max(high, 0):.3g} apart."
