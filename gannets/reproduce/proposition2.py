"""Proposition 2: if D is at its optimum at each step, small steps of p_g lead it to p_data.

C(p_g) = sup_D V(p_g, D) is convex in p_g, for V is linear in p_g at each D, and log(1 - D*) is its
subgradient (Goodfellow et al. 2014, Proposition 2). On a finite space the steps are those of
`theory.distribution_space`, p_g <- p_g (1 - D*)^-η / Z, for which C(p_t) + log 4 <=
KL(p_data || p_0) / (η t), and near p_data the error is multiplied by 1 - η/2 a step.

Nets do not move in distribution space, and their D is at its optimum only as k, D's steps for one
of G's, goes to infinity (Algorithm 1). So games are played for several k, on the line, with a G
that increases. Its density is then exact by change of variables, and so is C(G):
C(G) - V(G, D) falls as k grows, and C(G) falls to -log 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.game import Game, Players, Uniform
from gannets.nets import MLP
from gannets.objectives import Minimax
from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    at_least,
    at_most,
    drawing,
    near,
    save_drawing,
)
from gannets.reproduce.common.drawing import BLACK, BLUE, GREEN
from gannets.reproduce.common.monotone import Monotone, measured
from gannets.theory import (
    Density,
    Mixture,
    Normal,
    criterion,
    descend,
    generator_gradient,
    kl,
    local_rate,
)
from gannets.theory.optimum import LOG4
from gannets.training import Nets, Recipe
from gannets.training.state import State
from gannets.updates import Adam, Alternating, Linear

__all__ = ["Proposition2", "proposition2"]

SECTION = "4.2"
TAKES = ("90 s", "8 s")
SOURCE = "Goodfellow et al. 2014, Proposition 2"


class Curve(NamedTuple):
    """A game of k steps of D for one of G."""

    k: int
    steps: Float[Tensor, " n"]
    criterion: Float[Tensor, " n"]
    value: Float[Tensor, " n"]

    @property
    def gap(self) -> float:
        """Mean of C(G) - V(G, D) over the game, less its start, where D is untrained."""
        return float((self.criterion - self.value)[1:].mean())


@dataclass(frozen=True)
class Proposition2:
    """The settings; the defaults are the full version."""

    sizes: tuple[float, ...] = (0.1, 0.3, 1.0)
    """η of the steps in distribution space."""
    pairs: int = 10_000
    """Chords on which convexity is checked."""
    data: Density = Mixture((Normal(-1.0, 0.6), Normal(1.2, 0.5)), (0.6, 0.4))
    start: Monotone = Monotone(units=16, mean=1.5, std=0.6)
    ks: tuple[int, ...] = (1, 5, 20, 100)
    steps: int = 400
    batch: int = 256
    rate: float = 1e-2
    """Of G at first; a hundredth of it at the end."""
    discriminator_rate: float = 5e-3
    end: float = 1e-2  # 2 % of the start: samples keep G from -log 4 by noise
    falls: float = 0.5
    """What D lacks with the second k, at most, of what it lacks with the first; 1 where k does
    nothing. Set on seeds 1 to 3, quick and in full, checked on 5 and 6."""

    def quick(self) -> Proposition2:
        """Fewer and shorter games."""
        return replace(self, pairs=1_000, ks=(1, 4, 16), steps=100, rate=4e-2, end=4e-2)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Descend on a finite space, play the games, and draw both."""
        yield from self._convex(bench)
        descents = []
        for size in self.sizes:
            curve, claims = self._descent(bench, size)
            descents.append(curve)
            yield from claims
        curves = [self.play(k, bench) for k in self.ks]
        # Later steps bring little more than the batches' noise leaves: their order is asked for.
        bounds = (self.falls, *(1.0 for _ in curves[2:]))
        for (less, more), bound in zip(pairwise(curves), bounds, strict=False):
            what = f"mean C(G) - V(G, D) of the game, k = {more.k} over k = {less.k}"
            note = f"({more.gap:.2g} and {less.gap:.2g})"
            yield at_most(what, more.gap / less.gap, bound, source=SOURCE, note=note)
        first, *_, last = (curves[-1].criterion + LOG4).tolist()
        what, note = f"C(G) + log 4 at the end, k = {self.ks[-1]}", f"({first:.2g} at the start)"
        yield at_most(what, last, self.end, source=SOURCE, note=note)
        least = min(float((curve.criterion - curve.value).min()) for curve in curves)
        # Quadrature of smooth functions: 1e-9 and less.
        yield at_least("least C(G) - V(G, D) of all games", least, -1e-9, source="eq. 4")
        path = self._draw(bench, descents, curves)
        yield Figure(path, "C(G) (green) and V(G, D) (blue) in distribution space and for nets.")

    def _convex(self, bench: Bench) -> Iterator[Claim]:
        draw, outcomes = bench.stream("masses"), 10
        u = (draw.at(i).uniform(self.pairs, outcomes).double() for i in range(3))
        data, p, q = (x.clamp(1e-9).log() / x.clamp(1e-9).log().sum(1, keepdim=True) for x in u)
        t = draw.at(3).uniform(self.pairs, 1).double()
        chord = t[:, 0] * criterion(data, p) + (1 - t[:, 0]) * criterion(data, q)
        above = float((criterion(data, t * p + (1 - t) * q) - chord).max())
        # Ten terms of order 1 in double precision, here and below.
        yield at_most("C above its chords, the most, random masses", above, 1e-13, source=SOURCE)
        tangent = criterion(data, p) + (generator_gradient(data, p) * (q - p)).sum(1)
        below = float((tangent - criterion(data, q)).max())
        what = "tangents log(1 - D*) above C, the most, random masses"
        yield at_most(what, below, 1e-13, source=SOURCE)

    def _descent(self, bench: Bench, size: float) -> tuple[Tensor, list[Claim]]:
        """C + log 4 along mirror descent from a random start, and its claims."""
        cells = torch.linspace(-3, 3, 64, dtype=torch.float64)[:, None]
        p_data = self.data.log_density(cells).softmax(0)
        p_0 = (3 * bench.stream("start").normal(64).double()).softmax(0)
        steps = round(60 / size)
        path = descend(p_data, p_0, step_size=size, steps=steps)
        above = path.criterion + LOG4
        t = torch.arange(1, steps + 1, dtype=torch.float64)
        bound = kl(p_data, p_0) / (size * t)
        error = (path.p_g - p_data).abs().sum(1)
        # Late: small beside the least mass of p_data, 1e-5, and still far above rounding.
        late = int((error < 1e-8).nonzero()[0])
        measured = float(error[late + 5] / error[late]) ** (1 / 5)
        name = f"in distribution space, η = {size:g}"
        what = f"greatest (C + log 4) η t / KL(p_data || p_0) {name}"
        theory = "Lu, Freund and Nesterov 2018, Theorem 3.1"
        rises = float(path.criterion.diff().max())
        return above, [
            at_most(what, float((above[1:] / bound).max()), 1, source=theory),
            at_most(f"greatest rise of C in a step {name}", rises, 1e-15, source=theory),
            near(f"factor of the error a step {name}", measured, local_rate(size), within=1e-3),
        ]

    def recipe(self, k: int, seed: int) -> Recipe:
        """The game with k steps of D for one of G."""
        return Recipe(
            name=f"proposition2-k{k}",
            data=self.data,
            prior=Uniform(1),
            nets=Nets(self.start, MLP((32, 32), activation="tanh")),
            game=Game(Minimax()),
            update=Alternating(k=k),
            optimizers=Players(
                Adam(Linear(self.rate, self.rate / 100, steps=self.steps), betas=(0.0, 0.99)),
                Adam(self.discriminator_rate, betas=(0.0, 0.99)),
            ),
            batch=self.batch,
            steps=self.steps,
            seed=seed,
            evaluation=None,
        )

    def play(self, k: int, bench: Bench) -> Curve:
        """C(G) and V(G, D) along the game, fifty times."""
        state = State(self.recipe(k, bench.seed), device=bench.device)
        every = max(1, self.steps // 50)
        found = [(0.0, *measured(state, self.data))]
        for step in bench.each(f"a game, k = {k}", range(1, self.steps + 1), self.steps):
            state.advance()
            if step % every == 0:
                found.append((float(step), *measured(state, self.data)))
        steps, c, v = torch.tensor(found, dtype=torch.float64).T
        return Curve(k, steps, c, v)

    def _draw(self, bench: Bench, descents: Sequence[Tensor], curves: Sequence[Curve]) -> Path:
        figure = drawing(10, 5.4)
        axes = [figure.add_subplot(2, 3, i) for i in range(1, len(curves) + 3)]
        for size, above in zip(self.sizes, descents, strict=True):
            axes[0].loglog(range(1, len(above)), above[1:], label=f"$\\eta$ = {size:g}")
        axes[0].set_ylim(1e-14, 2)
        axes[0].set(title="distribution space, D = D*", xlabel="steps", ylabel="$C + \\log 4$")
        axes[0].legend()
        for axis, curve in zip(axes[1:], curves, strict=False):
            axis.plot(curve.steps, curve.criterion, color=GREEN, label="$C(G)$")
            axis.plot(curve.steps, curve.value, color=BLUE, linestyle="--", label="$V(G, D)$")
            axis.axhline(-LOG4, color=BLACK, linestyle=":", label="$-\\log 4$")
            axis.set(title=f"nets, k = {curve.k}", xlabel="updates of G", ylim=(-1.8, 0.05))
        axes[1].legend(fontsize=9)
        axes[-1].loglog([c.k for c in curves], [c.gap for c in curves], color=BLUE, marker="o")
        axes[-1].set(title="what D lacks, mean of the game", xlabel="k", ylabel="$C(G) - V(G, D)$")
        return save_drawing(bench.figure("proposition2.png"), figure)


proposition2 = Proposition2()
