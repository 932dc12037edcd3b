"""A last layer of G that does not go with the data's interval."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn

from benchmarks.diagnosis.bases import IMAGES, TOYS, base
from benchmarks.diagnosis.scenario import Scenario
from gannets import change
from gannets.game import Space
from gannets.training import Recipe


def scenarios() -> list[Scenario]:
    """Too narrow on every family; a tanh for data in [0, 1] on images with a black ground, too.

    Of faces G learns within 500 updates to leave what is below 0 alone: nothing is the matter.
    """
    return [
        *(Scenario(symptom="value range", family=f, recipe=partial(_half, f)) for f in TOYS),
        *(Scenario(symptom="value range", family=f, recipe=partial(_narrow, f)) for f in IMAGES),
        *(
            Scenario(symptom="value range", family=f, title="too wide", recipe=partial(_wide, f))
            for f in ("digits", "mnist", "fashion")
        ),
    ]


def _half(family: str, seed: int) -> Recipe:
    """Only the positive quadrant can be reached."""
    return change(base(family, seed, steps=500), "nets.generator.output=sigmoid")


def ends_in_a_sigmoid(space: Space) -> nn.Module:
    """A net of one's own, for pixels in [0, 1]."""
    size = 1
    for side in space.event:
        size *= side
    return nn.Sequential(
        nn.Linear(space.latent, 256),
        nn.ReLU(),
        nn.Linear(256, size),
        nn.Sigmoid(),
        nn.Unflatten(1, space.event),
    )


def _narrow(family: str, seed: int) -> Recipe:
    """Pixels in [-1, 1], and a net that was written for [0, 1]."""
    recipe = base(family, seed, steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=ends_in_a_sigmoid))


def _wide(family: str, seed: int) -> Recipe:
    """Pixels in [0, 1], and a tanh, which suits pixels in [-1, 1]."""
    recipe = base(family, seed, steps=500)
    data: Any = recipe.data
    unit = replace(recipe, data=replace(data, bounds=(0.0, 1.0)))
    return change(unit, "nets.generator.output=tanh")
