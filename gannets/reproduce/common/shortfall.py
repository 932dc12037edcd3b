"""What a discriminator lacks of D*, by quadrature, where both densities are known.

C(G) - V(G, D) = E_{p_data + p_g} KL(D* || D) >= 0, KL of one coin from another (Goodfellow et al.
2014, Proposition 1 and eq. 3, 4); a D that answers 1/2 everywhere lacks 2 JSD(p_data || p_g).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from gannets.theory import (
    Density,
    GaussLegendre,
    criterion_by_quadrature,
    optimal_logit,
    value_by_quadrature,
)

__all__ = ["Judged", "Pair", "Shortfall", "logit"]


class Pair(NamedTuple):
    """Two known densities, and a box that holds both."""

    name: str
    p_data: Density
    p_g: Density
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def rule(self) -> GaussLegendre:
        """Of 1,024 nodes on the line and 112² in the plane; edges of boxes are edges of panels."""
        return GaussLegendre(self.low, self.high, panels=128 if len(self.low) == 1 else 14, order=8)


class Judged(NamedTuple):
    """A discriminator against D*, by quadrature."""

    steps: int
    lacks: float
    """C(G) - V(G, D), in nats."""
    coins: float
    """E_{p_data + p_g} KL(D* || D): the same, from D and D* alone."""
    away: float
    """Mean |D - D*| under (p_data + p_g) / 2."""


class Shortfall:
    """What any D lacks of D* for a pair of densities, on the nodes of the pair's rule."""

    def __init__(self, pair: Pair) -> None:
        self.rule = pair.rule
        self.points, weights = self.rule.nodes()
        self.log_data = pair.p_data.log_density(self.points)
        self.log_g = pair.p_g.log_density(self.points)
        self.both = weights * (self.log_data.exp() + self.log_g.exp())
        self.optimum = optimal_logit(self.log_data, self.log_g).sigmoid()
        known = (lambda _: self.log_data), (lambda _: self.log_g)
        self.criterion = float(criterion_by_quadrature(*known, rule=self.rule))
        self._known = known

    def judge(self, net: nn.Module, steps: int) -> Judged:
        """Judge D after so many steps."""
        logits, best = logit(net, self.points), self.optimum
        v = value_by_quadrature(*self._known, logit=lambda _: logits, rule=self.rule)
        entropy = torch.xlogy(best, best) + torch.special.xlog1py(1 - best, -best)
        cross = best * softplus(-logits) + (1 - best) * softplus(logits)
        coins = float((self.both * (entropy + cross)).sum())
        away = float((self.both * (logits.sigmoid() - best).abs()).sum() / self.both.sum())
        return Judged(steps, self.criterion - float(v), coins, away)


@torch.no_grad()
def logit(net: nn.Module, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """The logits of a net of single precision, in that of `x`."""
    logits: Tensor = net(x.float())
    return logits.to(x)
