"""A game as it stands, for whatever looks at it: the players, and data held out from them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gannets.data import Data, Source, open_source
from gannets.errors import InputError
from gannets.metrics.played import Played
from gannets.theory.densities import Density
from gannets.training.recipe import Recipe
from gannets.training.state import State

__all__ = ["PARTS", "game_of", "held_out"]

PARTS = ("validation", "test")
"""What was held out, in the order in which it is looked at while a game is played."""


def held_out(
    recipe: Recipe,
    parts: Sequence[str] = PARTS,
    *,
    device: torch.device | str = "cpu",
    seed: int | None = None,
) -> tuple[str, Source] | None:
    """The first of `parts` that the recipe's data have and were not trained on, with its name."""
    data = recipe.data
    seed = recipe.seed if seed is None else seed
    for part in parts:
        try:
            if isinstance(data, Density):
                return part, open_source(data, seed=seed, device=device, split=part)
            if isinstance(data, Data) and data.on(part) != data:
                return part, data.on(part).load(seed=seed, device=torch.device(device))
        except InputError:  # these data have no such part
            continue
    return None


def game_of(state: State) -> Played:
    """The game as it is now. Its nets are the state's own."""
    recipe = state.recipe
    holdout = held_out(recipe, device=state.device)
    return Played(
        players=state.players,
        game=recipe.game,
        joint=recipe.joint,
        prior=recipe.prior,
        optimizers=recipe.optimizers,
        train=state.source,
        holdout=None if holdout is None else holdout[1],
        batch=recipe.batch,
        generator_batch=recipe.generator_batch,
        constraint=recipe.constraint,
        updates=state.movers.map(lambda mover: mover.updates),
        scale=state.movers.map(lambda mover: mover.scale),
        moments=state.movers.map(lambda mover: mover.tensors()),
    )
