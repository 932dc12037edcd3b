"""Optimal transport on lines: W_p^p = min over couplings of E|x - y|^p, along random directions.

On a line the optimal coupling is the monotone one, W_p^p = ∫ |F⁻¹(u) - G⁻¹(u)|^p du, exact for
any two numbers of samples (Villani 2003, theorem 2.18). Its dual potentials, φ(x) + ψ(y) <=
|x - y|^p with equality where mass moves, are the influence of each sample on the value: their
variance over n is the variance of the value (del Barrio and Loubes 2019).

SW_p^p is the mean over directions θ of W_p^p(θ·x, θ·y): Rabin et al. (2011), Bonneel et al. (2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import quadratic_interval
from gannets.metrics.wording import meaning

__all__ = [
    "SlicedWasserstein",
    "directions",
    "sliced_wasserstein",
    "transport_1d",
    "wasserstein_1d",
]

NUMBERS = 1 << 22
"""Projected numbers at a time: 32 MiB of doubles, of which a dozen are held."""


@dataclass(frozen=True, eq=False)
class Line:
    """Transport between two samples on k lines: W_p^p of each, and its potentials."""

    cost: Float[Tensor, " k"]
    real: Float[Tensor, "m k"]
    """φ at each real sample, and"""
    fake: Float[Tensor, "n k"]
    """ψ at each fake one; mean φ + mean ψ = W_p^p."""


def wasserstein_1d(
    *, real: Float[Tensor, "m k"], fake: Float[Tensor, "n k"], p: float = 1
) -> Float[Tensor, " k"]:
    """W_p^p of each column, exactly, for p >= 1 and any m and n."""
    x, y = real.double().sort(0).values, fake.double().sort(0).values
    i, j, weight = _path(len(x), len(y))
    return weight @ (x[i] - y[j]).abs().pow(p)


def transport_1d(*, real: Float[Tensor, "m k"], fake: Float[Tensor, "n k"], p: float = 1) -> Line:
    """W_p^p of each column with its dual potentials.

    Along the monotone coupling one index advances at a time, and its potential with the cost; where
    both do, the mean of the two orders is taken.
    """
    x, x_order = real.double().sort(0)
    y, y_order = fake.double().sort(0)
    i, j, weight = _path(len(x), len(y))
    left, right = x[i], y[j]
    cost = (left - right).abs().pow(p)
    # The costs of the corners between a step's two ends.
    x_first = (left[1:] - right[:-1]).abs().pow(p)
    y_first = (left[:-1] - right[1:]).abs().pow(p)
    step_x = (x_first - cost[:-1] + cost[1:] - y_first) / 2
    step_y = (y_first - cost[:-1] + cost[1:] - x_first) / 2
    alone_x, alone_y = (i.diff() > 0) & (j.diff() == 0), (j.diff() > 0) & (i.diff() == 0)
    step_x = torch.where(alone_x[:, None], cost[1:] - cost[:-1], step_x)
    step_y = torch.where(alone_y[:, None], cost[1:] - cost[:-1], step_y)
    step_x[alone_y], step_y[alone_x] = 0.0, 0.0
    first = torch.zeros_like(cost[:1])
    phi = torch.cat([first, step_x.cumsum(0)])[_first(i)]
    psi = torch.cat([cost[:1], cost[0] + step_y.cumsum(0)])[_first(j)]
    return Line(
        cost=weight @ cost,
        real=torch.empty_like(phi).scatter_(0, x_order, phi),
        fake=torch.empty_like(psi).scatter_(0, y_order, psi),
    )


def _path(m: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The monotone coupling of m and n equal masses: pairs of ranks, and the mass that moves."""
    cuts = torch.cat([torch.arange(1, m + 1) * n, torch.arange(1, n + 1) * m]).unique()
    # Mass up to cut/(mn) is moved: it lies within the ranks (cut - 1) // n and (cut - 1) // m.
    weight = torch.diff(cuts, prepend=torch.zeros(1, dtype=torch.int64)).double() / (m * n)
    return (cuts - 1) // n, (cuts - 1) // m, weight


def _first(ranks: Tensor) -> Tensor:
    """Where on the path each rank is first met."""
    return torch.searchsorted(ranks, torch.arange(int(ranks[-1]) + 1))


def influence_variance(real: Float[Tensor, " m"], fake: Float[Tensor, " n"]) -> float:
    """The variance of a value of which these are the influences of the samples.

    Where p_g = p_data it is twice what the value has: the second order is all there is.
    """
    return sum(float(x.var()) / len(x) for x in (real, fake) if len(x) > 1)


