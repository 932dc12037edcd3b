"""Look one step ahead, and move by the gradient found there.

w' = w - lr v(w),  w <- w - lr v(w').  Korpelevich (1976); Gidel et al. (2019), algorithm 2 for
Adam: the optimizer's moments are updated at both gradients, the parameters return to w in between.
On the xy game the norm shrinks by sqrt((1 - lr^2)^2 + lr^2) a step, where simultaneous descent
grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gannets.game import PLAYERS, Losses, Players
from gannets.updates.position import Position
from gannets.updates.simultaneous import step

__all__ = ["Extragradient"]


@dataclass(frozen=True)
class Extragradient:
    """Extrapolation, return, update; a fresh batch for each of the two gradients."""

    def __call__(self, position: Position) -> Players[Losses]:
        """One update; costs two gradients of each player."""
        origin = position.parameters.map(lambda tensors: [t.detach().clone() for t in tensors])
        step(position, position.gradients())
        ahead = position.gradients()
        with torch.no_grad():
            for player in PLAYERS:
                torch._foreach_copy_(list(position.parameters[player]), origin[player])
        return step(position, ahead)
