"""On min_x max_y xy gradient descent circles or spirals out, and each cure has its own rate.

x descends V = xy and y ascends it; the equilibrium is (0, 0). Followed in continuous time, x is a
sinusoid (Goodfellow 2016, section 8.2 of the NIPS tutorial). In steps of length η:

    simultaneous    |w| grows by √(1 + η²) at each step
    alternating     x² + y² + η x y is kept: a closed orbit, and (1/T) Σ w_t tends to 0 like 1/T
    extragradient   |w| shrinks by √((1 - η²)² + η²)       (Korpelevich 1976)
    optimistic      the larger root of a companion matrix  (Daskalakis et al. 2018)
    consensus       |w| shrinks by √((1 - ηγ)² + η²)       (Mescheder et al. 2017)

Averaging x over the updates with weight β of the past leaves of an oscillation of angle φ a step
the share (1 - β) / |1 - β e^{iφ}|: an orbit shrinks, a spiral that grows still grows.
Salimans et al. 2016, section 3, name this game as one that gradient descent cannot solve.
The library's own update rules play it, as a game of two nets: a generator of one number x, whose
sample it is, and a discriminator y with the logit -y x, by the Wasserstein objective against a
Dirac at 0, in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets import theory
from gannets.game import Game, Gaussian, both
from gannets.objectives import Wasserstein
from gannets.reproduce.common import Bench, Claim, Figure, at_most, drawing, near, save_drawing
from gannets.theory import Dirac, XYGame
from gannets.training import Nets, Recipe, State
from gannets.updates import (
    SGD,
    Alternating,
    Average,
    Consensus,
    Extragradient,
    Optimistic,
    Simultaneous,
    Update,
)

SECTION = "6+"
TAKES = ("8 s", "4 s")

ROUNDING = 1e-9
"""Of a rate that is fitted to a path of 400 points in double precision, each right to 1e-16."""


class Number(nn.Module):
    """G: every sample is x."""

    def __init__(self, x: float) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor([[x]], dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        """x, once for each row of z."""
        return self.x.expand(len(z), 1)


class Slope(nn.Module):
    """D: the logit -y s at a sample s, so that D's loss is -xy and G's is xy."""

    def __init__(self, y: float) -> None:
        super().__init__()
        self.y = nn.Parameter(torch.tensor([y], dtype=torch.float64))

    def forward(self, sample: Tensor) -> Tensor:
        """One logit a row."""
        return -(sample.double() @ self.y)


class Path(NamedTuple):
    """What an update rule did."""

    points: Float[Tensor, "steps_and_start 2"]
    averaged: Float[Tensor, " steps_and_start"]
    """x as the library's average of weights has it."""


