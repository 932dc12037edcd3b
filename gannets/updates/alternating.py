"""Algorithm 1 of Goodfellow et al. (2014): k steps of D, then one of G, fresh noise each time."""

from __future__ import annotations

from dataclasses import dataclass

from gannets.errors import InputError
from gannets.game import Losses, Players
from gannets.updates.position import Position

__all__ = ["Alternating", "Boost"]


@dataclass(frozen=True)
class Boost:
    """More steps of D now and then: `k` in the first `first` updates and at every `every`-th.

    Arjovsky et al. (2017) train the critic 100 times in the first 25 updates and at every 500th
    (the authors' `main.py`).
    """

    k: int = 100
    first: int = 25
    every: int = 500

    def __post_init__(self) -> None:
        if self.k < 1 or self.first < 0 or self.every < 0:
            raise InputError(
                "Boost takes k >= 1, first >= 0 and every >= 0 (0: never), "
                f"not k={self.k}, first={self.first}, every={self.every}."
            )

    def applies(self, step: int) -> bool:
        """Whether update `step` is boosted."""
        return step < self.first or (self.every > 0 and step % self.every == 0)


@dataclass(frozen=True)
class Alternating:
    """`k` updates of the discriminator, then one of the generator."""

    k: int = 1
    boost: Boost | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"Alternating takes k >= 1 discriminator steps, not {self.k}.")

    def __call__(self, position: Position) -> Players[Losses]:
        """One iteration of Algorithm 1; returns the last losses of each player."""
        for _ in range(self._steps(position)):
            discriminator = position.gradient("discriminator")
            position.move("discriminator", discriminator.gradient)

        generator = position.gradient("generator")
        position.move("generator", generator.gradient)
        return Players(generator.losses, discriminator.losses)

    def _steps(self, position: Position) -> int:
        if self.boost is not None and self.boost.applies(position.step):
            return self.boost.k
        return self.k
