"""Both players move at once, from the same parameters and the same draw.

w <- w - lr v(w) with the vector field v = (grad_G L_G, grad_D L_D). This is what the code of
Goodfellow et al. (2014) does, though the paper's Algorithm 1 alternates; see Mescheder et al.
(2017), section 2.2, for why it spirals out where alternation circles.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.game import PLAYERS, Losses, Players
from gannets.updates.position import Gradient, Position

__all__ = ["Simultaneous"]


@dataclass(frozen=True)
class Simultaneous:
    """One step of each player, both gradients taken before either moves."""

    def __call__(self, position: Position) -> Players[Losses]:
        """One step along the vector field."""
        return step(position, position.gradients())


def step(position: Position, field: Players[Gradient]) -> Players[Losses]:
    """Move both players along `field`."""
    for player in PLAYERS:
        position.move(player, field[player].gradient)
    return field.map(lambda gradient: gradient.losses)
