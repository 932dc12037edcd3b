"""Discriminator overfitting: a hundred images and a D of two layers of 256, without a penalty.

What D has by heart, G repeats: memorisation is right too, and may be sure before D's AUC is.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.diagnosis.bases import IMAGES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game
from gannets.objectives import NonSaturating
from gannets.training import Recipe
from gannets.training.probing import Probing


def scenarios() -> list[Scenario]:
    """Images: toys are drawn anew for ever."""
    return [
        Scenario(
            symptom="discriminator overfitting",
            family=family,
            recipe=lambda seed, f=family: _recipe(f, seed),
            also=("memorisation",),
        )
        for family in IMAGES
    ]


def _recipe(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, game=Game(NonSaturating()), steps=1_000, probing=Probing(every=100))
    return replace(recipe, data=replace(recipe.data, split="train[:100]"))
