"""A normal fitted to two: KL covers both modes, reverse KL takes one, JS either by their distance.

q* = argmin D(p_data, q) over all normals q = N(m, s²), p_data a mixture of two normals:

    KL(p_data || q)   m and s are the moments of p_data: q spreads over both, and over the gap
    KL(q || p_data)   q avoids the gap: it takes the larger mode and leaves the other out
    JS(p_data, q)     what the game's value is at D* (Theorem 1): like KL where the modes are near,
                      like reverse KL where they are far apart

The first two: Goodfellow 2016, NIPS tutorial, figure 14. That JS lies between them, and at which
distance it leaves a mode, is measured here. Where the two modes are so far apart that q on one of
them sees nothing of the other, JS is known: with u the mode's weight,
JS = u/2 log u - (1 + u)/2 log((1 + u)/2) + (1 - u)/2 log 2.

The divergences are the library's, by quadrature (`common.two_modes`). No net, no sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

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
from gannets.reproduce.common.two_modes import Fit, TwoModes
from gannets.theory import Normal
from gannets.theory.f_divergences import KL, FDivergence, JensenShannon, ReverseKL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECTION = "6+"
TAKES = ("10 s", "5 s")

CONVERGED = 1e-5
"""L-BFGS stops where no derivative is above 1e-9; near their least values the divergences have
second derivatives of .1 and more, which leaves 1e-8. The quadrature is exact to 1e-10."""

CLEAR = 3.0
"""Nearer than this two modes of standard deviation 1 are one heap, and there is none to leave."""


@dataclass(frozen=True)
class KlOrJs:
    """Which modes, and how far apart."""

    apart: float = 6.0
    """Between the modes, for the fits that are judged: JS covers both there."""
    farther: float = 8.0
    """And where it takes one."""
    modes: TwoModes = TwoModes(weight=0.4)
    distances: tuple[float, ...] = tuple(0.5 * i for i in range(17))
    """Between the modes, for the figure's last part."""

    def quick(self) -> KlOrJs:
        """Fewer distances."""
        return replace(self, distances=(0.0, 2.0, 4.0, 6.0, 8.0))

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Fit by each divergence at two distances, then over all of them."""
        fits, beyond = (
            {name: self.modes.fit(divergence, apart) for name, divergence in KINDS.items()}
            for apart in (self.apart, self.farther)
        )
        yield from self._kl(fits["KL"])
        yield from self._reverse(fits["reverse KL"])
        yield from self._between(fits)
        yield from self._beyond(beyond)
        paths: dict[str, list[Fit]] = {name: [] for name in KINDS}
        for apart in bench.each("fitting", self.distances, len(self.distances)):
            for name, divergence in KINDS.items():
                paths[name].append(self.modes.fit(divergence, apart))
        yield from self._over(paths)
        yield self._figure(bench, {self.apart: fits, self.farther: beyond}, paths)

    def _kl(self, fit: Fit) -> Iterator[Claim]:
        mean, std = self.modes.moments(self.apart)
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
        larger = self.modes.side * self.apart / 2
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
            -math.log(max(self.modes.weight, 1 - self.modes.weight)),
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
        )
        for name, fit in fits.items():
            yield shown(f"{name}: share of q within 1 of the middle of the gap", fit.in_gap)

    def _beyond(self, fits: dict[str, Fit]) -> Iterator[Claim]:
        """Farther apart JS does as reverse KL does: q is on the larger mode, and KL's is not."""
        larger = self.modes.side * self.farther / 2
        for name in ("reverse KL", "JS"):
            off = abs(fits[name].mean - larger) + abs(fits[name].std - 1)
            # What the other mode's tail does to q falls fast: .031 at 6 apart, .001 and .002 at 8.
            yield at_most(
                f"{name}, modes {self.farther:g} apart: |mean - the larger mode's| + |std - 1|",
                off,
                0.01,
            )
        yield near(
            f"KL, modes {self.farther:g} apart: standard deviation of the best normal",
            fits["KL"].std,
            self.modes.moments(self.farther)[1],
            within=CONVERGED,
            source="moment matching",
        )

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
            self.modes.fit(JensenShannon(), 16.0).value,
            self.modes.one_mode(),
            within=1e-6,  # each mode has e^-32 of its mass on the other's side
            source="u/2 log u - (1 + u)/2 log((1 + u)/2) + (1 - u)/2 log 2, u its weight",
        )

    def leaves(self, path: list[Fit]) -> float:
        """The first of the distances at which q is nearer to one mode's width than to both's."""
        for apart, fit in zip(self.distances, path, strict=True):
            if apart > 0 and fit.std < (1 + self.modes.moments(apart)[1]) / 2 and apart >= CLEAR:
                return apart
        return math.inf

    def _figure(
        self, bench: Bench, fits: dict[float, dict[str, Fit]], paths: dict[str, list[Fit]]
    ) -> Figure:
        figure = drawing(12.4, 3.6)
        *densities, widths = figure.subplots(1, len(fits) + 1)
        for axes, (apart, found) in zip(densities, fits.items(), strict=True):
            self._densities(axes, apart, found)
        densities[0].legend(fontsize=9, loc="upper left")
        for name, path in paths.items():
            stds, look = [fit.std for fit in path], {"color": COLOURS[name], "ls": DASHES[name]}
            widths.plot(self.distances, stds, "o", ms=4, lw=1.6, label=name, **look)
        for apart in fits:
            widths.axvline(apart, color="0.8", lw=1, zorder=0)
        widths.set(
            xlabel="distance of the two modes", ylabel="standard deviation of the best normal"
        )
        widths.legend(fontsize=9, loc="upper left")
        return Figure(
            save_drawing(bench.figure("kl_or_js.png"), figure),
            f"The best normal for two modes {self.apart:g} apart, where JS (dashed) goes with KL, "
            f"and {self.farther:g} apart, where it goes with reverse KL; right, its width against "
            "their distance: where a line falls to 1, one mode has been left out.",
        )

    def _densities(self, axes: Axes, apart: float, fits: dict[str, Fit]) -> None:
        """p_data and what each divergence makes of it."""
        x = torch.linspace(-apart / 2 - 5, apart / 2 + 5, 500, dtype=torch.float64)
        data = self.modes.data(apart).log_density(x[:, None]).exp()
        axes.plot(x, data, "k:", lw=2, label="p_data")
        for name, fit in fits.items():
            q = Normal(fit.mean, fit.std).log_density(x[:, None]).exp()
            axes.plot(x, q, lw=2, ls=DASHES[name], color=COLOURS[name], label=f"least {name}")
        axes.set(xlabel="x", ylabel="density", ylim=(0, 0.44))
        axes.set_title(f"modes {apart:g} apart", fontsize=11)


KINDS: dict[str, FDivergence] = {
    "KL": KL(),
    "reverse KL": ReverseKL(),
    "JS": JensenShannon(),
}
COLOURS = {"KL": "tab:orange", "JS": "tab:blue", "reverse KL": "tab:red"}
DASHES = {"KL": "-", "JS": (0, (3, 3)), "reverse KL": "-"}
"""JS lies on another's line, and is drawn last."""

kl_or_js = KlOrJs()
