"""A discriminator that no update moves."""

from __future__ import annotations

from functools import partial

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets import change
from gannets.training import Recipe


def scenarios() -> list[Scenario]:
    """A learning rate of 0 on every family."""
    return [
        Scenario(symptom="discriminator not trained", family=f, recipe=partial(_still, f))
        for f in FAMILIES
    ]


def _still(family: str, seed: int) -> Recipe:
    return change(base(family, seed, steps=500), "optimizers.discriminator.lr=0.0")
