"""A conditional game in which one player does not look at the labels; and one in which both do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Conditional, Space
from gannets.nets import MLP
from gannets.training import Recipe

LABELLED = ("digits", "mnist", "fashion")


def scenarios() -> list[Scenario]:
    """Labelled images; the healthy game is conditional, too."""
    symptom = "labels ignored"
    return [
        *(Scenario(symptom=symptom, family=f, recipe=partial(_generator, f)) for f in LABELLED),
        *(
            Scenario(symptom=symptom, family=f, title="by D", recipe=partial(_discriminator, f))
            for f in LABELLED
        ),
        *(
            Scenario(symptom="", family=f, title="conditional", recipe=partial(_told, f))
            for f in ("digits", "mnist")
        ),
    ]


class Untold(nn.Module):
    """A net that is not told the class."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The net's answer to x alone."""
        answer: Tensor = self.net(x)
        return answer


def untold_generator(space: Space) -> nn.Module:
    """A G of one's own that takes y and drops it."""
    return Untold(MLP((256, 256)).generator(replace(space, classes=None)))


def untold_discriminator(space: Space) -> nn.Module:
    """A D of one's own that takes y and drops it."""
    net = MLP((256, 256), activation="leaky_relu")
    return Untold(net.discriminator(replace(space, classes=None)))


def _told(family: str, seed: int) -> Recipe:
    return base(family, seed, joint=Conditional())


def _generator(family: str, seed: int) -> Recipe:
    recipe = replace(_told(family, seed), steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=untold_generator))


def _discriminator(family: str, seed: int) -> Recipe:
    recipe = replace(_told(family, seed), steps=500)
    return replace(recipe, nets=replace(recipe.nets, discriminator=untold_discriminator))
