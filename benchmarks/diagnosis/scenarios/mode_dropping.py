"""Mode dropping: a G that is too small for data of several modes.

Eight units fold the plane too seldom for eight modes: which are missing is counted by
`gannets.metrics.Modes`. On images the latent has one dimension: G draws a line through the data.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import IMAGES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """A narrow G on the ring, a latent of one dimension on images."""
    symptom = "mode dropping"
    return [
        Scenario(symptom=symptom, family="ring", recipe=_narrow),
        *(Scenario(symptom=symptom, family=f, recipe=partial(_line, f)) for f in IMAGES),
    ]


def _narrow(seed: int) -> Recipe:
    made = base("ring", seed)
    return replace(
        made,
        nets=Nets(MLP(hidden=(8,), activation="relu"), made.nets.discriminator),
        game=Game(NonSaturating()),
        optimizers=both(Adam(lr=1e-3, betas=(0.5, 0.999))),
        batch=64,
        steps=2_500,
    )


def _line(family: str, seed: int) -> Recipe:
    return base(family, seed, prior=Gaussian(1), steps=1_500)