@dataclass(frozen=True)
class XyGame:
    """The game and the rules that are compared."""

    lr: float = 0.1
    gamma: float = 0.5
    """Of consensus optimization."""
    start: tuple[float, float] = (1.0, 0.5)
    steps: int = 400
    half_life: float = 50.0
    """Of the averaged weights, in updates."""

    def quick(self) -> XyGame:
        """Half the way."""
        return replace(self, steps=200)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Play each rule, hold its rate against the closed form, and draw the paths."""
        paths = {
            name: self.play(rule)
            for name, rule in bench.each("playing", self.rules().items(), len(self.rules()))
        }
        yield from self._rotations(paths)
        yield from self._cures(paths)
        yield from self._averages(paths)
        yield self._figure(bench, paths)

    def rules(self) -> dict[str, Update]:
        """The update rules, in the order of the figure."""
        return {
            "simultaneous": Simultaneous(),
            "alternating": Alternating(k=1),
            "extragradient": Extragradient(),
            "optimistic": Optimistic(),
            "consensus": Consensus(gamma=self.gamma),
        }

    def rate(self, name: str) -> float:
        """The factor of the distance a step that theory gives for a rule."""
        j, lr = theory.jacobian(XYGame(), torch.zeros(2, dtype=torch.float64)), self.lr
        rates = {
            "simultaneous": theory.simultaneous_rate(j, lr),
            "alternating": theory.alternating_rate(j, lr, split=1),
            "extragradient": theory.extragradient_rate(j, lr),
            "optimistic": theory.optimistic_rate(j, lr),
            "consensus": theory.consensus_rate(j, lr, gamma=self.gamma),
        }
        return float(rates[name])

    def play(self, rule: Update) -> Path:
        """The path of `rule`, and that of the averaged x."""
        x, y = self.start
        recipe = Recipe(
            data=Dirac(at=(0.0,)),
            prior=Gaussian(1),
            nets=Nets(lambda space: Number(x), lambda space: Slope(y)),
            game=Game(Wasserstein()),
            update=rule,
            optimizers=both(SGD(lr=self.lr)),
            averaging=Average(half_life=self.half_life, ramp=None),
            batch=1,
            precision="float64",
            evaluation=None,
        )
        state = State(recipe, device="cpu")
        parameters = [state.parameters.generator[0], state.parameters.discriminator[0]]
        points, averaged = [], []
        for step in range(self.steps + 1):
            points.append(torch.cat([w.detach().flatten() for w in parameters]))
            averaged.append(next(state.generator.parameters()).detach().flatten().clone())
            if step < self.steps:
                state.advance()
        return Path(torch.stack(points), torch.cat(averaged))

    def _rotations(self, paths: dict[str, Path]) -> Iterator[Claim]:
        distance = paths["simultaneous"].points.norm(dim=1)
        yield at_most(
            "simultaneous: greatest difference of a step's growth from √(1 + η²)",
            float((distance[1:] / distance[:-1] - math.sqrt(1 + self.lr**2)).abs().max()),
            1e-12,  # a quotient of two roundings
            source="Goodfellow 2016, section 8.2",
            note=f"(of {math.sqrt(1 + self.lr**2):.6f})",
        )
        x, y = paths["alternating"].points.T
        kept = x.square() + y.square() + self.lr * x * y
        yield at_most(
            "alternating: greatest change, in proportion, of x² + y² + ηxy over all steps",
            float((kept / kept[0] - 1).abs().max()),
            1e-12 * self.steps,  # roundings add up
            source="Gidel et al. 2019",
        )
        angle = math.acos(1 - self.lr**2 / 2)
        seen = torch.linalg.eigvals(fitted(paths["alternating"].points))[0].angle().abs()
        yield near(
            "alternating: angle of a step of the orbit",
            float(seen),
            angle,
            within=ROUNDING,
            source="arccos(1 - η²/2); η in continuous time",
        )

    def _cures(self, paths: dict[str, Path]) -> Iterator[Claim]:
        sources = {
            "extragradient": "Korpelevich 1976",
            "optimistic": "Daskalakis et al. 2018",
            "consensus": "Mescheder et al. 2017",
        }
        for name, source in sources.items():
            yield near(
                f"{name}: factor of the distance a step",
                measured_rate(paths[name].points, memory=2 if name == "optimistic" else 1),
                self.rate(name),
                within=ROUNDING,
                source=source,
            )

    def _averages(self, paths: dict[str, Path]) -> Iterator[Claim]:
        """Σ_{t<T} M^t w_0 = (I - M)^{-1} (w_0 - w_T): the mean of an orbit is bounded / T."""
        points = paths["alternating"].points
        means = points.cumsum(0) / torch.arange(1, len(points) + 1)[:, None]
        jacobian = theory.jacobian(XYGame(), points[0] * 0)
        operator = theory.alternating_operator(jacobian, self.lr, split=1)
        inverse = torch.linalg.inv(torch.eye(2, dtype=torch.float64) - operator)
        bound = float(torch.linalg.matrix_norm(inverse, 2)) * 2 * float(points.norm(dim=1).max())
        yield at_most(
            f"alternating: distance of the mean of {len(points)} iterates from (0, 0)",
            float(means[-1].norm()),
            bound / len(points),
            source="(I - M)⁻¹ (w_0 - w_T) / T",
            note=f"(the last iterate: {float(points[-1].norm()):.3g})",
        )
        for name in ("alternating", "simultaneous"):
            yield self._smoothed(name, paths[name])

    def _smoothed(self, name: str, path: Path) -> Claim:
        """The library's averaged x against its closed form, where x_t = Re u λ^t."""
        factor = complex(torch.linalg.eigvals(fitted(path.points))[0])
        x0, x1 = path.points[:2, 0].tolist()
        start = complex(x0, (x0 * factor.real - x1) / factor.imag)
        beta = Average(half_life=self.half_life, ramp=None).beta(batch=1, images=0)
        share = (1 - beta) / (1 - beta / factor)
        powers = torch.arange(len(path.points), dtype=torch.float64)
        turns = torch.tensor(factor, dtype=torch.complex128) ** powers
        kept = beta**powers * (x0 - (start * share).real)
        expected = (start * share * turns).real + kept
        return at_most(
            f"{name}: averaged x, greatest difference from (1 - β) / |1 - β/λ| of x's oscillation",
            float((path.averaged - expected).abs().max() / path.points.abs().max()),
            ROUNDING,
            source="Yazici et al. 2019, for a linear game",
            note=f"(the share is {abs(share):.4f})",
        )

    def _figure(self, bench: Bench, paths: dict[str, Path]) -> Figure:
        figure = drawing(9.6, 4.4)
        plane, distance = figure.subplots(1, 2, width_ratios=(1, 1.15))
        shown = min(self.steps, 160)
        plane.plot(*self.start, "ko", ms=5)
        plane.plot(0, 0, "k+", ms=10, mew=1.6)
        plane.set(xlabel="x (descends xy)", ylabel="y (ascends xy)", aspect="equal")
        plane.set_title(f"the first {shown} updates", fontsize=10)
        for name, path in paths.items():
            plane.plot(*path.points[: shown + 1].T, **look(name))
            distance.semilogy(path.points.norm(dim=1), label=name, **look(name))
            steps = torch.arange(0, self.steps + 1, max(1, self.steps // 16))
            scale = float(path.points[-1].norm()) / self.rate(name) ** self.steps
            distance.semilogy(steps, scale * self.rate(name) ** steps, "k.", ms=4)
        means = paths["alternating"].points.cumsum(0)
        means = means.norm(dim=1) / torch.arange(1, len(means) + 1)
        distance.semilogy(means, color="0.6", lw=1.2, label="alternating, mean of iterates")
        distance.plot([], [], "k.", ms=4, label="rate in closed form")
        distance.set(xlabel="update", ylabel="distance from the equilibrium", xlim=(0, self.steps))
        distance.legend(fontsize=8, loc="lower left")
        return Figure(
            save_drawing(bench.figure("xy_game.png"), figure),
            f"min_x max_y xy in steps of {self.lr}: paths (left) and distances (right), with the "
            "rates that theory gives as dots.",
        )


COLOURS = {
    "simultaneous": "tab:red",
    "alternating": "tab:orange",
    "extragradient": "tab:blue",
    "optimistic": "tab:green",
    "consensus": "tab:purple",
}


def look(name: str) -> dict[str, Any]:
    """Of a rule's line: the optimistic one is dashed, since it lies on the extragradient's."""
    dashes = {"ls": (0, (2, 2)), "zorder": 3} if name == "optimistic" else {}
    return {"color": COLOURS[name], "lw": 2.2, **dashes}


def fitted(points: Float[Tensor, "steps w"], *, memory: int = 1) -> Float[Tensor, "s s"]:
    """M of s_{t+1} = M s_t, s_t the last `memory` points, by least squares.

    Each pair is divided by its length, so that late steps of a path that shrinks count as well.
    """
    last = len(points) - memory + 1
    states = torch.cat([points[i : last + i] for i in range(memory)], dim=1)
    length = states[:-1].norm(dim=1, keepdim=True)
    return torch.linalg.lstsq(states[:-1] / length, states[1:] / length).solution.T


def measured_rate(points: Float[Tensor, "steps w"], *, memory: int = 1) -> float:
    """The factor a step, from the path alone: the spectral radius of what was fitted to it."""
    return float(torch.linalg.eigvals(fitted(points, memory=memory)).abs().max())


xy_game = XyGame()
