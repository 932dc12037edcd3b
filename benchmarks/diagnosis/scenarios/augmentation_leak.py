"""Augmentations that cannot be undone; and ones that can, which must not be found."""

from __future__ import annotations

from functools import partial

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import (
    Brightness,
    Contrast,
    Cutout,
    Flip,
    InstanceNoise,
    Marginal,
    Rotate,
    Translation,
    View,
)
from gannets.theory import TwoMoons
from gannets.training import Recipe

DIFFERENTIABLE = (
    Brightness(),
    Contrast(),
    Translation(fill=-1.0),
    Cutout(fill=-1.0),
)
"""Zhao et al. (2020), section 3; -1 is black."""


def scenarios() -> list[Scenario]:
    """Turned by any right angle with equal chances: what is upright is not known to D."""
    symptom, turned, seldom = "augmentation leak", Rotate(p=1.0), Rotate(p=0.5)
    mirrored = (Flip(), Translation(ratio=0.125, fill=-1.0))
    noise = (InstanceNoise(sigma=0.1),)
    return [
        *(
            Scenario(symptom=symptom, family=f, recipe=partial(_seen, f, (turned,)))
            for f in ("digits", "mnist", "faces")
        ),
        Scenario(symptom="", family="ring", title="moons", recipe=partial(_moons, seldom)),
        Scenario(symptom="", family="ring", title="noise", recipe=partial(_seen, "ring", noise)),
        *(
            Scenario(symptom="", family=f, title=title, recipe=partial(_seen, f, views))
            for f, title, views in (
                ("digits", "turned", (seldom,)),
                ("digits", "mirrored", mirrored),
                ("digits", "augmented", DIFFERENTIABLE),
                ("fashion", "augmented", DIFFERENTIABLE),
                ("faces", "augmented", DIFFERENTIABLE),
            )
        ),
    ]


def _seen(family: str, views: tuple[View, ...], seed: int) -> Recipe:
    return base(family, seed, joint=Marginal(through=views))


def _moons(view: View, seed: int) -> Recipe:
    """The ring is what it was after a turn; two moons are not."""
    return base("ring", seed, data=TwoMoons(noise=0.05), joint=Marginal(through=(view,)))
