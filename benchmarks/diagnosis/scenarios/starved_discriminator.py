"""Starved discriminator: D's learning rate is a thousandth of what it should be, or less.

On the grid G runs off from a D that hardly moves, so far that the least change of D tells its
samples: there D has to stand still nearly.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Players
from gannets.training import Recipe
from gannets.training.probing import Probing
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """All families."""
    return [
        Scenario(
            symptom="starved discriminator",
            family=family,
            recipe=lambda seed, f=family: _recipe(f, seed),
        )
        for family in FAMILIES
    ]


def _recipe(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=600, probing=Probing(every=100))
    slow = Adam(lr=1e-8 if family == "grid" else 1e-6, betas=(0.0, 0.99))
    return replace(recipe, optimizers=Players(recipe.optimizers.generator, slow))