def split_floor(m: int, n: int, h: int, *, rate: float) -> float:
    """By what to multiply the value of two halves of h samples, for that of m and n.

    Values of equal distributions fall as n^-rate; a one-sided part counts by half.
    """
    return ((1 / m + 1 / n) / (2 / h)) ** rate


def halves(x: Float[Tensor, "n d"], stream: Stream) -> tuple[Tensor, Tensor]:
    """Two halves of the rows of x, at random, of one size."""
    order = stream.permutation(len(x))
    h = len(x) // 2
    return x[order[:h]], x[order[h : 2 * h]]


def directions(d: int, k: int, stream: Stream) -> Float[Tensor, "d k"]:
    """Unit vectors, k of them, uniform on the sphere; on the line there is one only."""
    if d == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    normal = stream.normal(k, d).double().T
    return normal / normal.norm(dim=0)


def sliced_wasserstein(
    *,
    real: Float[Tensor, "m d"],
    fake: Float[Tensor, "n d"],
    directions: Float[Tensor, "d k"],
    p: int = 2,
) -> float:
    """The mean over `directions`, columns of length 1, of W_p^p between the projections."""
    total = 0.0
    for part in _parts(directions, len(real) + len(fake)):
        cost = wasserstein_1d(real=real.double() @ part, fake=fake.double() @ part, p=p)
        total += float(cost.sum())
    return total / directions.shape[1]


@dataclass(frozen=True)
class SlicedWasserstein:
    """SW1 or SW2², in the units of the features (squared)."""

    p: int = 2
    projections: int = 128
    splits: int = 2
    """Splits of the real samples into halves, for the floor."""

    def __post_init__(self) -> None:
        """Refuse powers other than 1 and 2, no direction, and a floor without a split."""
        if self.p not in (1, 2) or self.projections < 1 or self.splits < 1:
            raise InputError(
                "SlicedWasserstein takes p = 1 or 2, projections >= 1 and splits >= 1, not "
                f"{self.p}, {self.projections} and {self.splits}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        centre = comparison.real_features.mean(0)
        real, fake = comparison.real_features - centre, comparison.fake_features - centre
        m, n, d = len(real), len(fake), real.shape[1]
        along = directions(d, self.projections, comparison.stream("sliced"))
        value, first_order, choice = self._measure(real, fake, along)
        stream = comparison.stream("sliced/floor")
        floor = null = 0.0
        for _ in range(self.splits):
            mean, variance, _ = self._measure(*halves(real, stream), along)
            floor += mean / self.splits
            null += variance / 2 / self.splits
        floor *= split_floor(m, n, m // 2, rate=self.p / 2)
        null *= split_floor(m, n, m // 2, rate=self.p)
        low, high = quadratic_interval(
            value,
            first_order=first_order + choice,
            null=null + choice,
            # No eigenvalue of Σ is beyond (tr Σ²)^{1/2}.
            steepest=math.sqrt(8 * null),
        )
        interval = (max(0.0, low), high)
        times = f", {value / floor:.3g} times what new real samples have" if floor > 0 else ""
        mind = {"mind": 3 * d * value} if self.p == 2 else {}
        return (
            comparison.estimate(
                self,
                "sliced",
                "SW2^2" if self.p == 2 else "SW1",
                value,
                interval=interval,
                floor=floor,
                meaning="The sides are equal on all projections."
                if value == 0
                else meaning(
                    value,
                    floor=floor,
                    interval=interval,
                    level="Transport along random directions costs no more than between two sets "
                    "of real samples, as far as this n can tell.",
                    worse=f"Transport along random directions costs this much on average{times}.",
                ),
                details={"directions": along.shape[1], **mind},
            ),
        )

    def _measure(self, real: Tensor, fake: Tensor, along: Tensor) -> tuple[float, float, float]:
        """The value, and its variance by the samples and by the choice of directions."""
        k, costs = along.shape[1], []
        phi, psi = torch.zeros_like(real[:, 0]), torch.zeros_like(fake[:, 0])
        for part in _parts(along, len(real) + len(fake)):
            lines = transport_1d(real=real @ part, fake=fake @ part, p=self.p)
            costs.append(lines.cost)
            phi += lines.real.sum(1)
            psi += lines.fake.sum(1)
        cost = torch.cat(costs)
        choice = float(cost.var()) / k if k > 1 else 0.0
        return float(cost.mean()), influence_variance(phi / k, psi / k), choice


def _parts(directions: Tensor, rows: int) -> Iterator[Tensor]:
    """As many directions at a time as memory is granted for."""
    return iter(directions.split(max(1, NUMBERS // rows), dim=1))
