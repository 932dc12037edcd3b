"""What is seen of a game for its diagnosis, and how often.

It changes nothing of the game: a run with and one without probes are equal, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.referee import FEWEST
from gannets.errors import InputError

__all__ = ["Probing", "due"]

FIRST = 50
"""The first probe: set-up faults show at once."""


@dataclass(frozen=True, kw_only=True)
class Probing:
    """What is seen of a game as it goes, for its diagnosis."""

    every: int = 250
    """Updates between probes; there is one after 50, too."""
    n: int = 256
    """Samples of each side, or as many as were held out."""
    features: str = "auto"
    """How the referee sees samples; auto: up to 64 numbers as they are, more by 32 principal axes,
    tables encoded."""
    clones: int = 100
    """Updates of the copies of D that are trained where a verdict hangs on them (0: never)."""

    def __post_init__(self) -> None:
        for field, least in (("every", 1), ("n", FEWEST), ("clones", 0)):
            if getattr(self, field) < least:
                raise InputError(
                    f"Probing.{field} must be at least {least}, not {getattr(self, field)}."
                )


def due(step: int, probing: Probing) -> bool:
    """Whether there is a probe after so many updates."""
    return step > 0 and (step % probing.every == 0 or step == FIRST)
