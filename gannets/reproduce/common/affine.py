"""An affine generator on the line against a normal p_data: p_g is a normal, and D* is known.

x = a z + b with z standard normal has p_g = N(b, a^2). What D is beside D* (Goodfellow et al. 2014,
Proposition 1) follows by quadrature, without a sample.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory import (
    GaussLegendre,
    Normal,
    criterion_by_quadrature,
    optimal_discriminator,
    value_by_quadrature,
)
from gannets.theory.optimum import LOG4
from gannets.training import State

__all__ = ["from_optimum", "lack", "p_g"]


def p_g(state: State) -> Normal:
    """The density of G's samples; G is `MLP(())` of `Gaussian(1)`."""
    a, b = (float(p.detach()) for p in state.players.generator.parameters())
    # A G without width is a point, which has no density: no game here comes to that.
    return Normal(b, max(abs(a), 1e-6))


@torch.no_grad()
def from_optimum(state: State, data: Normal) -> float:
    """E|D - D*| under (p_data + p_g) / 2, where D is asked."""
    g = p_g(state)
    x, weights = _rule(g, data).nodes()
    of_data, of_g = data.log_density(x).exp(), g.log_density(x).exp()
    d = state.players.discriminator(x.float()).double().sigmoid()
    away = (d - optimal_discriminator(of_data, of_g)).abs()
    return float((weights * (of_data + of_g) / 2 * away).sum())


def lack(state: State, data: Normal) -> tuple[float, float]:
    """C(G) - V(G, D) >= 0, what D lacks of D*, and 2 JSD(p_data || p_g) = C(G) + log 4."""
    g = p_g(state)
    rule, pair = _rule(g, data), (data.log_density, g.log_density)

    @torch.no_grad()
    def logit(x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        logits: Tensor = state.players.discriminator(x.float())
        return logits.double()

    best = float(criterion_by_quadrature(*pair, rule=rule))
    return best - float(value_by_quadrature(*pair, logit=logit, rule=rule)), best + LOG4


def _rule(*normals: Normal) -> GaussLegendre:
    """A box with all of them."""
    reach = [(float(each.moments.mean), 8 * each.scale) for each in normals]
    low, high = min(m - r for m, r in reach), max(m + r for m, r in reach)
    return GaussLegendre((low,), (high,), panels=64, order=8)
