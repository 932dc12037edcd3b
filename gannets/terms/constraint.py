"""Constraints: where a player's parameters may be, imposed after each of its updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from gannets.game import Player, Players

__all__ = ["Constraint", "Constraints", "constraint_of"]


@runtime_checkable
class Constraint(Protocol):
    """What a player's parameters must fulfil after each of its updates."""

    def __call__(self, parameters: Sequence[Tensor]) -> None:
        """Move `parameters`, in place, to where the constraint holds."""
        ...


Constraints = Constraint | Players[Constraint | None] | None
"""One for D alone, or one for each player (None: the player is free)."""


def constraint_of(player: Player, constraints: Constraints) -> Constraint | None:
    """What `player` is held to."""
    if isinstance(constraints, Players):
        return constraints[player]
    return constraints if player == "discriminator" else None
