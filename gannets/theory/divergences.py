"""D_f(P || Q) = ∫_{q>0} q f(p/q) + f'(∞) P{q = 0}: on masses exactly, on densities by quadrature.

Where p is zero, q f(p/q) is q f(0), so that disjoint supports, infinite values and equality come
out exactly: JSD == log 2, KL == inf, D(P || P) == f(1); never NaN. Directions are those of the
literature: KL(p || q) = Σ p log(p/q), reverse_kl(p, q) = KL(q || p) (Nowozin et al. 2016, Table 1).

Masses are probability vectors: the last dimension runs over the outcomes, the others are a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.f_divergences import (
    KL,
    FDivergence,
    JensenShannon,
    NeymanChi2,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
    TotalVariation,
)
from gannets.theory.quadrature import GaussLegendre

LogDensity: TypeAlias = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]
Masses: TypeAlias = Float[Tensor, "*batch k"]
PerBatch: TypeAlias = Float[Tensor, "*batch"]


def f_divergence(p: Masses, q: Masses, *, divergence: FDivergence) -> PerBatch:
    """D_f(P || Q) of masses, zeros included, differentiable where both are positive.

    ValueError if p and q are not probability vectors over the same outcomes.
    """
    check_masses(p, q)
    return _from_logarithms(log_masses(p), log_masses(q), divergence)


def f_divergence_by_quadrature(
    log_p: LogDensity, log_q: LogDensity, *, divergence: FDivergence, rule: GaussLegendre
) -> Float[Tensor, ""]:
    """D_f(P || Q) of densities given by their logarithms (-inf off the support), by `rule`.

    What lies outside the rule's box is not seen: take a box that holds both. float64.
    """
    log_p_masses, log_q_masses = masses_by_quadrature(log_p, log_q, rule=rule)
    return _from_logarithms(log_p_masses, log_q_masses, divergence)


def kl(p: Masses, q: Masses) -> PerBatch:
    """KL(P || Q) = Σ p log(p/q); +inf where P has mass and Q none."""
    return f_divergence(p, q, divergence=KL())


def reverse_kl(p: Masses, q: Masses) -> PerBatch:
    """KL(Q || P) = Σ q log(q/p); +inf where Q has mass and P none."""
    return f_divergence(p, q, divergence=ReverseKL())


def jensen_shannon(p: Masses, q: Masses) -> PerBatch:
    """JSD = 1/2 KL(P || M) + 1/2 KL(Q || M), M = (P+Q)/2, in [0, log 2]."""
    return f_divergence(p, q, divergence=JensenShannon())


def total_variation(p: Masses, q: Masses) -> PerBatch:
    """TV = 1/2 Σ |p - q|, in [0, 1]."""
    return f_divergence(p, q, divergence=TotalVariation())


def squared_hellinger(p: Masses, q: Masses) -> PerBatch:
    """H² = Σ (√p - √q)², in [0, 2]."""
    return f_divergence(p, q, divergence=SquaredHellinger())


def pearson_chi2(p: Masses, q: Masses) -> PerBatch:
    """χ²(P || Q) = Σ (p - q)² / q; +inf where P has mass and Q none."""
    return f_divergence(p, q, divergence=PearsonChi2())


def neyman_chi2(p: Masses, q: Masses) -> PerBatch:
    """χ²(Q || P) = Σ (p - q)² / p; +inf where Q has mass and P none."""
    return f_divergence(p, q, divergence=NeymanChi2())


def check_masses(p: Masses, q: Masses) -> None:
    """ValueError unless p and q are probability vectors over the same outcomes."""
    if p.shape != q.shape or p.ndim == 0 or p.shape[-1] == 0:
        raise ValueError(
            f"p has shape {tuple(p.shape)} and q {tuple(q.shape)}: "
            "give two mass vectors over the same outcomes (the last dimension)."
        )
    for name, masses in (("p", p), ("q", q)):
        if not bool((masses >= 0).all()):
            raise ValueError(f"{name} has an entry that is negative or NaN: masses are >= 0.")
        worst = float((masses.detach().sum(-1) - 1).abs().max()) if masses.numel() else 0.0
        if not worst <= 1e3 * torch.finfo(masses.dtype).eps * masses.shape[-1] ** 0.5:
            raise ValueError(
                f"{name} sums to 1 only within {worst:.3g}: divide it by its sum first."
            )


def log_masses(p: Masses) -> Masses:
    """Logarithms of masses: log 0 = -inf, and no NaN in the gradient at 0."""
    positive = p > 0
    return torch.where(positive, p, 1).log().masked_fill(~positive, -torch.inf)


def masses_by_quadrature(
    log_p: LogDensity, log_q: LogDensity, *, rule: GaussLegendre
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Log masses log(w_i p(x_i)) and log(w_i q(x_i)) at the nodes x_i: f-divergences are the same.

    q f(p/q) is homogeneous of degree one in (p, q), so the weights go into both.
    ValueError where a density is +inf or NaN at a node (a singular distribution has no density).
    """
    points, weights = rule.nodes()
    logs = []
    for name, log_density in (("log_p", log_p), ("log_q", log_q)):
        values = log_density(points)
        if values.shape != weights.shape or not bool((values < torch.inf).all()):
            raise ValueError(
                f"{name} must give one number below +inf for each of {weights.shape[0]} points; it "
                f"gave shape {tuple(values.shape)} with {int((~(values < torch.inf)).sum())} values"
                " that are +inf or NaN (singular distributions have no density: use their masses)."
            )
        logs.append(values + weights.log())
    return logs[0], logs[1]


def _from_logarithms(log_p: Tensor, log_q: Tensor, divergence: FDivergence) -> Tensor:
    """The three parts: where both are positive, where only Q is, and where only P is."""
    has_p, has_q = log_p > -torch.inf, log_q > -torch.inf
    both = has_p & has_q
    inside = divergence.integrand(log_p.where(both, 0), log_q.where(both, 0))
    total = inside.where(both, 0).sum(-1)
    total = total + _price(divergence.at_zero, log_q, missing=~has_p)
    total = total + _price(divergence.slope_at_infinity, log_p, missing=~has_q)
    return total.clamp(min=divergence.minimum)  # Jensen: only rounding can be below f(1)


def _price(unit_price: float, log_mass: Tensor, *, missing: Tensor) -> Tensor:
    """unit_price x the share of the mass on `missing`; 0 x inf = 0, and a share of all is 1."""
    mass = log_mass.exp()
    lost, kept = mass.where(missing, 0).sum(-1), mass.where(~missing, 0).sum(-1)
    share = lost / (lost + kept)
    return torch.where(share > 0, unit_price * share.where(share > 0, 1), 0)
