"""Theorem 1: C(G) = -log 4 + 2 JSD(p_data || p_g), least, -log 4, if and only if p_g = p_data.

C(G) = max_D V(G, D) = V(G, D*) (Goodfellow et al. 2014, eq. 4) is computed in three ways along
families of distributions that pass through p_data or leave it:

    V(G, D*)                                                      eq. 4, by quadrature
    -log 4 + KL(p_data || m) + KL(p_g || m), m = (p_data + p_g)/2  eq. 5 and 6, by quadrature
    mean log D*(x) + mean log(1 - D*(G(z)))                        eq. 4, on samples

That there is no other minimum is judged by bounds of JSD from the total variation, TV: Pinsker's
inequality on both parts, and Lin (1991, "Divergence measures based on the Shannon entropy",
theorem 3), give TV² <= C(G) + log 4 <= 2 log 2 TV. At p_data itself C is flat along every direction
h of the simplex, and curved by C(p + εh) + log 4 = ε²/4 Σ h²/p + O(ε³).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from gannets.game import Stream
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
from gannets.reproduce.common.drawing import BLACK, GREEN
from gannets.theory import (
    KL,
    Density,
    GaussLegendre,
    Mixture,
    Normal,
    TotalVariation,
    criterion,
    f_divergence_by_quadrature,
    optimal_discriminator,
    optimal_logit,
    total_variation,
    value,
    value_by_quadrature,
)
from gannets.theory.optimum import LOG4

__all__ = ["Family", "Point", "Theorem1", "point", "theorem1"]

SECTION = "4.1"
TAKES = ("12 s", "3 s")
SOURCE = "Goodfellow et al. 2014, Theorem 1"
RULE = GaussLegendre((-40.0,), (40.0,), panels=400, order=8)
MODES = (-6.0, -2.0, 2.0, 6.0)


def _modes(*weights: float) -> Mixture:
    kept = [(Normal(m, 0.5), w) for m, w in zip(MODES, weights, strict=True) if w > 0]
    components, shares = zip(*kept, strict=True)
    return Mixture(tuple(components), tuple(shares))


class Family(NamedTuple):
    """p_g as a function of one number; at `equal` it is p_data, where it ever is."""

    name: str
    number: str
    p_data: Density
    p_g: Callable[[float], Density]
    numbers: tuple[float, ...]
    equal: float


def _evenly(low: float, high: float, n: int) -> tuple[float, ...]:
    return tuple(torch.linspace(low, high, n, dtype=torch.float64).tolist())


FAMILIES = (
    Family("normals shifted", "mean", Normal(), lambda t: Normal(t), _evenly(-6, 6, 25), 0.0),
    Family(
        "normals scaled",
        "log₂ of the standard deviation",
        Normal(),
        lambda t: Normal(0.0, 2.0**t),
        _evenly(-3, 2, 21),
        0.0,
    ),
    Family(
        "weights of a mixture",
        "weight of the left mode",
        Mixture((Normal(-2.0, 0.5), Normal(2.0, 0.5)), (0.3, 0.7)),
        lambda t: Mixture((Normal(-2.0, 0.5), Normal(2.0, 0.5)), (t, 1 - t)),
        _evenly(0.02, 0.98, 25),
        0.3,
    ),
    Family(
        "the last of four modes",
        "weight of the last mode",
        _modes(0.25, 0.25, 0.25, 0.25),
        lambda t: _modes(*[(1 - t) / 3] * 3, t),
        _evenly(0.0, 0.5, 25),
        0.25,
    ),
)


class Point(NamedTuple):
    """C(G) at one member of a family."""

    number: float
    value: float
    """V(G, D*)."""
    divergence: float
    """-log 4 + KL + KL."""
    sampled: float
    error: float
    """Standard error of `sampled`."""
    tv: float


def point(family: Family, number: float, *, n: int, random: Stream) -> Point:
    """C(G) in three ways; `n` samples of each side."""
    p, q = family.p_data, family.p_g(number)
    pair = (p.log_density, q.log_density)

    def logit(x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        return optimal_logit(p.log_density(x), q.log_density(x))

    middle = Mixture((p, q)).log_density
    kls = (f_divergence_by_quadrature(f, middle, divergence=KL(), rule=RULE) for f in pair)
    tv = f_divergence_by_quadrature(*pair, divergence=TotalVariation(), rule=RULE)
    real = logsigmoid(logit(p.sample(n, random.generator)))
    fake = logsigmoid(-logit(q.sample(n, random.generator)))
    return Point(
        number=number,
        value=float(value_by_quadrature(*pair, logit=logit, rule=RULE)),
        divergence=float(sum(kls)) - LOG4,
        sampled=float(real.mean() + fake.mean()),
        error=math.sqrt(float(real.var() + fake.var()) / n),
        tv=float(tv),
    )


@dataclass(frozen=True)
class Theorem1:
    """The settings; the defaults are the full version."""

    families: tuple[Family, ...] = FAMILIES
    samples: int = 200_000
    pairs: int = 20_000
    """Of random discrete distributions, for each number of outcomes."""
    outcomes: tuple[int, ...] = (2, 5, 20, 100)

    def quick(self) -> Theorem1:
        """Fewer samples, whose errors are as much wider."""
        return replace(self, samples=10_000, pairs=2_000)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Sweep the families, then discrete distributions, and draw them."""
        swept: list[list[Point]] = []
        for family in self.families:
            numbers = sorted({*family.numbers, family.equal})
            stream = bench.stream(f"samples/{family.name}")
            points = [
                point(family, t, n=self.samples, random=stream.at(i))
                for i, t in enumerate(bench.each(family.name, numbers, len(numbers)))
            ]
            yield from self._claims(family, points)
            swept.append(points)
        yield from self._discrete(bench)
        path = _draw(bench, self.families, swept)
        yield Figure(path, "C(G) by quadrature (lines) and on samples (points), bounds shaded.")

    def _claims(self, family: Family, points: Sequence[Point]) -> Iterator[Claim]:
        name = family.name
        worst = max(abs(point.value - point.divergence) for point in points)
        # The nodes are .025 apart on average, a fifth of the narrowest normal's deviation.
        what = f"greatest |V(G, D*) - (-log 4 + KL + KL)|: {name}"
        yield at_most(what, worst, 1e-9, source="eq. 4 = eq. 5 = eq. 6")
        # At p_g = p_data log D* is constant: the error is 0 there, and rounding is all there is.
        off = max(
            (abs(point.sampled - point.value) - 1e-12) / max(point.error, 1e-12) for point in points
        )
        # P(|Z| > 4.5) is 7e-6, and there are 97 points.
        yield at_most(f"greatest error of C on samples, in standard errors: {name}", off, 4.5)
        least = min(points, key=lambda point: point.value)
        what = f"least C(G), at the {family.number} {least.number:g}: {name}"
        yield near(what, least.value, -LOG4, within=1e-9, source=SOURCE)
        yield at_most(
            f"distance of that from p_data's: {name}", abs(least.number - family.equal), 0
        )
        others = [point for point in points if point.number != family.equal]
        # Computed to 1e-9, see above.
        margin = min(point.value + LOG4 - point.tv**2 for point in others)
        what = f"least C(G) + log 4 - TV² where p_g is not p_data: {name}"
        yield at_least(what, margin, -1e-9, source="Pinsker's inequality")
        room = min(LOG4 * point.tv - point.value - LOG4 for point in others)
        yield at_least(f"least 2 log 2 TV - (C(G) + log 4): {name}", room, -1e-9, source="Lin 1991")

    def _discrete(self, bench: Bench) -> Iterator[Claim]:
        """All of it once more for masses, which need no quadrature."""
        apart, margin, at_data, bent = [], [], [], []
        draw = bench.stream("masses")
        for i, k in enumerate(self.outcomes):
            p, q, h = (
                -draw.at(3 * i + j).uniform(self.pairs, k).double().clamp(min=1e-9).log()
                for j in range(3)
            )
            p, q, h = (x / x.sum(1, keepdim=True) for x in (p, q, h))
            c = criterion(p, q)
            apart.append((c - value(p, q, discriminator=optimal_discriminator(p, q))).abs().max())
            margin.append((c + LOG4 - total_variation(p, q).square()).min())
            at_data.append((criterion(p, p) + LOG4).abs().max())
            # From p towards h, along the simplex, until one mass has changed by a thousandth.
            p = (p + 1 / k) / 2  # no mass so small that all the change is there
            step = 1e-3 * (h - p) / ((h - p) / p).abs().amax(1, keepdim=True)
            second = (step.square() / p).sum(1) / 4
            bent.append(((criterion(p, p + step) + LOG4) / second - 1).abs().max())
        what = f"random masses of {self.outcomes} outcomes: "
        worst = [float(torch.stack(found).max()) for found in (apart, at_data, bent)]
        yield at_most(f"{what}greatest |V(G, D*) - C(G)|", worst[0], 1e-13, source="eq. 4")
        yield at_most(f"{what}greatest |C + log 4| at p_g = p_data", worst[1], 1e-14, source=SOURCE)
        least = float(torch.stack(margin).min())
        yield at_least(f"{what}least C + log 4 - TV²", least, 0, source="Pinsker's inequality")
        # The next term is of the relative order of step / p, a thousandth.
        yield at_most(f"{what}curvature of C at p_data, relative error", worst[2], 1e-3)


