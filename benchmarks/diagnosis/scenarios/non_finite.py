"""Steps so long that numbers overflow within a few updates."""

from __future__ import annotations

from functools import partial

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import both
from gannets.training import Recipe
from gannets.updates import SGD


def scenarios() -> list[Scenario]:
    """Plain gradient descent at a rate of 50 on every family."""
    return [
        Scenario(symptom="non-finite", family=f, recipe=partial(_long_steps, f)) for f in FAMILIES
    ]


def _long_steps(family: str, seed: int) -> Recipe:
    return base(family, seed, optimizers=both(SGD(lr=50.0)), steps=500)
