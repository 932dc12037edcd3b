"""Optimal transport in any dimension between small sets: exactly, and smoothed by entropy.

W2² = min over couplings of E|x - y|² falls as slowly as n^(-2/d) even for equal distributions
(Dudley 1969; Fournier and Guillin 2015): both metrics are given with their floor, which is measured
at the very n, between disjoint sets of real samples. Transport of each feature alone is with that
along other lines, in `sliced`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import squared_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.mmd import scale
from gannets.metrics.resampling import quadratic_interval
from gannets.metrics.sliced import MarginalWasserstein, influence_variance

__all__ = [
    "Assignment",
    "MarginalWasserstein",
    "Plan",
    "Sinkhorn",
    "optimal_assignment",
    "sinkhorn_divergence",
]


@dataclass(frozen=True, eq=False)
class Plan:
    """An optimal assignment of n rows to n columns, and the dual solution that proves it so."""

    columns: Int64[Tensor, " n"]
    """The column of each row."""
    rows_price: Float[Tensor, " n"]
    columns_price: Float[Tensor, " n"]
    """u_i + v_j <= c_ij, with equality where i is assigned to j."""
    cost: float
    """The mean cost of the assigned pairs."""


def optimal_assignment(cost: Float[Tensor, "n n"]) -> Plan:
    """The permutation of least total cost, exactly, by shortest augmenting paths in O(n³).

    Jonker and Volgenant (1987): columns are first given to their cheapest rows, then each row that
    is left takes the shortest alternating path (Dijkstra on reduced costs). Costs are finite.
    """
    c = cost.double().numpy()
    n = len(c)
    v = c.min(0)
    taken = np.full(n, -1)  # the row of each column, and
    given = np.full(n, -1)  # the column of each row
    for column, row in enumerate(c.argmin(0)):
        if given[row] < 0:
            given[row], taken[column] = column, row
    for row in np.flatnonzero(given < 0):
        _augment(c, v, taken, given, int(row))
    u = c[np.arange(n), given] - v[given]
    return Plan(
        torch.from_numpy(given),
        torch.from_numpy(u),
        torch.from_numpy(v),
        float(c[np.arange(n), given].mean()),
    )


def _augment(c: np.ndarray, v: np.ndarray, taken: np.ndarray, given: np.ndarray, row: int) -> None:
    """Assign one more row along the shortest alternating path; prices stay feasible."""
    n = len(c)
    # Reached columns are kept out of the minimum by an infinite entry in `open_`.
    distance = c[row] - v
    open_ = distance.copy()
    before = np.full(n, row)
    reached: list[int] = []
    while True:
        end = int(open_.argmin())
        least = distance[end]
        if taken[end] < 0:
            break
        reached.append(end)
        open_[end] = np.inf
        via = int(taken[end])
        # The reduced cost of the assigned pair (via, end) is 0.
        through = c[via] - v
        through += least - (c[via, end] - v[end])
        nearer = (through < open_) & (open_ < np.inf)
        distance[nearer] = open_[nearer] = through[nearer]
        before[nearer] = via
    v[reached] += distance[reached] - least
    while True:
        via = int(before[end])
        taken[end] = via
        given[via], end = end, int(given[via])
        if via == row:
            return


def sinkhorn_divergence(
    *,
    real: Float[Tensor, "m d"],
    fake: Float[Tensor, "n d"],
    epsilon: float,
    tolerance: float = 1e-4,
    iterations: int = 1000,
) -> float:
    """S_ε = OT_ε(P, Q) - OT_ε(P, P)/2 - OT_ε(Q, Q)/2, cost |x - y|² (Genevay et al. 2018).

    OT_ε = min over couplings π of E_π|x - y|² + ε KL(π || P⊗Q). S_ε >= 0, and 0 for equal sets
    (Feydy et al. 2019); for ε -> 0 it is W2², for ε -> ∞ the squared distance of the means.
    """
    return _divergence(real, fake, epsilon, tolerance, iterations).value


@dataclass(frozen=True, eq=False)
class _Smoothed:
    value: float
    real: Tensor
    fake: Tensor
    error: float
    """How much of the mass is not yet where it should be."""


def _divergence(
    real: Tensor, fake: Tensor, epsilon: float, tolerance: float, iterations: int
) -> _Smoothed:
    if not epsilon > 0:
        raise InputError(f"Sinkhorn's divergence takes epsilon > 0, not {epsilon}.")
    centre = real.double().mean(0)
    x, y = real.double() - centre, fake.double() - centre
    f, g, off = _potentials(squared_distances(x, y), epsilon, tolerance, iterations)
    a, a_off = _symmetric(squared_distances(x, x), epsilon, tolerance, iterations)
    b, b_off = _symmetric(squared_distances(y, y), epsilon, tolerance, iterations)
    phi, psi = f - a, g - b
    return _Smoothed(float(phi.mean() + psi.mean()), phi, psi, max(off, a_off, b_off))


def _soft_min(cost: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """-ε log mean_j exp((g_j - c_ij)/ε), for each row."""
    scaled = (potential - cost).div_(epsilon)
    top = scaled.amax(1)
    return -epsilon * (top + scaled.sub_(top[:, None]).exp_().mean(1).log())


def _annealed(cost: Tensor, epsilon: float) -> list[float]:
    """From the largest cost down to ε by halves: few steps at each lead near the solution."""
    steps, current = [], float(cost.max())
    while current > epsilon:
        steps.append(current)
        current /= 2
    return steps


def _potentials(
    cost: Tensor, epsilon: float, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor, float]:
    """Sinkhorn's iteration on the dual potentials, in logarithms (Schmitzer 2019)."""
    transposed = cost.T.contiguous()
    g = torch.zeros_like(cost[0])
    for warm in _annealed(cost, epsilon):
        f = _soft_min(cost, g, warm)
        g = _soft_min(transposed, f, warm)
    f, off = _soft_min(cost, g, epsilon), 1.0
    for _ in range(iterations):
        g = _soft_min(transposed, f, epsilon)
        renewed = _soft_min(cost, g, epsilon)
        # After g's turn its marginal is exact; that of f is off by exp((f - renewed)/ε).
        off = float(torch.expm1((f - renewed) / epsilon).abs().mean())
        f = renewed
        if off < tolerance:
            break
    return f, _soft_min(transposed, f, epsilon), off


