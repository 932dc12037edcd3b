"""Proposition 1: for G held, the optimal discriminator is D* = p_data / (p_data + p_g).

V(G, D) = ∫ p_data log D + p_g log(1 - D) is maximised point by point: a log y + b log(1 - y) is
concave in y and greatest at a / (a + b) (Goodfellow et al. 2014, Proposition 1, eq. 2 and 3). The
library's D* is compared with these fractions, and its V at D* with V at any other D at one point;
and on masses, V falls in every direction δ from D*, to second order by
1/2 Σ (p_data / D*² + p_g / (1 - D*)²) δ².

Then nets are trained on the library's objective and samples alone, and compared with D* of known
densities. What such a D lacks is a divergence, with a scale of its own:

    C(G) - V(G, D) = E_{p_data + p_g} KL(D* || D) >= 0,    C(G) + log 4 = 2 JSD(p_data || p_g),

KL of one coin from another; 2 JSD is what a D that answers 1/2 everywhere lacks. By Pinsker's
inequality the mean |D - D*| under (p_data + p_g) / 2 is at most √(C - V) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gannets.game import Objective, Space
from gannets.nets import MLP
from gannets.nets.description import build_net
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
    shown,
)
from gannets.reproduce.common.drawing import BLACK, BLUE, GREEN
from gannets.reproduce.common.shortfall import Judged, Pair, Shortfall, logit
from gannets.theory import (
    Box,
    Mixture,
    Normal,
    Ring,
    TwoMoons,
    criterion,
    optimal_discriminator,
    optimal_logit,
    value,
)
from gannets.theory.optimum import LOG4
from gannets.updates import Adam, Linear

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Proposition1", "proposition1"]

SECTION = "4.1"
TAKES = ("3 min", "5 s")
SOURCE = "Goodfellow et al. 2014, Proposition 1"


PAIRS = (
    Pair("two normals", Normal(-1.0, 1.0), Normal(1.0, 1.5), (-12.0,), (14.0,)),
    Pair(
        "a mixture and a normal",
        Mixture((Normal(-2.0, 0.5), Normal(1.5, 0.8)), (0.4, 0.6)),
        Normal(0.0, 2.0),
        (-12.0,),
        (12.0,),
    ),
    Pair("boxes that overlap by a third", Box((-2.0,), (1.0,)), Box((0.0,), (3.0,)), (-4,), (4,)),
    Pair("two moons and a ring", TwoMoons(0.15), Ring(8, 1.2, 0.2), (-3.0, -3.0), (4.0, 3.0)),
    Pair("a ring and a normal", Ring(8, 1.5, 0.25), Normal((0.0, 0.0), 1.1), (-6, -6), (6, 6)),
)


@dataclass(frozen=True)
class Proposition1:
    """The settings; the defaults are the full version."""

    pairs: tuple[Pair, ...] = PAIRS
    objective: Objective = Minimax()
    net: MLP = MLP((64, 64), activation="silu")
    steps: int = 16_000
    batch: int = 512
    fractions: int = 60
    """Every a/b with a, b up to this is checked."""
    directions: int = 2_000
    share: float = 0.01
    """What D may lack, of 2 JSD."""

    def quick(self) -> Proposition1:
        """Four pairs, and smaller nets that are trained for less."""
        net = replace(self.net, hidden=(32, 32))
        return replace(self, pairs=self.pairs[:4], net=net, steps=600, fractions=20, share=0.15)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Check the algebra, train a D for each pair, and draw them."""
        yield from _pointwise(self.fractions)
        yield from _perturbed(bench, self.directions)
        drawn = []
        for pair in self.pairs:
            net, curve = self.train(pair, bench)
            yield from self.claims(pair, curve)
            drawn.append((pair, net, curve))
        yield Figure(_draw(bench, drawn), "D as it was trained, on D*; and what it lacks of D*.")

    def train(self, pair: Pair, bench: Bench) -> tuple[nn.Module, list[Judged]]:
        """A discriminator of fresh samples of both, and how it came to be: at 0, 1, 2, 4, ..."""
        space = Space(event=(pair.p_data.dimension,), latent=1)
        net = build_net(self.net, "discriminator", space=space, stream=bench.stream("init"))
        parameters = list(net.parameters())
        mover = Adam(lr=Linear(5e-3, 0.0, steps=self.steps), betas=(0.9, 0.99)).build(parameters)
        real, fake = bench.stream(f"data/{pair.name}"), bench.stream(f"samples/{pair.name}")
        shortfall = Shortfall(pair)
        curve = [shortfall.judge(net, 0)]
        steps = range(1, self.steps + 1)
        for step in bench.each(f"training D: {pair.name}", steps, self.steps):
            x = pair.p_data.sample(self.batch, real.at(step).generator, dtype=torch.float32)
            y = pair.p_g.sample(self.batch, fake.at(step).generator, dtype=torch.float32)
            loss = self.objective.discriminator(net(x), net(y))
            mover.move(torch.autograd.grad(loss, parameters))
            if step & (step - 1) == 0 or step == self.steps:
                curve.append(shortfall.judge(net, step))
        return net, curve

    def claims(self, pair: Pair, curve: list[Judged]) -> Iterator[Claim]:
        """Judge a D by its last state, and the identity of eq. 3 by all."""
        end, there = curve[-1], Shortfall(pair).criterion + LOG4
        what = f"what the trained D lacks, C(G) - V(G, D), as a part of 2 JSD: {pair.name}"
        yield at_most(what, end.lacks / there, self.share, source=SOURCE)
        bound = math.sqrt(max(end.coins, 0) / 4)
        # No D can be beyond it: the distance is what is shown, the bound its scale.
        known = f"at most {bound:.2g} by Pinsker's inequality"
        yield shown(f"mean |D - D*|: {pair.name}", end.away, expected=known)
        # What is lacked is never below 0, by more than quadrature's error.
        worst = max((judged.lacks - judged.coins for judged in curve), key=abs)
        what = f"C(G) - V(G, D) less E KL(D* || D), the worst of the training: {pair.name}"
        yield near(what, worst, 0, within=1e-6, source="eq. 3")
        # The learning rate falls to nothing, so that the last D is the best.
        before = min(judged.lacks for judged in curve[:-1])
        what = f"what D lacks at the end, as a part of the least before: {pair.name}"
        yield at_most(what, end.lacks / before, 1)


