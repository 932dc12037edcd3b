"""What an update rule may ask of a game under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from gannets.game import Losses, Player, Players

__all__ = ["Gradient", "Position", "Update"]

Tensors = Sequence[Tensor]


class Gradient(NamedTuple):
    """One player's losses, item by item, and the gradient of their sum at its own parameters."""

    losses: Losses
    gradient: Tensors


@runtime_checkable
class Position(Protocol):
    """A game under way. An update rule knows nothing else of it: no net, data or objective."""

    step: int
    """How many updates of the game have been made."""
    parameters: Players[Tensors]
    """What each player moves."""
    memory: dict[str, Tensor]
    """What the rule wants to find again at the next update; it is part of every checkpoint."""

    def gradient(self, player: Player) -> Gradient:
        """One player's gradient at the current parameters, on fresh data and fresh noise."""
        ...

    def gradients(self, *, differentiable: bool = False) -> Players[Gradient]:
        """The game's vector field: both gradients at the same parameters, on one fresh batch.

        If they are to be differentiated again, they are this process's part; `total` sums parts.
        """
        ...

    def total(self, tensors: Tensors) -> Tensors:
        """The sum of tensors over the processes that share the batch."""
        ...

    def move(self, player: Player, gradient: Tensors) -> None:
        """Let a player's optimizer step along `gradient`."""
        ...


@runtime_checkable
class Update(Protocol):
    """Who moves when. A frozen value."""

    def __call__(self, position: Position) -> Players[Losses]:
        """Make one update of the game and return the losses on the way."""
        ...
