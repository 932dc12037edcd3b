"""A critic of the Wasserstein game whose slope nothing bounds."""

from __future__ import annotations

from functools import partial

from benchmarks.diagnosis.bases import FAMILIES, TOYS, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, Players
from gannets.objectives import Wasserstein
from gannets.training import Recipe
from gannets.updates import Adam, Alternating

LONG = 250
"""Each costs as much as eleven updates of other games: D has ten."""


def scenarios() -> list[Scenario]:
    """Ten updates of D for one of G, and no penalty, clipping or normalisation."""
    return [
        Scenario(symptom="blow-up", family=f, recipe=partial(_critic, f), long=LONG)
        for f in FAMILIES
    ]


def _critic(family: str, seed: int) -> Recipe:
    return base(
        family,
        seed,
        game=Game(Wasserstein()),
        update=Alternating(k=10),
        optimizers=Players(Adam(lr=1e-4, betas=(0.0, 0.99)), Adam(lr=5e-3, betas=(0.0, 0.99))),
        steps=500 if family in TOYS else 250,
    )
