"""Which games may see a batch in pieces, one after the other, and add up the gradients.

The gradient of a mean over samples is the mean of the pieces' gradients. What is not a mean over
samples changes with the pieces: it is refused where it is the game itself, and said where it is the
nets' own statistics, which are then those of smaller batches.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gannets.errors import InputError
from gannets.game import PLAYERS, Group, Player, Players
from gannets.nets.layers import GroupBatchNorm
from gannets.training.recipe import Recipe
from gannets.updates import Gradient

__all__ = ["added", "sizes", "whole_batch_needed"]


def whole_batch_needed(recipe: Recipe, players: Players[nn.Module], pieces: int) -> Iterator[str]:
    """What is to be said where the batch is seen in `pieces`; refuse where it cannot be."""
    if pieces == 1:
        return
    game = recipe.game
    for part in (game.objective, *game.discriminator_terms, *game.generator_terms):
        inner = part
        while hasattr(inner, "term"):  # Lazy, Single
            inner = inner.term
        if not getattr(inner, "separable", True):
            name = type(inner).__name__
            raise InputError(
                f"{name} is no mean over samples, so a batch cannot be seen in pieces: leave "
                "micro_batch out, or share the batch among processes."
            )
    for player in PLAYERS:
        if any(isinstance(m, (_BatchNorm, GroupBatchNorm)) for m in players[player].modules()):
            yield (
                f"The {player} normalises by the statistics of its batch, which with micro_batch="
                f"{recipe.micro_batch} are those of each piece: the gradient is not quite that of "
                f"the batch of {recipe.batch}."
            )


def sizes(recipe: Recipe, player: Player | None, group: Group) -> tuple[int, int]:
    """The size of a player's batch over all processes, and in how many pieces it is seen."""
    m = (recipe.generator_batch if player == "generator" else None) or recipe.batch
    own = m // group.size
    if recipe.micro_batch is None or recipe.micro_batch >= own:
        return m, 1
    pieces = -(-own // recipe.micro_batch)
    while own % pieces:  # equal pieces, so that their means average to the whole's
        pieces += 1
    return m, pieces


def added(a: Gradient, b: Gradient) -> Gradient:
    """The sum of two pieces' losses and gradients."""
    losses = {name: loss + b.losses[name] for name, loss in a.losses.items()}
    return Gradient(losses, torch._foreach_add(list(a.gradient), list(b.gradient)))
