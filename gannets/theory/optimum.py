"""D*(x) = p_data(x) / (p_data(x) + p_g(x)) and C(G) = -log 4 + 2 JSD(p_data || p_g).

Reference: Goodfellow et al. 2014: the value (eq. 1), Proposition 1, the criterion C(G) (eq. 4) and
Theorem 1 (eq. 6). All in nats. In logits D* is a difference, log p_data - log p_g, which is stable
where D* itself rounds to 0 or 1. Off both supports D is arbitrary (Proposition 1); here 1/2 there.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from gannets.theory.divergences import (
    LogDensity,
    Masses,
    PerBatch,
    check_masses,
    f_divergence_by_quadrature,
    jensen_shannon,
    log_masses,
    masses_by_quadrature,
    total_variation,
)
from gannets.theory.f_divergences import JensenShannon, TotalVariation
from gannets.theory.f_divergences.protocol import Values
from gannets.theory.quadrature import GaussLegendre

LOG4 = math.log(4.0)


def optimal_discriminator(p_data: Values, p_g: Values) -> Values:
    """D* = p_data / (p_data + p_g) (Proposition 1), of masses or density values; 1/2 if both are 0.

    ValueError for a negative value.
    """
    if not bool(((p_data >= 0) & (p_g >= 0)).all()):
        raise ValueError("p_data or p_g has an entry that is negative or NaN: densities are >= 0.")
    total = p_data + p_g
    return torch.where(total > 0, p_data / total.where(total > 0, 1), 0.5)


def optimal_logit(log_p_data: Values, log_p_g: Values) -> Values:
    """The logit of D*: log p_data - log p_g; ±inf where one is zero, 0 where both are."""
    same_infinity = log_p_data.isinf() & (log_p_data == log_p_g)
    difference = log_p_data.where(~same_infinity, 0) - log_p_g.where(~same_infinity, 0)
    return difference.where(~same_infinity, 0)


def value(p_data: Masses, p_g: Masses, *, discriminator: Masses) -> PerBatch:
    """V(G, D) = E_data[log D] + E_g[log(1 - D)] (eq. 1), of masses, at any D in [0, 1].

    -inf where D is 0 on data or 1 on samples. ValueError if D leaves [0, 1].
    """
    check_masses(p_data, p_g)
    if not bool(((discriminator >= 0) & (discriminator <= 1)).all()):
        raise ValueError(
            "discriminator has an entry outside [0, 1]: give probabilities, or use "
            "value_from_logits."
        )
    of_samples: Tensor = torch.special.xlog1py(p_g, -discriminator)
    return (torch.xlogy(p_data, discriminator) + of_samples).sum(-1)


def value_from_logits(p_data: Masses, p_g: Masses, *, logits: Masses) -> PerBatch:
    """V(G, D) (eq. 1) with D = sigmoid(logits): -E_data softplus(-d) - E_g softplus(d)."""
    check_masses(p_data, p_g)
    return -(_weighted(p_data, softplus(-logits)) + _weighted(p_g, softplus(logits)))


def value_by_quadrature(
    log_p_data: LogDensity, log_p_g: LogDensity, *, logit: LogDensity, rule: GaussLegendre
) -> Float[Tensor, ""]:
    """V(G, D) (eq. 1) of densities; `logit` maps points (n, d) to the discriminator's logits."""
    points, _ = rule.nodes()
    log_data, log_g = masses_by_quadrature(log_p_data, log_p_g, rule=rule)
    logits = logit(points)
    return -(
        _weighted(log_data.exp(), softplus(-logits)) + _weighted(log_g.exp(), softplus(logits))
    )


def criterion(p_data: Masses, p_g: Masses) -> PerBatch:
    """C(G) = max_D V(G, D) = -log 4 + 2 JSD (Theorem 1): -log 4 at p_g = p_data, 0 if disjoint."""
    return 2 * jensen_shannon(p_data, p_g) - LOG4


def criterion_by_quadrature(
    log_p_data: LogDensity, log_p_g: LogDensity, *, rule: GaussLegendre
) -> Float[Tensor, ""]:
    """C(G) = -log 4 + 2 JSD (Theorem 1) of densities."""
    divergence = JensenShannon()
    return (
        2 * f_divergence_by_quadrature(log_p_data, log_p_g, divergence=divergence, rule=rule) - LOG4
    )


def bayes_accuracy(p_data: Masses, p_g: Masses) -> PerBatch:
    """(1 + TV) / 2: the accuracy of D* > 1/2 on equal numbers of data and samples, the best."""
    return (1 + total_variation(p_data, p_g)) / 2


def bayes_accuracy_by_quadrature(
    log_p_data: LogDensity, log_p_g: LogDensity, *, rule: GaussLegendre
) -> Float[Tensor, ""]:
    """(1 + TV) / 2 of densities."""
    divergence = TotalVariation()
    return (
        1 + f_divergence_by_quadrature(log_p_data, log_p_g, divergence=divergence, rule=rule)
    ) / 2


def generator_gradient(p_data: Masses, p_g: Masses) -> Masses:
    """∂C/∂p_g(x) = log(1 - D*(x)), the derivative of V at D held at D* (proof of Proposition 2).

    By the envelope theorem a subgradient of sup_D V; -inf where p_g = 0 < p_data.
    """
    check_masses(p_data, p_g)
    return -softplus(optimal_logit(log_masses(p_data), log_masses(p_g)))


def _weighted(mass: Tensor, cost: Tensor) -> Tensor:
    """Σ mass x cost with 0 x inf = 0."""
    return (mass * cost.where(mass > 0, 0)).sum(-1)
