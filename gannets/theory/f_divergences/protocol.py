"""D_f(P || Q) = E_Q[f(dP/dQ)] (Nowozin et al. 2016, eq. 2): what a member tells about itself.

Each member is a value that works elementwise on tensors of any floating dtype, with autograd.
The variational bound (eq. 4), with the critic T = g_f(V) (eq. 7), V any real number:

    D_f(P || Q) = sup_V  E_P[g_f(V)] - E_Q[f*(g_f(V))],    attained at g_f(V) = f'(p/q)   (eq. 5).

Table 1 gives f, Table 2 the output activations g_f, which are increasing: a large V says "from P".
f* is the conjugate of f on the whole line, by the formula as it is written there.
Jensen-Shannon is half of Table 1's, which is twice the divergence it is named after.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Float
from torch import Tensor

Values: TypeAlias = Float[Tensor, "*shape"]


@runtime_checkable
class FDivergence(Protocol):
    """What a member tells about itself; any object with these attributes and methods is one."""

    at_zero: ClassVar[float]
    """f(0) = lim f(t) as t falls to 0: the price of a unit of Q where P has nothing."""
    slope_at_infinity: ClassVar[float]
    """f'(∞) = lim f(t) / t: the price of a unit of P where Q has nothing."""
    minimum: ClassVar[float]
    """f(1) = D_f(P || P), the least value (Jensen)."""
    domain: ClassVar[tuple[float, float]]
    """Where f* is finite (its ends may or may not belong to it); g_f maps the line into it."""

    def f(self, t: Values) -> Values:
        """F at t >= 0."""

    def derivative(self, t: Values) -> Values:
        """f'(t), t > 0: the best critic at the density ratio t = p/q."""

    def conjugate(self, u: Values) -> Values:
        """f*(u) = sup_t (u t - f(t)); +inf outside the domain."""

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """= q f(p/q) from finite logarithms, without the overflow of the ratio."""

    def activation(self, v: Values) -> Values:
        """g_f(v), increasing, from the whole line into the domain of f*."""

    def activated_conjugate(self, v: Values) -> Values:
        """f*(g_f(v)) in one stable formula."""

    def optimal_output(self, log_ratio: Values) -> Values:
        """The v with g_f(v) = f'(p/q), given log p/q."""
