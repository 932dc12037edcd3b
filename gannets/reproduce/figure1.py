"""Figure 1: D follows p_data / (p_data + p_g), G follows D's gradient, and both end at D = 1/2.

A real game on the line, min_G max_D E log D(x) + E log(1 - D(G(z))), z uniform. G increases, so
that its density is exact by change of variables, p_g(G(z)) = p_z(z) / G'(z), and
D* = p_data / (p_data + p_g) is known beside the D that was trained. The four panels are those of
Goodfellow et al. 2014, figure 1: (a) a game under way, D partly accurate; (b) the inner loop of
Algorithm 1, D trained to D*; (c) G after it has followed D's gradient, D being held; (d) Algorithm
1 played to the end, where p_g = p_data and D = 1/2. The arrows are x = G(z) for equally spaced z:
dense where p_g is high. The animation is the same game.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from gannets.game import Game, Objective, Player, Players, Uniform
from gannets.nets import MLP
from gannets.objectives import Minimax
from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    at_most,
    drawing,
    pixels,
    save_animation,
    save_drawing,
)
from gannets.reproduce.common.drawing import BLACK, BLUE, GREEN
from gannets.reproduce.common.monotone import Monotone, Pushforward, measured
from gannets.theory import Density, Mixture, Normal
from gannets.theory.optimum import LOG4
from gannets.training import Nets, Recipe
from gannets.training.state import State
from gannets.updates import Adam, Alternating, Linear

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Figure1", "Moment", "figure1"]

SECTION = "3"
TAKES = ("1 min", "10 s")
SOURCE = "Goodfellow et al. 2014, figure 1"
LEFT, RIGHT = -3.0, 3.6

Frame = UInt8[np.ndarray, "height width 3"]


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


@dataclass(frozen=True)
class Figure1:
    """The settings of the game; the defaults are the full version."""

    data: Density = Mixture((Normal(-0.7, 0.5), Normal(0.8, 0.42)), (0.55, 0.45))
    start: Monotone = Monotone(units=16, mean=1.6, std=0.8)
    objective: Objective = Minimax()
    batch: int = 512
    warm: int = 12
    """Updates of Algorithm 1 before (a)."""
    sharpen: int = 3000
    """Updates of D between (a) and (b)."""
    push: int = 20
    """Updates of G between (b) and (c)."""
    steps: int = 2500
    """Updates of Algorithm 1 between (c) and (d), each with `k` of D."""
    k: int = 4
    frames: int = 26
    """Of the animation, in each of the three longer phases."""
    # A D and a G that learn from samples keep some of their noise.
    off_optimum: float = 0.03
    off_half: float = 0.02
    end: float = 1e-3

    def quick(self) -> Figure1:
        """A shorter game of smaller batches, with bounds as much wider as it is noisier."""
        shorter = replace(self, sharpen=1000, steps=450, frames=4)
        return replace(shorter, off_optimum=0.04, off_half=0.04, end=5e-3)

    def recipe(self, seed: int) -> Recipe:
        """The game. Both learning rates fall in its last part, so that it settles."""
        before = self.warm * self.k + self.sharpen
        rates = Players(
            generator=Linear(1e-2, 1e-4, steps=self.steps, after=self.warm + self.push),
            discriminator=Linear(5e-3, 2e-4, steps=self.k * self.steps, after=before),
        )
        return Recipe(
            name="figure1",
            data=self.data,
            prior=Uniform(1),
            nets=Nets(self.start, MLP((32, 32), activation="tanh")),
            game=Game(self.objective),
            update=Alternating(k=self.k),
            optimizers=rates.map(lambda lr: Adam(lr, betas=(0.0, 0.99))),
            batch=self.batch,
            steps=self.warm + self.steps,
            seed=seed,
            evaluation=None,
        )

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Play the game, judge its four moments and draw them."""
        film = self.play(bench)
        panels = list({moment.phase: moment for moment in film}.values())
        yield from self.claims(*panels)
        figure = drawing(10, 3.3)
        for axis, moment in zip(figure.subplots(1, len(panels)), panels, strict=True):
            _draw(axis, moment)
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        path = save_drawing(bench.figure("figure1.png"), figure)
        yield Figure(path, "Figure 1 of the paper, from a game that was played.")
        frames = list(_frames(film, bench))
        for suffix in (".gif", ".mp4") if shutil.which("ffmpeg") else (".gif",):
            path = save_animation(bench.figure(f"figure1{suffix}"), frames, fps=8, hold=3)
            yield Figure(path, "The same game as it was played.")

    def play(self, bench: Bench) -> list[Moment]:
        """The moments of the animation; those of the panels are the last of each phase."""
        state = State(self.recipe(bench.seed), device=bench.device)
        parts: tuple[tuple[str, int, Callable[[], object]], ...] = (
            ("(a) a game under way", self.warm, state.advance),
            ("(b) D is trained to D*", self.sharpen, lambda: _move(state, "discriminator")),
            ("(c) G follows D's gradient", self.push, lambda: _move(state, "generator")),
            ("(d) played to the end", self.steps, state.advance),
        )
        film = [Moment.of(state, self.data, phase=parts[0][0])]
        for phase, steps, move in parts:
            # Close together at first, where more happens.
            wanted = {round(steps ** (i / (self.frames - 1))) for i in range(self.frames)}
            for step in bench.each(phase[4:], range(1, steps + 1), steps):
                move()
                if step in wanted:
                    film.append(Moment.of(state, self.data, phase=phase))
        return film

    def claims(self, a: Moment, b: Moment, c: Moment, d: Moment) -> Iterator[Claim]:
        """Judge the four panels."""
        away = [moment.mean((moment.d - moment.optimum).abs()) for moment in (a, b)]
        note = f"(before, in (a): {away[0]:.2g})"
        what = "(b) mean |D - D*| under (p_data + p_g)/2, D trained and G held"
        yield at_most(what, away[1], self.off_optimum, source=SOURCE, note=note)
        what = "(b) what D lacks of max V, C(G) - V(G, D), of what there is, 2 JSD"
        # A D that answers 1/2 lacks all of 2 JSD, D* nothing.
        yield at_most(what, b.missed / (2 * b.jsd), 0.02, source="eq. 4")
        # log(1 - D*) is the subgradient of C: a step along it lowers C (Proposition 2).
        what = "(c) JSD(p_data || p_g) after G's updates, as a part of that in (b)"
        yield at_most(what, c.jsd / b.jsd, 1.0, source=SOURCE, note=f"({b.jsd:.3f} in (b))")
        what = "(d) JSD(p_data || p_g) at the end of Algorithm 1, in nats"
        yield at_most(what, d.jsd, self.end, source="Theorem 1: 0", note=f"({a.jsd:.3f} in (a))")
        what = "(d) mean |D - 1/2| under (p_data + p_g)/2"
        yield at_most(what, d.mean((d.d - 0.5).abs()), self.off_half, source=SOURCE)
        worst = float((d.d - 0.5).abs()[d.seen].max())
        yield at_most("(d) greatest |D - 1/2| where samples fall", worst, 5 * self.off_half)


