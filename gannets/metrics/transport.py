"""Optimal transport in any dimension between small sets, exactly.

W2² = min over couplings of E|x - y|² falls as slowly as n^(-2/d) even for equal distributions
(Dudley 1969; Fournier and Guillin 2015): it is given with its floor, which is measured between
disjoint sets of real samples and brought to the very n. Transport smoothed by entropy is in
`sinkhorn`, that of each feature alone along other lines in `sliced`.
"""

from __future__ import annotations

import math
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
from gannets.metrics.resampling import quadratic_interval
from gannets.metrics.sliced import influence_variance
from gannets.metrics.wording import meaning

__all__ = [
    "Assignment",
    "Measured",
    "Plan",
    "between_sets",
    "optimal_assignment",
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

        return between_sets(self, comparison, ("w2_exact", "W2^2"), self.largest, measure)


def between_sets(
    metric: object,
    comparison: Comparison,
    names: tuple[str, str],
    largest: int,
    measure: Callable[[Tensor, Tensor], Measured],
    details: dict[str, float] | None = None,
) -> tuple[Estimate, ...]:
    """The value between n samples a side, and the floor between real and other real samples."""
    key, label = names
    centre = comparison.real_features.mean(0)
    real, fake = comparison.real_features - centre, comparison.fake_features - centre
    n = min(largest, len(real), len(fake))
    stream = comparison.stream(key)
    x = real[stream.permutation(len(real))]
    y = fake[stream.permutation(len(fake))[:n]]
    value, phi, psi, notes = measure(x[:n], y)
    floor, null, extrapolated = _floor(x, n, measure)
    low, high = quadratic_interval(value, first_order=influence_variance(phi, psi), null=null)
    # A half of fewer than 4 is one sample, of whose scatter nothing is known.
    interval = (max(0.0, low), high) if n > 3 else None
    return (
        comparison.estimate(
            metric,
            key,
            label,
            value,
            n=(n, n),
            interval=interval,
            floor=floor,
            meaning=meaning(
                value,
                floor=floor,
                interval=interval,
                level="Moving one set onto the other costs no more than between real sets, as far "
                "as this n can tell.",
                worse=f"Moving one set onto the other costs {value - floor:.3g} more than between "
                "real sets.",
            ),
            notes=(*comparison.note_of(n), *extrapolated, *notes),
            details=details,
        ),
    )


def _floor(
    real: Tensor, n: int, measure: Callable[[Tensor, Tensor], Measured]
) -> tuple[float, float, tuple[str, ...]]:
    """The value between disjoint sets of n real samples, its variance there, and a note.

    Where there are fewer than 2n, it is that of halves, by the power of n by which that of quarters
    is above it: in d dimensions it falls about as n^(-2/d), which says nothing of the features' d.
    """
    h = min(n, len(real) // 2)
    floor, phi, psi, _ = measure(real[:h], real[h : 2 * h])
    null = influence_variance(phi, psi) / 2
    if h == n:
        return floor, null, ()
    if q := h // 2:
        quarters = [measure(real[i : i + q], real[i + q : i + 2 * q])[0] for i in (0, 2 * q)]
        above = sum(quarters) / 2 / floor if floor > 0 else 1.0
        shrunk = (h / n) ** min(1.0, max(0.0, math.log(above) / math.log(h / q)))
        floor, null = floor * shrunk, null * shrunk**2
    note = f"The floor is extrapolated from {h:,} real samples against {h:,} others."
    return floor, null, (note,)
