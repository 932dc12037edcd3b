"""A generator that gives one sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Space, both
from gannets.nets import MLP
from gannets.training import Recipe
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """Not wired to z; and killed by its first steps."""
    return [
        *(
            Scenario(symptom="constant output", family=f, recipe=partial(_deaf, f))
            for f in FAMILIES
        ),
        *(
            Scenario(symptom="constant output", family=f, title="dead", recipe=partial(_dead, f))
            for f in ("digits", "mnist", "fashion", "faces")
        ),
    ]


class Deaf(nn.Module):
    """The same for every z."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """G(0)."""
        made: Tensor = self.net(0 * z)
        return made


def deaf(space: Space) -> nn.Module:
    """A net of one's own that loses its input."""
    return Deaf(MLP((256, 256)).generator(space))


def _deaf(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=deaf))


def _dead(family: str, seed: int) -> Recipe:
    """A learning rate at which every unit is driven out of its range at once."""
    return base(family, seed, optimizers=both(Adam(lr=0.1, betas=(0.0, 0.99))), steps=500)
