"""A run that begins in the weights of another one: a second stage of training."""

from __future__ import annotations

from dataclasses import dataclass

from gannets.errors import InputError
from gannets.game import Player

__all__ = ["WarmStart"]


@dataclass(frozen=True)
class WarmStart:
    """Where a game begins: in the players of the last checkpoint of the run in `run`.

    `generator` and `discriminator` name the part of the new player that the run's whole player
    becomes: "top" of a `Stacked`, "" for the whole, None for none of it, which then begins as its
    net says. Weights carry over, and they alone: optimizers, schedules and random numbers begin
    anew. The run is only read, once; the new run's `environment.json` names it.
    """

    run: str
    generator: str | None = None
    discriminator: str | None = None

    def __post_init__(self) -> None:
        if self.generator is None and self.discriminator is None:
            raise InputError(
                'WarmStart takes over nothing: give generator="" or discriminator="", or the name '
                "of a part of one."
            )

    def part(self, player: Player) -> str | None:
        """The part of `player` that is taken over."""
        return self.generator if player == "generator" else self.discriminator
