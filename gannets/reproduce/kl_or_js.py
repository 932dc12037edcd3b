"""A normal fitted to two: KL covers both modes, reverse KL takes one, JS either by their distance.

q* = argmin D(p_data, q) over all normals q = N(m, s²), p_data a mixture of two normals:

    KL(p_data || q)   m and s are the moments of p_data: q spreads over both, and over the gap
    KL(q || p_data)   q avoids the gap: it takes the larger mode and leaves the other out
    JS(p_data, q)     what the game's value is at D* (Theorem 1): like KL where the modes are near,
                      like reverse KL where they are far apart

Theis et al. 2016, figure 1; Goodfellow 2016, NIPS tutorial, figure 14. Where the two modes are so
far apart that q on one of them sees nothing of the other, JS is known: with u the mode's weight,
JS = u/2 log u - (1 + u)/2 log((1 + u)/2) + (1 - u)/2 log 2.

The divergences are the library's, by quadrature; they are minimised by L-BFGS through autograd,
from a start on either mode and one that covers both, and the least is taken. No net, no sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    at_most,
    drawing,
    near,
    save_drawing,
    shown,
    true,
)
from gannets.theory import GaussLegendre, Mixture, Normal, f_divergence_by_quadrature
from gannets.theory.f_divergences import KL, FDivergence, JensenShannon, ReverseKL

SECTION = "6+"
TAKES = ("10 s", "5 s")

CONVERGED = 1e-5
"""L-BFGS stops where no derivative is above 1e-9; near their least values the divergences have
second derivatives of .1 and more, which leaves 1e-8. The quadrature is exact to 1e-10."""

CLEAR = 3.0
"""Nearer than this two modes of standard deviation 1 are one heap, and there is none to leave."""


class Fit(NamedTuple):
    """The best normal."""

    mean: float
    std: float
    value: float
    """The divergence there, in nats."""


@dataclass(frozen=True)
class KlOrJs:
    """Two normals of standard deviation 1, that at -apart/2 with the weight `weight`."""

    apart: float = 6.0
    weight: float = 0.4
    distances: tuple[float, ...] = tuple(0.5 * i for i in range(17))
    """Between the modes, for the figure's second part."""

    def quick(self) -> KlOrJs:
        """Fewer distances."""
        return replace(self, distances=(0.0, 2.0, 4.0, 6.0, 8.0))

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Fit by each divergence at the one distance, then over all of them."""
        fits = {name: self.fit(divergence, self.apart) for name, divergence in KINDS.items()}
        yield from self._kl(fits["KL"])
        yield from self._reverse(fits["reverse KL"])
        yield from self._between(fits)
        paths: dict[str, list[Fit]] = {name: [] for name in KINDS}
        for apart in bench.each("fitting", self.distances, len(self.distances)):
            for name, divergence in KINDS.items():
                paths[name].append(self.fit(divergence, apart))
        yield from self._over(paths)
        yield self._figure(bench, fits, paths)

    def data(self, apart: float) -> Mixture:
        """p_data."""
        modes = Normal(-apart / 2, 1.0), Normal(apart / 2, 1.0)
        return Mixture(modes, weights=(self.weight, 1 - self.weight))

    def fit(self, divergence: FDivergence, apart: float) -> Fit:
        """The normal with the least divergence from p_data, the best of three starts."""
        starts = [(-apart / 2, 1.0), (apart / 2, 1.0), (0.0, 1.0 + apart / 3)]
        return min((self.descend(divergence, apart, s) for s in starts), key=lambda fit: fit.value)

    def descend(self, divergence: FDivergence, apart: float, start: tuple[float, float]) -> Fit:
        """The local minimum that is reached from (mean, std) = `start`."""
        data, reach = self.data(apart), apart / 2 + 2
        rule = GaussLegendre((-8 * reach,), (8 * reach,), panels=64, order=16)
        # Means within `reach`, deviations between .2 and it: no step of L-BFGS leaves the box.
        least, span = 0.2, reach - 0.2
        bounded = torch.tensor([start[0] / reach, (start[1] - least) / span], dtype=torch.float64)
        w = torch.stack([bounded[0].atanh(), bounded[1].logit()]).requires_grad_()

        def normal() -> tuple[Tensor, Tensor]:
            return reach * w[0].tanh(), least + span * w[1].sigmoid()

        optimizer = torch.optim.LBFGS(
            [w],
            max_iter=200,
            tolerance_grad=1e-9,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            return f_divergence_by_quadrature(
                data.log_density,
                lambda x: log_normal(x, *normal()),
                divergence=divergence,
                rule=rule,
            )

        def closure() -> Tensor:
            value = loss()
            (w.grad,) = torch.autograd.grad(value, w)
            return value

        optimizer.step(closure)
        with torch.no_grad():
            mean, std = normal()
            return Fit(float(mean), float(std), float(loss()))

    def moments(self, apart: float) -> tuple[float, float]:
        """Mean and standard deviation of p_data."""
        u = self.weight
        return (0.5 - u) * apart, math.sqrt(1 + u * (1 - u) * apart**2)

    def one_mode(self) -> float:
        """JS where q is the larger mode and the other is infinitely far away."""
        u = max(self.weight, 1 - self.weight)
        both = (1 + u) / 2
        of_q = 0.5 * math.log(1 / both)
        of_data = 0.5 * (u * math.log(u / both) + (1 - u) * math.log(2))
        return of_q + of_data

    def _kl(self, fit: Fit) -> Iterator[Claim]:
        mean, std = self.moments(self.apart)
        source = "moment matching, d/dq ∫ p log q = 0"
        yield near("KL: mean of the best normal", fit.mean, mean, within=CONVERGED, source=source)
        yield near(
            "KL: standard deviation of the best normal",
            fit.std,
            std,
            within=CONVERGED,
            source=source,
        )

    def _reverse(self, fit: Fit) -> Iterator[Claim]:
        larger = math.copysign(self.apart / 2, 0.5 - self.weight)
        # 6 apart the other mode's tail still moves the best q by two hundredths; 8 apart by .001.
        yield near(
            "reverse KL: mean of the best normal, on the larger mode",
            fit.mean,
            larger,
            within=0.05,
            source="Goodfellow 2016, figure 14",
        )
        yield near("reverse KL: its standard deviation, the mode's own", fit.std, 1.0, within=0.05)
        yield near(
            "reverse KL: its value, -log of the mode's weight",
            fit.value,
            -math.log(max(self.weight, 1 - self.weight)),
            within=0.01,
            source="q = p_data / weight there",
        )

    def _between(self, fits: dict[str, Fit]) -> Iterator[Claim]:
        stds = [fits[name].std for name in ("reverse KL", "JS", "KL")]
        yield true(
            "standard deviations of the best normals by reverse KL, JS and KL",
            stds[0] < stds[1] < stds[2],
            expected="increasing: JS lies between",
            measured=", ".join(f"{std:.3f}" for std in stds),
            source="Theis et al. 2016, figure 1",
        )
        for name, fit in fits.items():
            yield shown(f"{name}: share of q within 1 of the middle of the gap", self.in_gap(fit))

    def in_gap(self, fit: Fit) -> float:
        """The share of q within one standard deviation of a mode from the middle."""

        def below(x: float) -> float:
            return (1 + math.erf((x - fit.mean) / fit.std / math.sqrt(2))) / 2

        return below(1.0) - below(-1.0)

    def _over(self, paths: dict[str, list[Fit]]) -> Iterator[Claim]:
        if self.distances[0] == 0:
            yield at_most(
                "modes on one another: greatest |mean| + |std - 1| of the three",
                max(abs(path[0].mean) + abs(path[0].std - 1) for path in paths.values()),
                CONVERGED,
                source="Theorem 1: the minimum is p_g = p_data alone",
            )
        first = {name: self.leaves(path) for name, path in paths.items()}
        yield true(
            "distance from which on the best normal is on one mode: reverse KL, JS, KL",
            first["reverse KL"] < first["JS"] < math.inf == first["KL"],
            expected="increasing, and never by KL",
            measured=", ".join(f"{first[name]:g}" for name in ("reverse KL", "JS", "KL")),
        )
        yield near(
            "JS of the best normal, modes 16 apart: that of the larger mode",
            self.fit(JensenShannon(), 16.0).value,
            self.one_mode(),
            within=1e-6,  # each mode has e^-32 of its mass on the other's side
            source="u/2 log u - (1 + u)/2 log((1 + u)/2) + (1 - u)/2 log 2, u its weight",
        )

    def leaves(self, path: list[Fit]) -> float:
        """The first of the distances at which q is nearer to one mode's width than to both's."""
        for apart, fit in zip(self.distances, path, strict=True):
            if apart > 0 and fit.std < (1 + self.moments(apart)[1]) / 2 and apart >= CLEAR:
                return apart
        return math.inf

    def _figure(self, bench: Bench, fits: dict[str, Fit], paths: dict[str, list[Fit]]) -> Figure:
        figure = drawing(9.6, 3.8)
        densities, widths = figure.subplots(1, 2, width_ratios=(1.2, 1))
        x = torch.linspace(-self.apart / 2 - 5, self.apart / 2 + 5, 500, dtype=torch.float64)
        data = self.data(self.apart).log_density(x[:, None]).exp()
        densities.plot(x, data, "k:", lw=2, label="p_data")
        for name, fit in fits.items():
            q = Normal(fit.mean, fit.std).log_density(x[:, None]).exp()
            dashes = (0, (3, 3)) if name == "JS" else "-"  # it may lie on another's line
            densities.plot(x, q, lw=2, ls=dashes, color=COLOURS[name], label=f"least {name}")
            stds = [found.std for found in paths[name]]
            widths.plot(self.distances, stds, "o-", ms=4, lw=1.6, color=COLOURS[name], label=name)
        densities.set(xlabel="x", ylabel="density", ylim=(0, None))
        densities.legend(fontsize=9, loc="upper left")
        widths.set(
            xlabel="distance of the two modes", ylabel="standard deviation of the best normal"
        )
        widths.legend(fontsize=9, loc="upper left")
        path = save_drawing(bench.figure("kl_or_js.png"), figure)
        return Figure(
            path,
            f"The best normal for two modes {self.apart:g} apart (left), and its width against "
            "their distance (right): where a line falls to 1, one mode has been left out.",
        )


def log_normal(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The log density of N(mean, std²), differentiable in both."""
    return -((x[:, 0] - mean) / std).square() / 2 - std.log() - math.log(2 * math.pi) / 2


KINDS: dict[str, FDivergence] = {
    "KL": KL(),
    "JS": JensenShannon(),
    "reverse KL": ReverseKL(),
}

COLOURS = {"KL": "tab:orange", "JS": "tab:blue", "reverse KL": "tab:red"}

kl_or_js = KlOrJs()
