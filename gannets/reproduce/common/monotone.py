"""A generator on the line that increases, so that its density is exact: theorems can be measured.

p_g(G(h)) = φ(h) / G'(h) by change of variables, h standard normal. C(G) and V(G, D) then follow by
quadrature, without a sample.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.game import Space
from gannets.theory import Density, GaussLegendre, criterion_by_quadrature, value_by_quadrature
from gannets.training.state import State

__all__ = ["Monotone", "Pushforward", "measured"]

RULE = GaussLegendre((-8.0,), (8.0,), panels=64, order=8)


@dataclass(frozen=True)
class Monotone:
    """G(z) = m + s h + Σ v_j tanh(u_j (h - c_j)) with s, v_j, u_j > 0: strictly increasing.

    h = Φ⁻¹(u) is standard normal, u the uniform z of `Uniform(1)` brought to (0, 1). At the start
    x = G(z) is near N(mean, std²).
    """

    units: int = 16
    mean: float = 0.0
    std: float = 1.0

    def generator(self, space: Space) -> MonotoneGenerator:
        """The module, of random centres c_j."""
        return MonotoneGenerator(self)


class MonotoneGenerator(nn.Module):
    """The generator that a `Monotone` describes: z (m, 1), to x (m, 1)."""

    def __init__(self, net: Monotone) -> None:
        super().__init__()
        share = 0.5 * net.std  # half of the slope at first is the units', half the linear part's
        self.shift = nn.Parameter(torch.tensor(float(net.mean)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(share)))
        self.centres = nn.Parameter(torch.randn(net.units) * 1.2)
        self.log_steep = nn.Parameter(torch.zeros(net.units))
        self.log_height = nn.Parameter(torch.full((net.units,), math.log(2 * share / net.units)))

    def forward(self, z: Float[Tensor, "m 1"]) -> Float[Tensor, "m 1"]:
        """Samples x = G(z)."""
        # At the ends of the interval, which rounding can reach, h would be infinite.
        u = (z / math.sqrt(3) + 1) / 2
        return self.transport(torch.special.ndtri(u.clamp(1e-7, 1 - 1e-7)))

    def transport(self, h: Float[Tensor, "m 1"]) -> Float[Tensor, "m 1"]:
        """What becomes of h, standard normal."""
        steps = self.log_height.exp() * ((h - self.centres) * self.log_steep.exp()).tanh()
        return self.shift + self.log_scale.exp() * h + steps.sum(-1, keepdim=True)

    def slope(self, h: Float[Tensor, "m 1"]) -> Float[Tensor, "m 1"]:
        """dx/dh > 0."""
        flat = ((h - self.centres) * self.log_steep.exp()).tanh().square()
        units = (self.log_height + self.log_steep).exp() * (1 - flat)
        return self.log_scale.exp() + units.sum(-1, keepdim=True)


class Pushforward:
    """p_g of an increasing generator as it is now: log p_g(x) = log φ(h) - log G'(h), x = G(h)."""

    def __init__(self, generator: nn.Module) -> None:
        assert isinstance(generator, MonotoneGenerator)
        self._g = copy.deepcopy(generator).double().requires_grad_(False)
        self._h = torch.linspace(-9, 9, 2001, dtype=torch.float64)
        self._x = self._g.transport(self._h[:, None])[:, 0]

    def inverse(self, x: Float[Tensor, "n 1"]) -> Float[Tensor, "n 1"]:
        """The h of x: from the nearest points of a table, by bisection."""
        cell = torch.searchsorted(self._x, x[:, 0].contiguous()).clamp(1, len(self._x) - 1)
        low, high = self._h[cell - 1, None], self._h[cell, None]
        for _ in range(40):
            middle = (low + high) / 2
            below = self._g.transport(middle) < x
            low, high = middle.where(below, low), high.where(below, middle)
        return (low + high) / 2

    def log_density(self, x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        """The logarithm of p_g at x; beyond the table, |h| = 9, what it is there."""
        h = self.inverse(x)
        return (-h.square() / 2 - math.log(2 * math.pi) / 2 - self._g.slope(h).log())[:, 0]


def measured(state: State, data: Density) -> tuple[float, float]:
    """C(G) and V(G, D) of a game on `data` whose generator is a `Monotone`, by quadrature."""
    g, d = Pushforward(state.players.generator), state.players.discriminator

    @torch.no_grad()
    def logit(x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        logits: Tensor = d(x.to(state.device, state.dtype))
        return logits.to(x)

    pair = (data.log_density, g.log_density)
    value = value_by_quadrature(*pair, logit=logit, rule=RULE)
    return float(criterion_by_quadrature(*pair, rule=RULE)), float(value)
