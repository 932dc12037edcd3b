"""The loop: a game, played.

for step in play(recipe):
    ...                          # step.index, step.players, step.losses

`train`, in `recorded.py`, is this loop plus recording, measuring and saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from gannets.game import Losses, Players
from gannets.training.continuation import warmed
from gannets.training.recipe import Recipe
from gannets.training.state import State

__all__ = ["Step", "play", "played"]


@dataclass(frozen=True)
class Step:
    """The game after update `index` (the first is 1)."""

    index: int
    players: Players[nn.Module]
    losses: Players[Losses]
    """Each player's losses item by item: tensors, not synchronised with the device until read."""


def play(
    recipe: Recipe, *, device: str | torch.device = "auto", compile: bool = False
) -> Iterator[Step]:
    """Play the game of `recipe` to its last step, yielding after every update."""
    state = State(recipe, device=device)
    warmed(state)
    if compile:
        state.compile_gradients()
    return played(state)


def played(state: State) -> Iterator[Step]:
    """Play a game that is under way to its last step, yielding after every update."""
    while state.step < state.recipe.steps:
        losses = state.advance()
        yield Step(state.step, state.players, losses)
