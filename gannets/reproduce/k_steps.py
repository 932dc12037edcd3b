"""How many updates of D for one of G: what k costs, and how near to D* it keeps D.

Goodfellow et al. 2014, section 3 and Algorithm 1: "optimizing D to completion in the inner loop of
training is computationally prohibitive, and on finite datasets would result in overfitting.
Instead, we alternate between k steps of optimizing D and one step of optimizing G. This results in
D being maintained near its optimal solution, so long as G changes slowly enough"; "we used k = 1,
the least expensive option, in our experiments".

G is affine in one dimension, so that p_g is a normal and D* = p_data / (p_data + p_g) is known at
every moment. For each k the game is played for as many updates of G, and for as many gradients:
k + 1 an update. Measured over the second half of each game: E|D - D*| over data and samples alike,
and W2 between p_g and p_data, both exact but for what D is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.game import Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating
from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    at_most,
    drawing,
    save_drawing,
    shown,
)
from gannets.theory import GaussLegendre, Normal, gaussian_w2, optimal_discriminator
from gannets.theory.gaussians import Moments
from gannets.training import Nets, Recipe, State
from gannets.updates import Adam, Alternating

SECTION = "3"
TAKES = ("40 s", "7 s")

GAME = Recipe(
    name="k-steps",
    data=Normal(2.0, 0.5),
    prior=Gaussian(1),
    nets=Nets(MLP(()), MLP((64, 64), activation="leaky_relu")),
    game=Game(NonSaturating()),
    optimizers=both(Adam(lr=5e-3, betas=(0.5, 0.999))),
    batch=128,
    evaluation=None,
)


class Course(NamedTuple):
    """A game, at every `every`-th update of G."""

    updates: list[int]
    from_best: list[float]
    """E|D - D*|."""
    from_data: list[float]
    """W2(p_g, p_data)."""

    def late(self, until: int) -> tuple[float, float]:
        """Means of both over the second half of the first `until` updates."""
        within = [i for i, at in enumerate(self.updates) if until / 2 < at <= until]
        return tuple(  # type: ignore[return-value]
            sum(values[i] for i in within) / len(within)
            for values in (self.from_best, self.from_data)
        )


@dataclass(frozen=True)
class KSteps:
    """The game, the values of k and the budget."""

    recipe: Recipe = GAME
    ks: tuple[int, ...] = (1, 2, 5, 10)
    updates: int = 400
    """Of G, for the greatest k; for the others as many gradients are made as that takes."""
    every: int = 10
    games: int = 2
    """Of each k, with other seeds."""
    nearer: float = 0.8
    """D's distance from D* with the greatest k, at most, in proportion to that with the least, at
    as many updates of G. Set on seeds 1 and 2, checked on 0."""

    def quick(self) -> KSteps:
        """Two values of k, one game of each."""
        return replace(self, ks=(1, 5), updates=300, games=1)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Play each k to the same number of gradients, and compare on both counts."""
        courses: dict[int, list[Course]] = {
            k: [self.play(bench, k, game) for game in range(self.games)] for k in self.ks
        }
        least, most = min(self.ks), max(self.ks)
        alike = {k: self.mean(courses[k], self.updates) for k in self.ks}
        paid = {k: self.mean(courses[k], self.budget // (k + 1)) for k in self.ks}
        yield at_most(
            f"E|D - D*| with k = {most}, in proportion to k = {least}, at {self.updates:,} updates "
            "of G",
            alike[most][0] / alike[least][0],
            self.nearer,
            source="section 3: D near its optimal solution",
            note=f"({alike[least][0]:.3g} with k = {least}, {alike[most][0]:.3g} with k = {most})",
        )
        for k in self.ks:
            yield shown(
                f"k = {k}: E|D - D*| and W2(p_g, p_data) after {self.updates:,} updates of G",
                f"{alike[k][0]:.3g} and {alike[k][1]:.3g}",
            )
        for k in self.ks:
            yield shown(
                f"k = {k}: the same after {self.budget:,} gradients",
                f"{paid[k][0]:.3g} and {paid[k][1]:.3g}",
                source="k = 1 is the least expensive option",
            )
        best = min(paid, key=lambda k: paid[k][1])
        yield shown("k with the least W2(p_g, p_data) for as many gradients", best)
        yield self._figure(bench, courses)

    @property
    def budget(self) -> int:
        """Gradients that the game with the greatest k takes."""
        return self.updates * (max(self.ks) + 1)

    def play(self, bench: Bench, k: int, game: int) -> Course:
        """One game with k, to the budget."""
        seed = 1_000 * game + bench.seed
        state = State(replace(self.recipe, update=Alternating(k), seed=seed), device="cpu")
        course = Course([], [], [])
        length = max(self.updates, self.budget // (k + 1))
        for update in bench.each(f"k = {k}, game {game + 1}", range(1, length + 1), length):
            state.advance()
            if update % self.every == 0:
                course.updates.append(update)
                course.from_best.append(self.off(state))
                course.from_data.append(float(gaussian_w2(self.made(state), self.data.moments)))
        return course

    @property
    def data(self) -> Normal:
        """p_data."""
        data: Normal = self.recipe.data
        return data

    @staticmethod
    def made(state: State) -> Moments:
        """p_g: G is z -> a z + b, and z is N(0, 1)."""
        a, b = (p.detach().double().flatten() for p in state.players.generator.parameters())
        return Moments(b, a.square()[:, None])

    @torch.no_grad()
    def off(self, state: State) -> float:
        """E|D - D*| under (p_data + p_g) / 2, where D is asked."""
        moments = self.made(state)
        centre, spread = float(moments.mean), math.sqrt(float(moments.covariance))
        x, weights = self.rule(centre, spread).nodes()
        p_data = self.data.log_density(x).exp()
        # A G without width is a point, which has no density: no game here comes to that.
        p_g = Normal(centre, max(spread, 1e-6)).log_density(x).exp()
        best = optimal_discriminator(p_data, p_g)
        d = state.players.discriminator(x.float()).double().sigmoid()
        return float((weights * (p_data + p_g) / 2 * (d - best).abs()).sum())

    def rule(self, centre: float, spread: float) -> GaussLegendre:
        """A box with all of both distributions."""
        mean, std = float(self.data.moments.mean), self.data.scale
        low = min(centre - 8 * spread, mean - 8 * std)
        high = max(centre + 8 * spread, mean + 8 * std)
        return GaussLegendre((low,), (high,), panels=64, order=8)

    @staticmethod
    def mean(courses: list[Course], until: int) -> tuple[float, float]:
        """Over the games of one k."""
        late = torch.tensor([course.late(until) for course in courses])
        first, second = late.mean(0).tolist()
        return first, second

    def _figure(self, bench: Bench, courses: dict[int, list[Course]]) -> Figure:
        figure = drawing(9.6, 6.2)
        axes = figure.subplots(2, 2, sharey="row")
        for k, games in courses.items():
            colour = COLOURS[list(courses).index(k) % len(COLOURS)]
            for row, name in enumerate(("from_best", "from_data")):
                values = smooth(torch.tensor([getattr(game, name) for game in games]).mean(0))
                updates = torch.tensor(games[0].updates)[-len(values) :]
                axes[row, 0].semilogy(updates, values, color=colour, lw=1.8, label=f"k = {k}")
                axes[row, 1].semilogy(updates * (k + 1), values, color=colour, lw=1.8)
        axes[0, 0].set(ylabel="E|D - D*|", xlim=(0, self.updates))
        axes[0, 0].set_title("by updates of G", fontsize=11)
        axes[0, 1].set_title("by gradients computed", fontsize=11)
        axes[0, 1].set(xlim=(0, self.budget))
        axes[1, 0].set(xlabel="updates of G", ylabel="W2(p_g, p_data)", xlim=(0, self.updates))
        axes[1, 1].set(xlabel="gradients computed, k + 1 an update", xlim=(0, self.budget))
        axes[0, 0].legend(fontsize=9, ncols=2)
        path = save_drawing(bench.figure("k_steps.png"), figure)
        return Figure(
            path,
            "D's distance from D* (above) and p_g's from p_data (below) for k updates of D to one "
            "of G: at as many updates of G (left), and for as many gradients (right). Means of "
            f"{self.games} {'game' if self.games == 1 else 'games'} and 10 looks.",
        )


def smooth(values: Float[Tensor, " n"], *, width: int = 10) -> Float[Tensor, " m"]:
    """The mean of each value and those just before it."""
    width = min(width, len(values))
    return values.unfold(0, width, 1).mean(1)


COLOURS = ("tab:orange", "#6baed6", "#2171b5", "#08306b")

k_steps = KSteps()