def _draw(bench: Bench, families: Sequence[Family], swept: Sequence[Sequence[Point]]) -> Path:
    """C(G) along each family, between its bounds."""
    figure = drawing(10, 5.6)
    axes = figure.subplots(2, 2, sharey=True).flatten()
    for axis, family, points in zip(axes, families, swept, strict=True):
        t = [point.number for point in points]
        low = [point.tv**2 - LOG4 for point in points]
        high = [LOG4 * point.tv - LOG4 for point in points]
        axis.fill_between(t, low, high, color="0.9", label="bounds from TV")
        axis.plot(t, [point.value for point in points], color=GREEN, label="$C(G) = V(G, D^*)$")
        sampled, errors = [point.sampled for point in points], [3 * p.error for p in points]
        axis.errorbar(
            *(t, sampled, errors), fmt=".", color=BLACK, markersize=4, label="on samples (± 3 s.e.)"
        )
        axis.axhline(-LOG4, color=BLACK, linestyle=":", label="$-\\log 4$")
        axis.axvline(family.equal, color="0.6", linewidth=0.8, label="$p_g = p_{data}$")
        axis.set_title(family.name, fontsize=11)
        axis.set_xlabel(family.number)
    for axis in axes[::2]:
        axis.set_ylabel("$C(G)$ in nats")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=5, fontsize=9)
    return save_drawing(bench.figure("theorem1.png"), figure)


theorem1 = Theorem1()
