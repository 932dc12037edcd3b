"""A game on the line at one moment, measured exactly and drawn as in figure 1 of the paper.

Goodfellow et al. 2014, figure 1: D dashed and blue, p_data dotted and black, p_g solid and green;
below them x = G(z) from z, equally spaced in its interval: dense where p_g is high.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gannets.reproduce.common.drawing import BLACK, BLUE, GREEN
from gannets.reproduce.common.monotone import Pushforward, measured
from gannets.theory import Density
from gannets.theory.optimum import LOG4
from gannets.training.state import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Moment", "draw"]

LEFT, RIGHT = -3.0, 3.6


class Moment(NamedTuple):
    """The game at one moment, as it is drawn."""

    phase: str
    x: Float[Tensor, " n"]
    p_data: Float[Tensor, " n"]
    p_g: Float[Tensor, " n"]
    d: Float[Tensor, " n"]
    z: Float[Tensor, " a"]
    """Equally spaced in (-1, 1), where the arrows begin."""
    mapped: Float[Tensor, " a"]
    """G(z), where they end."""
    jsd: float
    """JSD(p_data || p_g) = (C(G) + log 4) / 2."""
    missed: float
    """C(G) - V(G, D) >= 0, what D lacks of D*."""

    @classmethod
    def of(cls, state: State, data: Density, *, phase: str) -> Moment:
        """A game on `data` as it stands."""
        best, value = measured(state, data)
        x = torch.linspace(LEFT, RIGHT, 400, dtype=torch.float64)[:, None]
        z = torch.linspace(-1, 1, 21, dtype=torch.float64)[1:-1]
        nets, like = state.players, state.parameters.generator[0]
        with torch.no_grad():
            d = nets.discriminator(x.to(like)).sigmoid().to(x)
            mapped = nets.generator(z[:, None].to(like) * math.sqrt(3)).to(x)
        return cls(
            phase=phase,
            x=x[:, 0],
            p_data=data.log_density(x).exp(),
            p_g=Pushforward(nets.generator).log_density(x).exp(),
            d=d,
            z=z,
            mapped=mapped[:, 0],
            jsd=(best + LOG4) / 2,
            missed=best - value,
        )

    @property
    def seen(self) -> Bool[Tensor, " n"]:
        """Where samples fall; elsewhere D is arbitrary (Proposition 1)."""
        both = self.p_data + self.p_g
        return both > 0.05 * both.max()

    @property
    def optimum(self) -> Float[Tensor, " n"]:
        """D* = p_data / (p_data + p_g)."""
        return self.p_data / (self.p_data + self.p_g)

    def mean(self, values: Float[Tensor, " n"]) -> float:
        """Of a function of x, under (p_data + p_g) / 2."""
        weights = self.p_data + self.p_g
        return float((weights * values).sum() / weights.sum())


def draw(axis: Axes, moment: Moment) -> None:
    """A panel as in the paper: D, p_data and p_g, and below them x = G(z) from z."""
    m, x_line, z_line = moment, -0.13, -0.52
    width = (RIGHT - LEFT) / 2
    begin = (LEFT + RIGHT) / 2 + 0.9 * width * m.z
    inside = (m.mapped > LEFT) & (m.mapped < RIGHT)
    begin, end = begin[inside], m.mapped[inside]
    for height in (x_line, z_line):
        axis.plot((LEFT, RIGHT), (height, height), color=BLACK, linewidth=1.0)
    axis.text(RIGHT + 0.12, x_line, "x", va="center", style="italic")
    axis.text(RIGHT + 0.12, z_line, "z", va="center", style="italic")
    bottom, up = torch.full_like(begin, z_line), torch.full_like(begin, x_line - z_line - 0.02)
    axis.quiver(
        *(begin, bottom, end - begin, up),
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.004,
        headwidth=5,
        color="0.35",
    )
    axis.fill_between(m.x, 0, m.p_g, color=GREEN, alpha=0.13, linewidth=0)
    axis.plot(m.x, m.p_g, color=GREEN, linewidth=2.2, label="$p_g$")
    axis.plot(m.x, m.p_data, color=BLACK, linestyle=":", linewidth=2.2, label="$p_{data}$")
    # Where no sample falls D is arbitrary: it is drawn faint there.
    axis.plot(m.x, m.d, color=BLUE, linestyle="--", linewidth=0.9, alpha=0.35)
    seen = m.d.where(m.seen, torch.nan)
    axis.plot(m.x, seen, color=BLUE, linestyle="--", linewidth=2.0, label="$D$")
    best = m.optimum.where(m.seen, torch.nan)
    axis.plot(m.x, best, color=BLUE, linewidth=4, alpha=0.2, label="$D^*$")
    axis.axhline(0.5, color="0.75", linewidth=0.7, zorder=0)
    axis.set_xlim(LEFT, RIGHT + 0.3)
    axis.set_ylim(z_line - 0.06, 1.06)
    axis.set_yticks((0, 0.5, 1))
    axis.set_xticks(())
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.spines["left"].set_bounds(0, 1)
    axis.set_title(m.phase, fontsize=11)
