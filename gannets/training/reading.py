"""The notation of recipes with gannets' vocabulary: its public dataclasses, each by its name."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any, TypeVar

from gannets import data, game, metrics, nets, objectives, terms, updates
from gannets.theory import densities, f_divergences
from gannets.training import evaluation, probing, recipe
from gannets.training.notation import Vocabulary, assign, parse

__all__ = ["ROOMS", "change", "read", "vocabulary"]

T = TypeVar("T")
ROOMS = (
    densities,
    f_divergences,
    game,
    objectives,
    terms,
    nets,
    data,
    updates,
    metrics,
    evaluation,
    probing,
    recipe,
)
"""The modules whose public dataclasses a recipe may name."""


@cache
def vocabulary() -> Vocabulary:
    """Every name the notation knows."""
    return {
        name: value
        for room in ROOMS
        for name in room.__all__
        if isinstance(value := getattr(room, name), type)
        and dataclasses.is_dataclass(value)
        and value not in (game.Batch, game.Space)  # these are made in the course of a game
    }


def read(text: str, names: Vocabulary | None = None) -> Any:
    """Build the value that `text` describes, executing nothing.

    `names` adds the dataclasses and functions of a file of the caller's own. Raises `InputError`
    with the offending text quoted.
    """
    return parse(text, {**vocabulary(), **(names or {})})


def change(value: T, assignment: str, names: Vocabulary | None = None) -> T:
    """The value with one part replaced: `change(recipe, "optimizers.generator.lr=1e-4")`."""
    return assign(value, assignment, {**vocabulary(), **(names or {})})
