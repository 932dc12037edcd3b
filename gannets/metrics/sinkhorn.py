"""Optimal transport smoothed by entropy: the debiased Sinkhorn divergence.

Genevay et al. (2018), eq. 5; Feydy et al. (2019). Between W2² (no smoothing) and the squared
distance of the means; it falls faster with n than W2² does, the faster the smoother.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import squared_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.mmd import scale
from gannets.metrics.transport import Measured, between_sets

__all__ = ["Sinkhorn", "sinkhorn_divergence"]


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
            # Below 0 is the divergence of no two sets: what iterations left unfinished.
            return max(out.value, 0.0), out.real, out.fake, notes

        details = {"epsilon": epsilon, "unit": unit}
        names = ("sinkhorn", "Sinkhorn")
        return between_sets(self, comparison, names, self.largest, measure, details)