def _move(state: State, player: Player) -> None:
    """One update of one player, the other held: the inner loop of Algorithm 1."""
    state.move(player, state.gradient(player).gradient)


def _draw(axis: Axes, moment: Moment) -> None:
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


def _frames(film: Sequence[Moment], bench: Bench) -> Iterator[Frame]:
    """The game beside its two distances: p_g from p_data, and D from D*."""
    figure = drawing(6.6, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=(2.1, 1))
    for i, moment in enumerate(bench.each("drawing the animation", film, len(film)), start=1):
        left.cla()
        right.cla()
        _draw(left, moment)
        left.legend(loc="upper right", frameon=False)
        past = film[:i]
        right.semilogy([m.jsd for m in past], color=GREEN, label="JSD$(p_{data}, p_g)$")
        lacks = [max(m.missed, 1e-9) for m in past]
        right.semilogy(lacks, color=BLUE, linestyle="--", label="$C(G) - V(G, D)$")
        right.set_xlim(0, len(film))
        right.set_ylim(3e-5, 10)
        right.set_xticks(())
        right.set_xlabel("the game")
        right.legend(loc="upper right", frameon=False, fontsize=9)
        right.spines[["top", "right"]].set_visible(False)
        yield pixels(figure)
        figure.set_layout_engine("none")  # laid out once: frames do not shake


figure1 = Figure1()
