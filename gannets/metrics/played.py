"""A game as it stands, for what is measured on the game itself: D's view, the duality gap."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from gannets.data import Source
from gannets.game import Game, Joint, Players, Prior
from gannets.updates import Optimizer

__all__ = ["Played"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Played:
    """The players where they are, never to be changed: what trains them trains a copy."""

    players: Players[nn.Module]
    game: Game
    joint: Joint
    prior: Prior
    optimizers: Players[Optimizer]
    """As the run has them: what moves a copy as the run would have moved it."""
    train: Source
    holdout: Source | None
    batch: int
