"""A four-layer ReLU generator holds a mode or two of eight by the original game, by WGAN-GP all.

Arjovsky et al. 2017, figure 7: with an MLP of four layers of 512 ReLU units for G, the original
game (by -log D) shows mode collapse and WGAN does not. Metz et al. 2017, figure 2: on eight normals
in a circle, G of the original game moves from mode to mode and never holds them all.

Here a G of as many layers of as many units is trained on the circle by three games, on several
seeds: the original one; WGAN with the gradient penalty (Gulrajani et al. 2017, weight .1 and five
critic updates, as in the authors' code for this circle); and, beside them, the pairing with R1 + R2
of the recipe `ring` (Huang et al. 2024). D has two layers, as in Metz et al. Counted are modes with
1 % of the samples or more within 3 sigma (`Modes`). Claims are of the second half of a game: the
original's G visits modes, and what is asked is what it has at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
from gannets.training import Evaluation, Model, Nets, Recipe, Run
from gannets.updates import Adam, Alternating

SECTION = "6+"
TAKES = ("8 min", "9 s")
SAMPLES = 2_000


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
    few: float = 2.0
    """Modes that the original game's G has at most, on average. Set on seeds 1 to 3,
    checked on 0."""
    many: float = 5.0
    """Modes that WGAN's G has at least, on average. Set as above."""

    share: float = 0.5
    """Of WGAN's samples, that are within 3 sigma of a mode at least: a ring without modes has less
    than .4. Set as above, in full."""

    def quick(self) -> ModeCollapse:
        """Narrow nets, one short game of each kind."""
        return replace(self, units=96, steps=240, games=1, looks=6, share=0.1)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Play the games and count modes on the way."""
        runs: dict[str, list[Run]] = {}
        for name, recipe in self.recipes().items():
            short = name.split()[0].lower()
            runs[name] = [
                replace(bench, seed=1_000 * i + bench.seed).train(f"mode-collapse-{short}", recipe)
                for i in range(self.games)
            ]
        counts = {name: torch.stack([self.modes(run) for run in of]) for name, of in runs.items()}
        late = {name: float(c[:, c.shape[1] // 2 :].mean()) for name, c in counts.items()}
        original, wasserstein, paired = late
        what = "modes of 8 that G has, mean over the second half"
        yield at_most(
            f"{original}: {what}",
            late[original],
            self.few,
            source="Arjovsky et al. 2017, figure 7; Metz et al. 2017, figure 2",
        )
        # An untrained G has none either: that is no collapse.
        found = f"{original}: most modes that G had at a time"
        yield at_least(found, float(counts[original].max()), 1.0)
        yield at_least(
            f"{wasserstein}: {what}",
            late[wasserstein],
            self.many,
            source="Arjovsky et al. 2017, section 4.3",
        )
        yield shown(f"{paired}: {what}", late[paired], source="Huang et al. 2024")
        for name, of in runs.items():
            quality = [run.evaluations()[-1][1]["high_quality"].value for run in of]
            what = f"{name}: share of samples within 3 sigma of a mode, at the end (data: .989)"
            share = sum(quality) / len(quality)
            judged = name == wasserstein
            yield at_least(what, share, self.share) if judged else shown(what, share)
        yield self._figure(bench, runs, counts)

    def recipes(self) -> dict[str, Recipe]:
        """The three games, with the same nets on the same data."""
        every, lr = self.steps // self.looks, 0.1 / self.units
        base = Recipe(
            name="mode-collapse",
            data=Ring(count=8, radius=1.0, sigma=0.05),
            prior=Gaussian(2),
            nets=Nets(MLP((self.units,) * self.layers), MLP((self.units,) * 2)),
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
            "original game": base,
            "WGAN with gradient penalty": replace(
                base,
                game=wasserstein,
                update=Alternating(k=5),
                optimizers=both(Adam(lr=lr, betas=(0.0, 0.9))),
            ),
            "RpGAN with R1 and R2": replace(
                base, game=paired, optimizers=both(Adam(lr=lr, betas=(0.0, 0.99)))
            ),
        }

    @staticmethod
    def modes(run: Run) -> Float[Tensor, " looks"]:
        """Modes that G had at each look after the first, at its untrained self."""
        return torch.tensor(
            [float(report["modes_20"].value) for _, report in run.evaluations()][1:]
        )

    def _figure(
        self, bench: Bench, runs: dict[str, list[Run]], counts: dict[str, Tensor]
    ) -> Figure:
        figure = drawing(12.4, 3.4)
        axes = figure.subplots(1, 4)
        data = Ring(count=8, radius=1.0, sigma=0.05)
        real = data.sample(1_000, bench.stream("data").generator)
        for ax, (name, of) in zip(axes, runs.items(), strict=False):
            model = Model.from_pretrained(of[0].path / "model")
            fake = model.sample(1_000, seed=bench.seed)
            ax.plot(real[:, 0], real[:, 1], ".", color="0.6", ms=2)
            ax.plot(fake[:, 0], fake[:, 1], ".", color="tab:green", ms=3)
            ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[], aspect="equal")
            ax.set_title(name, fontsize=10)
            steps = torch.arange(1, counts[name].shape[1] + 1) * (self.steps // self.looks)
            axes[-1].plot(steps, counts[name].mean(0), lw=2, color=COLOURS[name], label=name)
            for row in counts[name] if self.games > 1 else ():
                axes[-1].plot(steps, row, lw=0.6, color=COLOURS[name])
        axes[-1].set(xlabel="updates of G", ylabel="modes that G has, of 8", ylim=(-0.3, 11.5))
        axes[-1].set_yticks(range(0, 9, 2))
        axes[-1].legend(fontsize=7.5, loc="upper right")
        path = save_drawing(bench.figure("mode_collapse.png"), figure)
        return Figure(
            path,
            f"A generator of {self.layers} layers of {self.units} ReLU units (green) on eight "
            "normals (grey) after three games, and the modes that it had on the way.",
        )


COLOURS = {
    "original game": "tab:red",
    "WGAN with gradient penalty": "tab:blue",
    "RpGAN with R1 and R2": "tab:green",
}

mode_collapse = ModeCollapse()
