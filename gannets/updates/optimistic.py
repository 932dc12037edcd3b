"""Move by twice the gradient, less the last one.

w_{t+1} = w_t - 2 lr v(w_t) + lr v(w_{t-1}).  Daskalakis et al. (2018), eq. 4; the first update has
no last gradient and takes v(w_0) for it. With Adam the combination 2 v_t - v_{t-1} takes the place
of the gradient (their algorithm 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gannets.game import PLAYERS, Losses, Players
from gannets.updates.position import Position

__all__ = ["Optimistic"]


@dataclass(frozen=True)
class Optimistic:
    """Optimistic gradient descent ascent: extragradient's look ahead, from memory."""

    def __call__(self, position: Position) -> Players[Losses]:
        """One update of both players."""
        field = position.gradients()
        for player in PLAYERS:
            now = [g.detach() for g in field[player].gradient]
            names = [f"optimistic.{player}.{i}" for i in range(len(now))]
            last = [position.memory.get(name, g) for name, g in zip(names, now, strict=True)]
            predicted = torch._foreach_sub(torch._foreach_mul(now, 2.0), last)
            position.move(player, predicted)
            position.memory.update(zip(names, now, strict=True))
        return field.map(lambda gradient: gradient.losses)
