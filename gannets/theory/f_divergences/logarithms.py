"""The f-divergences made of logarithms: KL, reverse KL, Jensen-Shannon and the 2014 value.

References: Nowozin et al. 2016, Tables 1 and 2; Goodfellow et al. 2014, Theorem 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import logsigmoid, softplus

from gannets.theory.f_divergences.protocol import Values

LOG2 = math.log(2.0)


@dataclass(frozen=True)
class KL:
    """KL(P || Q) = ∫ p log(p/q);  f(t) = t log t."""

    at_zero: ClassVar[float] = 0.0
    slope_at_infinity: ClassVar[float] = math.inf
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def f(self, t: Values) -> Values:
        """= t log t, 0 at 0."""
        return torch.xlogy(t, t)

    def derivative(self, t: Values) -> Values:
        """1 + log t."""
        return 1 + t.log()

    def conjugate(self, u: Values) -> Values:
        """exp(u - 1)."""
        return (u - 1).exp()

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """= p log(p/q)."""
        return log_p.exp() * (log_p - log_q)

    def activation(self, v: Values) -> Values:
        """= v."""
        return v

    def activated_conjugate(self, v: Values) -> Values:
        """exp(v - 1)."""
        return (v - 1).exp()

    def optimal_output(self, log_ratio: Values) -> Values:
        """1 + log p/q."""
        return 1 + log_ratio


@dataclass(frozen=True)
class ReverseKL:
    """KL(Q || P) = ∫ q log(q/p);  f(t) = -log t."""

    at_zero: ClassVar[float] = math.inf
    slope_at_infinity: ClassVar[float] = 0.0
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, 0.0)

    def f(self, t: Values) -> Values:
        """-log t, +inf at 0."""
        return -t.log()

    def derivative(self, t: Values) -> Values:
        """-1/t."""
        return -1 / t

    def conjugate(self, u: Values) -> Values:
        """-1 - log(-u), u < 0."""
        inside = u < 0
        return torch.where(inside, -1 - (-torch.where(inside, u, -1)).log(), math.inf)

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """= q log(q/p)."""
        return log_q.exp() * (log_q - log_p)

    def activation(self, v: Values) -> Values:
        """-exp(-v)."""
        return -(-v).exp()

    def activated_conjugate(self, v: Values) -> Values:
        """= v - 1."""
        return v - 1

    def optimal_output(self, log_ratio: Values) -> Values:
        """= log p/q."""
        return log_ratio


@dataclass(frozen=True)
class GAN:
    """2 JSD(P, Q) - log 4, the 2014 value (Goodfellow et al. 2014, Theorem 1).

    f(t) = t log t - (t+1) log(t+1); with T = log D the bound is eq. 1, V(G, D).
    """

    at_zero: ClassVar[float] = 0.0
    slope_at_infinity: ClassVar[float] = 0.0
    minimum: ClassVar[float] = -2 * LOG2
    domain: ClassVar[tuple[float, float]] = (-math.inf, 0.0)

    def f(self, t: Values) -> Values:
        """= t log t - (t+1) log(t+1), written so that it does not cancel for large t."""
        return -t * (1 / t).log1p().where(t > 0, 0) - t.log1p()

    def derivative(self, t: Values) -> Values:
        """log(t / (t+1)), which is log D*."""
        return -(1 / t).log1p()

    def conjugate(self, u: Values) -> Values:
        """-log(1 - exp(u)), u < 0."""
        inside = u < 0
        return torch.where(inside, -(-torch.where(inside, u, -1).expm1()).log(), math.inf)

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """= p log D* + q log(1 - D*), D* = p / (p + q)."""
        logit = log_p - log_q
        return log_p.exp() * logsigmoid(logit) + log_q.exp() * logsigmoid(-logit)

    def activation(self, v: Values) -> Values:
        """= log sigmoid(v): v is the discriminator's logit."""
        return logsigmoid(v)

    def activated_conjugate(self, v: Values) -> Values:
        """-log(1 - sigmoid(v)) = softplus(v)."""
        return softplus(v)

    def optimal_output(self, log_ratio: Values) -> Values:
        """= log p/q."""
        return log_ratio


@dataclass(frozen=True)
class JensenShannon:
    """JSD = 1/2 KL(P || M) + 1/2 KL(Q || M), M = (P+Q)/2; symmetric, in [0, log 2].

    f(t) = 1/2 [t log t - (t+1) log((t+1)/2)], half of Table 1's.
    """

    at_zero: ClassVar[float] = LOG2 / 2
    slope_at_infinity: ClassVar[float] = LOG2 / 2
    minimum: ClassVar[float] = 0.0
    domain: ClassVar[tuple[float, float]] = (-math.inf, LOG2 / 2)

    def f(self, t: Values) -> Values:
        """1/2 [t log t - (t+1) log((t+1)/2)]."""
        return ((t + 1) * LOG2 + GAN().f(t)) / 2

    def derivative(self, t: Values) -> Values:
        """1/2 log(2 t / (t+1))."""
        return (LOG2 + GAN().derivative(t)) / 2

    def conjugate(self, u: Values) -> Values:
        """-1/2 log(2 - exp(2u)), u < 1/2 log 2."""
        return (GAN().conjugate(2 * u - LOG2) - LOG2) / 2

    def integrand(self, log_p: Values, log_q: Values) -> Values:
        """1/2 [p log(2p/(p+q)) + q log(2q/(p+q))]."""
        logit = log_p - log_q
        of_p = log_p.exp() * (LOG2 + logsigmoid(logit))
        return (of_p + log_q.exp() * (LOG2 + logsigmoid(-logit))) / 2

    def activation(self, v: Values) -> Values:
        """1/2 [log 2 + log sigmoid(v)]."""
        return (LOG2 + logsigmoid(v)) / 2

    def activated_conjugate(self, v: Values) -> Values:
        """1/2 [softplus(v) - log 2]."""
        return (softplus(v) - LOG2) / 2

    def optimal_output(self, log_ratio: Values) -> Values:
        """= log p/q."""
        return log_ratio
