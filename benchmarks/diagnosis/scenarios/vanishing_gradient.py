"""Vanishing gradient: log(1 - D) descended by plain gradients, against a D that was far ahead.

D is trained hundreds of times before G's first step, and data lie apart from where G begins: on
toys the modes leave G's place empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.diagnosis.bases import FAMILIES, TOYS, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, Players
from gannets.objectives import Minimax
from gannets.theory import Grid, Ring
from gannets.training import Recipe
from gannets.training.probing import Probing
from gannets.updates import SGD, Adam, Alternating, Boost

APART: dict[str, dict[str, Any]] = {
    "ring": {"data": Ring(count=8, radius=4.0, sigma=0.05)},
    "grid": {"data": Grid(side=4, spacing=4.0)},
}


def scenarios() -> list[Scenario]:
    """All families."""
    return [
        Scenario(
            symptom="vanishing gradient",
            family=family,
            recipe=lambda seed, f=family: _recipe(f, seed),
        )
        for family in FAMILIES
    ]


def _recipe(family: str, seed: int) -> Recipe:
    ahead = 500 if family in TOYS else 300
    recipe = base(
        family,
        seed,
        game=Game(Minimax()),
        update=Alternating(k=1, boost=Boost(k=ahead, first=1, every=0)),
        optimizers=Players(SGD(lr=0.05), Adam(lr=1e-3, betas=(0.5, 0.999))),
        averaging=None,
        steps=400,
        probing=Probing(every=100),
    )
    return replace(recipe, **APART.get(family, {}))