def _pointwise(
    most: int, best: Callable[[Tensor, Tensor], Tensor] = optimal_discriminator
) -> Iterator[Claim]:
    """D* and V of masses in the ratio a : b on one outcome, where D moves alone from D* = `best`.

    V(D*) - V(D) = (p_data + p_g) KL(D* || D) there, and so at least 2 (p_data + p_g) (D - D*)².
    """
    counts = range(1, most + 1)
    pairs = torch.tensor([(a, b) for a in counts for b in counts], dtype=torch.float64)
    p, q = (torch.stack([n, most + 1 - n], dim=1) / (most + 1) for n in pairs.T)
    fractions = [float(Fraction(a, a + b)) for a in counts for b in counts]
    found = best(p, q)
    off = float((found[:, 0] - p.new_tensor(fractions)).abs().max())
    what = f"greatest |D* - a/(a + b)|, all {most**2:,} pairs of a and b"
    yield at_most(what, off, 1e-15, source=SOURCE)  # a few roundings
    top, least = value(p, q, discriminator=found), math.inf
    for d in torch.linspace(0.005, 0.995, 199, dtype=torch.float64):
        moved = found.clone()
        moved[:, 0] = d
        bound = 2 * (p + q)[:, 0] * (d - found[:, 0]).square()
        ratio = (top - value(p, q, discriminator=moved)) / bound
        # Nearer than this, the roundings of V are of the fall's size.
        away = (d - found[:, 0]).abs() > 1e-3
        least = min(least, float(ratio.where(away, math.inf).min()))
    what = (
        "least V(G, D*) - V(G, D), D moved at one outcome to 199 values in (0, 1), in proportion "
        "to 2 (p_data + p_g)(D - D*)²"
    )
    yield at_least(what, least, 1, source="Pinsker's inequality")