def _symmetric(
    cost: Tensor, epsilon: float, tolerance: float, iterations: int
) -> tuple[Tensor, float]:
    """The one potential of a set with itself: averaged steps, which converge fast."""
    f, off = torch.zeros_like(cost[0]), 1.0
    for warm in _annealed(cost, epsilon):
        f = (f + _soft_min(cost, f, warm)) / 2
    for _ in range(iterations):
        renewed = _soft_min(cost, f, epsilon)
        off = float(torch.expm1((f - renewed) / epsilon).abs().mean())
        f = (f + renewed) / 2
        if off < tolerance:
            break
    return f, off


Measured = tuple[float, Tensor, Tensor, tuple[str, ...]]
"""A value, the influences of the real and the fake samples on it, and notes."""


@dataclass(frozen=True)
class Assignment:
    """W2² between at most `largest` samples a side, by the exact optimal assignment."""

    largest: int = 500

    def __post_init__(self) -> None:
        """Refuse sets too small to be compared."""
        if self.largest < 2:
            raise InputError(f"Assignment takes largest >= 2, not {self.largest}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        def measure(x: Tensor, y: Tensor) -> Measured:
            plan = optimal_assignment(squared_distances(x, y))
            return max(plan.cost, 0.0), plan.rows_price, plan.columns_price, ()

        return _estimate(self, comparison, ("w2_exact", "W2^2"), self.largest, measure)


@dataclass(frozen=True)
class Sinkhorn:
    """The debiased Sinkhorn divergence, smoothed by ε = (blur · median distance of the real)²."""

    blur: float = 0.1
    largest: int = 500
    tolerance: float = 1e-3
    """Share of the mass that may be misplaced."""
    iterations: int = 300

    def __post_init__(self) -> None:
        """Refuse no blur, sets too small to be compared, and no iterations."""
        if not (self.blur > 0 and self.largest >= 2 and self.tolerance > 0 and self.iterations > 0):
            raise InputError(f"Sinkhorn takes numbers > 0, and largest >= 2: not {self}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        unit, note = scale(comparison.real_features, comparison.fake_features)
        epsilon = (self.blur * unit) ** 2

        def measure(x: Tensor, y: Tensor) -> Measured:
            out = _divergence(x, y, epsilon, self.tolerance, self.iterations)
            unfinished = (
                f"Not converged in {self.iterations} iterations: {out.error:.1%} of the mass is "
                "misplaced; give more iterations or more blur.",
            )
            notes = note + (unfinished if out.error > self.tolerance else ())
            return out.value, out.real, out.fake, notes

        details = {"epsilon": epsilon, "unit": unit}
        return _estimate(self, comparison, ("sinkhorn", "Sinkhorn"), self.largest, measure, details)


def _estimate(
    metric: object,
    comparison: Comparison,
    names: tuple[str, str],
    largest: int,
    measure: Callable[[Tensor, Tensor], Measured],
    details: dict[str, float] | None = None,
) -> tuple[Estimate, ...]:
    """The value between n samples a side, and the floor between n real and n other real samples."""
    key, label = names
    centre = comparison.real_features.mean(0)
    real, fake = comparison.real_features - centre, comparison.fake_features - centre
    n = min(largest, len(real) // 2, len(fake))
    stream = comparison.stream(key)
    order = stream.permutation(len(real))
    x, other = real[order[:n]], real[order[n : 2 * n]]
    y = fake[stream.permutation(len(fake))[:n]]
    value, phi, psi, notes = measure(x, y)
    floor, other_phi, other_psi, _ = measure(x, other)
    drawn = f"Computed from {n:,} samples a side, as many others of the real ones give the floor."
    low, high = quadratic_interval(
        value,
        first_order=influence_variance(phi, psi),
        null=influence_variance(other_phi, other_psi) / 2,
    )
    return (
        comparison.estimate(
            metric,
            key,
            label,
            value,
            n=(n, n),
            interval=(max(0.0, low), high) if n > 1 else None,
            floor=floor,
            meaning="Moving one set onto the other costs no more than between real sets."
            if value <= floor
            else f"Moving one set onto the other costs {value - floor:.3g} more than between "
            "real sets.",
            notes=(drawn, *notes),
            details=details,
        ),
    )
