"""Mode collapse: with a two-layer D the original game gives G one mode of 8 or none, WGAN-GP all.

Arjovsky et al. 2017, figure 7: with an MLP of four layers of 512 ReLU units for G, the original
game (by -log D) shows mode collapse and WGAN does not. Metz et al. 2017, figure 2: on eight normals
in a circle, G of the original game moves from mode to mode and never holds them all.

Here a G of as many layers of as many units is trained on the circle, on several seeds, by the
original game; by WGAN with the gradient penalty (Gulrajani et al. 2017, weight .1 and five critic
updates, as in the authors' code for this circle); and, beside them, by the pairing with R1 + R2 of
the recipe `ring` (Huang et al. 2024). D has two layers, as in Metz et al.

It depends on D: against a D of four layers, as deep as itself, G comes to all modes by the same
game, so that neither this G nor this objective collapses by itself. That game is played too and
shown beside the others, not judged, for how soon it gets there differs by the seed: of narrow
nets (96 units) two of three had all modes after 300 updates, the third none.

Counted are modes with 1 % of the samples or more within 3 sigma (`Modes`). A G that has learnt
nothing has none of them either: that it collapsed is said by its samples, which are one cluster,
and away from the middle, where an untrained G has its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.game import Game, Gaussian, both
from gannets.metrics import Modes
from gannets.nets import MLP
from gannets.objectives import NonSaturating, RpGAN, Wasserstein
from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    at_least,
    at_most,
    drawing,
    save_drawing,
    shown,
)
from gannets.terms import R1, R2, GradientPenalty
from gannets.theory import Ring
from gannets.training import Evaluation, Nets, Recipe, Run
from gannets.updates import Adam, Alternating

SECTION = "6+"
TAKES = ("10 min", "11 s")
SAMPLES = 2_000

Cloud: TypeAlias = Float[Tensor, "n 2"]


@dataclass(frozen=True)
class ModeCollapse:
    """The generator, and how long each game is played."""

    units: int = 512
    layers: int = 4
    steps: int = 1_500
    """Updates of G; of the Wasserstein critic five times as many."""
    batch: int = 128
    games: int = 2
    """Of each kind, with other seeds."""
    looks: int = 12
    few: float = 1.0
    """Modes that the original game's G has at most, at any look. This and the two below: set on
    quick versions of seeds 1 to 3, checked on 5 and 6."""
    cluster: float = math.sin(math.pi / 8)
    """Mean distance of its samples from their mean at the end, at most: where two neighbouring
    modes share them evenly, half the distance of the two. Seeds 1 to 3 have 0.12 to 0.17."""
    gone: float = 0.3
    """How far from the middle the cluster is at least, of the circle's radius; an untrained G's is
    at 0.05 to 0.12, that of seeds 1 to 3 at 0.9 to 1.1."""
    many: float = 5.0
    """Modes that WGAN's G has at least, on average. Set on seeds 1 to 3, checked on 0."""
    share: float = 0.5
    """Of WGAN's samples, that are within 3 sigma of a mode at least: a ring without modes has less
    than .4. Set as above, in full."""

    def quick(self) -> ModeCollapse:
        """Narrow nets, one short game of each kind."""
        return replace(self, units=96, steps=300, games=1, looks=6, share=0.1)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Play the games, count modes on the way, and look at the samples at the end."""
        runs = {
            name: [
                replace(bench, seed=1_000 * i + bench.seed).train(f"mode-collapse-{name}", recipe)
                for i in range(self.games)
            ]
            for name, recipe in self.recipes().items()
        }
        counts = {name: torch.stack([self.modes(run) for run in of]) for name, of in runs.items()}
        clouds = {
            name: [run.model.sample(SAMPLES, seed=bench.seed) for run in of]
            for name, of in runs.items()
        }
        yield from self.collapsed(counts["original"], clouds["original"])
        yield from self._others(counts, clouds)
        for name, of in runs.items():
            quality = [run.evaluations()[-1][1]["high_quality"].value for run in of]
            what = (
                f"{TITLES[name]}: share of samples within 3 sigma of a mode, at the end "
                "(data: .989)"
            )
            share = sum(quality) / len(quality)
            judged = name == "wgan"
            yield at_least(what, share, self.share) if judged else shown(what, share)
        yield self._figure(bench, clouds, counts)

    def collapsed(
        self, counts: Float[Tensor, "games looks"], clouds: list[Cloud]
    ) -> Iterator[Claim]:
        """Judge the original game's G by all looks, and by its samples at the end."""
        title = TITLES["original"]
        yield at_most(
            f"{title}: most modes of 8 that G had at any of {counts.numel()} looks",
            float(counts.max()),
            self.few,
            source="Arjovsky et al. 2017, figure 7; Metz et al. 2017, figure 2",
        )
        yield at_most(
            f"{title}: mean distance of samples from their mean at the end, of the circle's "
            "radius, the greatest of all games",
            max(map(spread, clouds)),
            self.cluster,
            source="one cluster; data: 1",
        )
        yield at_least(
            f"{title}: distance of that mean from the middle, of the circle's radius, the least",
            min(float(x.mean(0).norm()) for x in clouds),
            self.gone,
        )

    def _others(self, counts: dict[str, Tensor], clouds: dict[str, list[Cloud]]) -> Iterator[Claim]:
        """What the same G has by other games, and against another D."""
        late = {name: float(c[:, c.shape[1] // 2 :].mean()) for name, c in counts.items()}
        what = "modes of 8 that G has, mean over the second half"
        wide = sum(map(spread, clouds["deep"])) / len(clouds["deep"])
        found = f"{late['deep']:.3g} and {wide:.3g}"
        yield shown(f"{TITLES['deep']}: {what}, and samples' distance from their mean", found)
        yield at_least(
            f"{TITLES['wgan']}: {what}",
            late["wgan"],
            self.many,
            source="Arjovsky et al. 2017, section 4.3",
        )
        yield shown(f"{TITLES['rpgan']}: {what}", late["rpgan"], source="Huang et al. 2024")

    def recipes(self) -> dict[str, Recipe]:
        """The games: the same G on the same data, and but for `deep` the same D."""
        every, lr = self.steps // self.looks, 0.1 / self.units
        deep = MLP((self.units,) * self.layers)
        base = Recipe(
            name="mode-collapse",
            data=RING,
            prior=Gaussian(2),
            nets=Nets(deep, MLP((self.units,) * 2)),
            game=Game(NonSaturating()),
            optimizers=both(Adam(lr=lr, betas=(0.5, 0.999))),
            batch=self.batch,
            steps=self.steps,
            evaluation=Evaluation(
                every=every, metrics=(Modes(least=SAMPLES // 100),), n=SAMPLES, best="modes_20"
            ),
            sample_every=0,
            checkpoint_every=every * 5,
        )
        wasserstein = Game(Wasserstein(), discriminator_terms=(GradientPenalty(weight=0.1),))
        paired = Game(RpGAN(), discriminator_terms=(R1(gamma=0.1), R2(gamma=0.1)))
        return {
            "original": base,
            "deep": replace(base, nets=Nets(deep, deep)),
            "wgan": replace(
                base,
                game=wasserstein,
                update=Alternating(k=5),
                optimizers=both(Adam(lr=lr, betas=(0.0, 0.9))),
            ),
            "rpgan": replace(base, game=paired, optimizers=both(Adam(lr=lr, betas=(0.0, 0.99)))),
        }

    @staticmethod
    def modes(run: Run) -> Float[Tensor, " looks"]:
        """Modes that G had at each look after the first, at its untrained self."""
        return torch.tensor(
            [float(report["modes_20"].value) for _, report in run.evaluations()][1:]
        )

    def _figure(
        self, bench: Bench, clouds: dict[str, list[Cloud]], counts: dict[str, Tensor]
    ) -> Figure:
        figure = drawing(14.4, 3.6)
        axes = figure.subplots(1, len(clouds) + 1)
        real = RING.sample(1_000, bench.stream("data").generator)
        for ax, (name, of) in zip(axes, clouds.items(), strict=False):
            fake = of[0][:1_000]
            ax.plot(real[:, 0], real[:, 1], ".", color="0.6", ms=2)
            ax.plot(fake[:, 0], fake[:, 1], ".", color="tab:green", ms=3)
            ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[], aspect="equal")
            ax.set_title(TITLES[name], fontsize=9.5)
            steps = torch.arange(1, counts[name].shape[1] + 1) * (self.steps // self.looks)
            look = {"color": COLOURS[name]}
            axes[-1].plot(steps, counts[name].mean(0), lw=2, label=TITLES[name], **look)
            for row in counts[name] if self.games > 1 else ():
                axes[-1].plot(steps, row, lw=0.6, **look)
        axes[-1].set(xlabel="updates of G", ylabel="modes that G has, of 8", ylim=(-0.3, 12.5))
        axes[-1].set_yticks(range(0, 9, 2))
        axes[-1].set_box_aspect(1)
        axes[-1].legend(fontsize=7, loc="upper right")
        path = save_drawing(bench.figure("mode_collapse.png"), figure)
        return Figure(
            path,
            f"A generator of {self.layers} layers of {self.units} ReLU units (green) on eight "
            "normals (grey): by the original game against a D of two layers and one of "
            f"{self.layers}, and by two other games against a D of two; right, the modes that it "
            "had on the way.",
        )


def spread(x: Float[Tensor, "n 2"]) -> float:
    """Mean distance of points from their mean; that of the data, on a circle of radius 1, is 1."""
    return float((x - x.mean(0)).norm(dim=1).mean())


RING = Ring(count=8, radius=1.0, sigma=0.05)
TITLES = {
    "original": "original game, D of 2 layers",
    "deep": "original game, D as deep as G",
    "wgan": "WGAN with gradient penalty",
    "rpgan": "RpGAN with R1 and R2",
}
COLOURS = {"original": "tab:red", "deep": "tab:orange", "wgan": "tab:blue", "rpgan": "tab:green"}

mode_collapse = ModeCollapse()
