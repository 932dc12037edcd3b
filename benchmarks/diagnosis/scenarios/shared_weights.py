"""Two nets of one's own that have a layer in common."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Space
from gannets.training import Recipe

_LAYERS: list[nn.Module] = []
"""The layer of the last generator that was made, until a discriminator takes it."""


def scenarios() -> list[Scenario]:
    """On every family."""
    return [
        Scenario(symptom="shared weights", family=f, recipe=partial(_shared, f)) for f in FAMILIES
    ]


def first(space: Space) -> nn.Module:
    """The generator, whose middle is kept for the discriminator."""
    _LAYERS[:] = [nn.Linear(128, 128)]
    last = nn.Tanh() if space.bounds is not None else nn.Identity()
    return nn.Sequential(
        nn.Linear(space.latent, 128),
        nn.ReLU(),
        _LAYERS[0],
        nn.ReLU(),
        nn.Linear(128, math.prod(space.event)),
        last,
        nn.Unflatten(1, space.event),
    )


class Verdict(nn.Sequential):
    """Logits of shape (m,)."""

    def forward(self, input: Tensor) -> Tensor:
        """One a sample."""
        logits: Tensor = super().forward(input)
        return logits.flatten()


def second(space: Space) -> nn.Module:
    """The discriminator, with the generator's middle, if that is one of these."""
    middle = _LAYERS.pop() if _LAYERS else nn.Linear(128, 128)
    return Verdict(
        nn.Flatten(),
        nn.Linear(math.prod(space.event), 128),
        nn.LeakyReLU(0.2),
        middle,
        nn.LeakyReLU(0.2),
        nn.Linear(128, 1),
    )


def _shared(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=first, discriminator=second))
