"""Any number of turns for each player, none included: what Algorithm 1 warns of is played too.

`Alternating(k)` lets D move k times and G once. With `Turns(discriminator=1, generator=0)` G is
held and D learns against it; with `Turns(discriminator=0, generator=1)` D is held.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.errors import InputError
from gannets.game import Losses, Players
from gannets.updates import Position

__all__ = ["Turns"]


@dataclass(frozen=True)
class Turns:
    """`discriminator` updates of D, then `generator` updates of G, a fresh batch for each."""

    discriminator: int = 1
    generator: int = 1

    def __post_init__(self) -> None:
        if min(self.discriminator, self.generator) < 0 or not (self.discriminator + self.generator):
            raise InputError(
                "Turns takes counts of 0 or more, not both 0, "
                f"not discriminator={self.discriminator}, generator={self.generator}."
            )

    def __call__(self, position: Position) -> Players[Losses]:
        """One round; who does not move has no losses."""
        losses = Players[Losses]({}, {})
        for _ in range(self.discriminator):
            found = position.gradient("discriminator")
            position.move("discriminator", found.gradient)
            losses = Players(losses.generator, found.losses)
        for _ in range(self.generator):
            found = position.gradient("generator")
            position.move("generator", found.gradient)
            losses = Players(found.losses, losses.discriminator)
        return losses
