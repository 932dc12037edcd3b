"""The two players: G, which makes samples from noise, and D, which tells them from the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

__all__ = ["PLAYERS", "Player", "Players", "both"]

T = TypeVar("T")
U = TypeVar("U")

Player = Literal["generator", "discriminator"]
PLAYERS: tuple[Player, Player] = ("generator", "discriminator")


@dataclass(frozen=True)
class Players(Generic[T]):
    """One thing for each player: nets, optimizers, losses and gradients all come in this pair."""

    generator: T
    discriminator: T

    def map(self, f: Callable[[T], U]) -> Players[U]:
        """Apply `f` to each player's thing."""
        return Players(f(self.generator), f(self.discriminator))

    def __getitem__(self, player: Player) -> T:
        """The thing of the player named `"generator"` or `"discriminator"`."""
        return self.generator if player == "generator" else self.discriminator


def both(thing: T) -> Players[T]:
    """The same thing for both players."""
    return Players(thing, thing)
