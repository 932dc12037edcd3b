"""The f-divergences made of powers: total variation, squared Hellinger, Pearson and Neyman χ².

Reference: Nowozin et al. 2016, Tables 1 and 2 (the two χ² and total variation: appendix).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from gannets.theory.f_divergences.protocol import Values


@dataclass(frozen=True)
class TotalVariation:
    """TV = 1/2 ∫ |p - q| = sup_A P(A) - Q(A); symmetric, in [0, 1].  f(t) = 1/2 |t - 1|."""

    at_zero: ClassVar[float] = 0.5
    slope_at_infinity: ClassVar[float] = 0.5
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-0.5, 0.5)

    def f(self, t: Values) -> Values:
        """1/2 |t - 1|."""
        return (t - 1).abs() / 2

    def derivative(self, t: Values) -> Values:
        """1/2 sign(t - 1)."""
        return (t - 1).sign() / 2

    def conjugate(self, u: Values) -> Values:
        """u, |u| <= 1/2."""
        return torch.where(u.abs() <= 0.5, u, math.inf)

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """1/2 |p - q|."""
        return (log_p.exp() - log_q.exp()).abs() / 2

    def activation(self, v: Values) -> Values:
        """1/2 tanh v."""
        return v.tanh() / 2

    def activated_conjugate(self, v: Values) -> Values:
        """1/2 tanh v."""
        return v.tanh() / 2

    def optimal_output(self, log_ratio: Values) -> Values:
        """+inf where p > q, -inf where p < q, 0 where they are equal: the bound is not attained."""
        return torch.where(log_ratio == 0, 0.0, log_ratio.sign() * math.inf)


@dataclass(frozen=True)
class SquaredHellinger:
    """H^2 = ∫ (√p - √q)^2, in [0, 2] (no factor 1/2, as in Table 1).  f(t) = (√t - 1)^2."""

    at_zero: ClassVar[float] = 1.0
    slope_at_infinity: ClassVar[float] = 1.0
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, 1.0)

    def f(self, t: Values) -> Values:
        """= (√t - 1)^2."""
        return (t.sqrt() - 1).square()

    def derivative(self, t: Values) -> Values:
        """1 - 1/√t."""
        return 1 - t.rsqrt()

    def conjugate(self, u: Values) -> Values:
        """= u / (1 - u), u < 1."""
        inside = u < 1
        return torch.where(inside, u / (1 - torch.where(inside, u, 0)), math.inf)

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """= (√p - √q)^2."""
        return ((log_p / 2).exp() - (log_q / 2).exp()).square()

    def activation(self, v: Values) -> Values:
        """1 - exp(-v)."""
        return -(-v).expm1()

    def activated_conjugate(self, v: Values) -> Values:
        """exp(v) - 1."""
        return v.expm1()

    def optimal_output(self, log_ratio: Values) -> Values:
        """1/2 log p/q."""
        return log_ratio / 2


@dataclass(frozen=True)
class PearsonChi2:
    """χ²(P || Q) = ∫ (p - q)^2 / q;  f(t) = (t - 1)^2, on the whole line as Table 1 has it."""

    at_zero: ClassVar[float] = 1.0
    slope_at_infinity: ClassVar[float] = math.inf
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def f(self, t: Values) -> Values:
        """(t - 1)^2."""
        return (t - 1).square()

    def derivative(self, t: Values) -> Values:
        """2 (t - 1)."""
        return 2 * (t - 1)

    def conjugate(self, u: Values) -> Values:
        """u^2 / 4 + u."""
        return u.square() / 4 + u

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """(p - q)^2 / q."""
        ratio = (log_p - log_q).clamp(max=1)  # q (p/q - 1)^2 near p = q, else p^2/q - 2p + q
        far = (2 * log_p - log_q).exp() - 2 * log_p.exp() + log_q.exp()
        near = log_q.exp() * ratio.expm1().square()
        return torch.where(log_p - log_q < 1, near, far)

    def activation(self, v: Values) -> Values:
        """= v."""
        return v

    def activated_conjugate(self, v: Values) -> Values:
        """v^2 / 4 + v."""
        return self.conjugate(v)

    def optimal_output(self, log_ratio: Values) -> Values:
        """2 (p/q - 1)."""
        return 2 * log_ratio.expm1()


@dataclass(frozen=True)
class NeymanChi2:
    """χ²(Q || P) = ∫ (p - q)^2 / p;  f(t) = (1 - t)^2 / t."""

    at_zero: ClassVar[float] = math.inf
    slope_at_infinity: ClassVar[float] = 1.0
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, 1.0)

    def f(self, t: Values) -> Values:
        """(1 - t)^2 / t, +inf at 0."""
        return (1 - t).square() / t

    def derivative(self, t: Values) -> Values:
        """1 - 1/t^2."""
        return 1 - t.pow(-2)

    def conjugate(self, u: Values) -> Values:
        """2 - 2 √(1 - u), u <= 1."""
        inside = u <= 1
        return torch.where(inside, 2 - 2 * (1 - torch.where(inside, u, 0)).sqrt(), math.inf)

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """(p - q)^2 / p."""
        return PearsonChi2().integrand(log_q, log_p)

    def activation(self, v: Values) -> Values:
        """1 - exp(-v)."""
        return -(-v).expm1()

    def activated_conjugate(self, v: Values) -> Values:
        """2 - 2 exp(-v/2)."""
        return -2 * (-v / 2).expm1()

    def optimal_output(self, log_ratio: Values) -> Values:
        """2 log p/q."""
        return 2 * log_ratio