def _perturbed(bench: Bench, directions: int) -> Iterator[Claim]:
    """V on masses at D*, and about it."""
    draw, outcomes = bench.stream("masses"), 12
    # Exponential numbers over their sum are uniform on the simplex.
    p, q = (-draw.at(i).uniform(directions, outcomes).double().clamp(1e-6).log() for i in (0, 1))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    best = optimal_discriminator(p, q)
    top = value(p, q, discriminator=best)
    gap = float((top - criterion(p, q)).abs().max())
    # Twelve terms of order 1 in double precision.
    yield at_most("greatest |V(G, D*) - C(G)|, random masses", gap, 1e-13, source="eq. 4")
    room = torch.minimum(best, 1 - best)
    delta = room * (2 * draw.at(2).uniform(directions, outcomes).double() - 1)
    falls = torch.stack([top - value(p, q, discriminator=best + t * delta) for t in (1e-3, 0.9)])
    what = "least fall of V, D* perturbed in random directions, near and far"
    yield at_least(what, float(falls.min()), 1e-12, source=SOURCE)
    curved = 0.5e-6 * (delta.square() * (p / best**2 + q / (1 - best) ** 2)).sum(1)
    ratio = falls[0] / curved
    # The next term is of order t = 1e-3 of this one.
    worst = float(ratio[(ratio - 1).abs().argmax()])
    yield near("fall of V near D*, of the second order's, the worst", worst, 1, within=5e-3)


def _draw(bench: Bench, drawn: Sequence[tuple[Pair, nn.Module, list[Judged]]]) -> Path:
    """A panel for each pair, and what each D lacks as it is trained."""
    figure = drawing(10, 6.2)
    axes = [figure.add_subplot(2, 3, i) for i in range(1, len(drawn) + 2)]
    curves = axes[-1]
    for axis, (pair, net, curve) in zip(axes, drawn, strict=False):
        axis.set_title(pair.name, fontsize=11)
        (_on_line if len(pair.low) == 1 else _in_plane)(axis, pair, net)
        points = [(max(judged.steps, 0.5), judged.lacks) for judged in curve]
        curves.loglog(*zip(*points, strict=True), marker=".", label=pair.name)
    axes[0].legend(fontsize=9, loc="center right")
    curves.set(title="what D lacks", xlabel="updates of D", ylabel="$C(G) - V(G, D)$ in nats")
    curves.legend(fontsize=8)
    return save_drawing(bench.figure("proposition1.png"), figure)


def _on_line(axis: Axes, pair: Pair, net: nn.Module) -> None:
    x = torch.linspace(pair.low[0], pair.high[0], 801, dtype=torch.float64)
    log_data, log_g = (p.log_density(x[:, None]) for p in (pair.p_data, pair.p_g))
    seen = (log_data.exp() + log_g.exp()) > 1e-3  # elsewhere D is arbitrary
    best = optimal_logit(log_data, log_g).sigmoid().where(seen, torch.nan)
    trained = logit(net, x[:, None]).sigmoid().where(seen, torch.nan)
    axis.plot(x, best, color=BLUE, alpha=0.25, linewidth=5, label="$D^*$")
    axis.plot(x, trained, color=BLUE, linestyle="--", label="$D$, trained")
    axis.plot(x, log_data.exp(), color=BLACK, linestyle=":", label="$p_{data}$")
    axis.plot(x, log_g.exp(), color=GREEN, label="$p_g$")
    axis.set_ylim(-0.03, 1.05)
    axis.set_xlabel("x")


def _in_plane(axis: Axes, pair: Pair, net: nn.Module) -> None:
    points, shape = replace(pair.rule, panels=40, order=4).nodes()[0], (160, 160)
    x, y = points.T.reshape(2, *shape)
    log_data, log_g = (p.log_density(points) for p in (pair.p_data, pair.p_g))
    seen = (log_data.exp() + log_g.exp()) > 1e-3
    logits = logit(net, points), optimal_logit(log_data, log_g)
    d, best = (x.sigmoid().where(seen, torch.nan).reshape(shape).numpy() for x in logits)
    x, y = x.numpy(), y.numpy()
    axis.pcolormesh(x, y, d, cmap="RdBu", vmin=0, vmax=1, shading="nearest", alpha=0.75)
    axis.contour(x, y, best, levels=(0.1, 0.5, 0.9), colors=BLACK, linewidths=0.8)
    axis.axis("equal")
    axis.set_xlabel("$D$ from 0 (red) to 1; lines: $D^*$ = .1, .5, .9", fontsize=9)


proposition1 = Proposition1()
