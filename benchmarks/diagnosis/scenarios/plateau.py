"""Plateau: games that are played well beyond the point where they get better."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.nets import MLP
from gannets.training import Nets, Recipe
from gannets.training.probing import Probing
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """A G that is too small for the grid."""
    return [Scenario(symptom="plateau", family="grid", recipe=partial(_small, "grid"))]


def _small(family: str, seed: int) -> Recipe:
    made = base(family, seed)
    fast = made.optimizers.map(lambda _: Adam(lr=2e-3, betas=(0.0, 0.99)))
    return replace(
        made,
        nets=Nets(MLP(hidden=(16,), activation="relu"), MLP(hidden=(64,), activation="leaky_relu")),
        optimizers=fast,
        batch=64,
        steps=4_500,
        probing=Probing(every=150),
    )
