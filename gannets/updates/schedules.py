"""How a learning rate or momentum changes with the number n of updates its player has made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gannets.errors import InputError

__all__ = ["Constant", "Cosine", "Decay", "Linear", "Ramp", "Schedule", "at"]


@runtime_checkable
class Schedule(Protocol):
    """A function of n = 0, 1, 2, ..."""

    def __call__(self, n: int) -> float:
        """The value for the update after `n` updates."""
        ...


def at(value: float | Schedule, n: int) -> float:
    """A plain number is its own constant schedule."""
    # Asked at every update: whether something is a number is known at once, a protocol is not.
    return value if isinstance(value, (int, float)) else value(n)


def _steps(name: str, steps: int) -> None:
    if steps < 1:
        raise InputError(f"{name} takes steps >= 1, not {steps}.")


@dataclass(frozen=True)
class Constant:
    """Always `value`."""

    value: float

    def __call__(self, n: int) -> float:
        """The value after `n` updates."""
        return self.value


@dataclass(frozen=True)
class Linear:
    """From `start` to `end` over `steps` updates after the first `after`, then `end`."""

    start: float
    end: float
    steps: int
    after: int = 0

    def __post_init__(self) -> None:
        _steps("Linear", self.steps)

    def __call__(self, n: int) -> float:
        """The value after `n` updates."""
        part = min(max((n - self.after) / self.steps, 0.0), 1.0)
        return self.start + (self.end - self.start) * part


@dataclass(frozen=True)
class Decay:
    """max(start / factor^n, floor): the decay of Goodfellow et al. (2014), factor 1.000004."""

    start: float
    factor: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.factor <= 1:
            raise InputError(
                f"Decay divides by its factor at every update: it must exceed 1, not {self.factor}."
            )

    def __call__(self, n: int) -> float:
        """The value after `n` updates."""
        # In logarithms: factor**n overflows for large n.
        return max(self.start * math.exp(-n * math.log(self.factor)), self.floor)


@dataclass(frozen=True)
class Cosine:
    """From `start` to `end` along half a cosine over `steps` updates, then `end`."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _steps("Cosine", self.steps)

    def __call__(self, n: int) -> float:
        """The value after `n` updates."""
        part = min(n / self.steps, 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True)
class Ramp:
    """From `start` to `end` over `steps` updates, in stairs of `every` updates.

    The momentum of Goodfellow et al. (2014) rises once an epoch: `Ramp(0.5, 0.7, steps=124_500,
    every=500)` is .5 in the first epoch of 500 updates and .7 from the 250th on.
    """

    start: float
    end: float
    steps: int
    every: int = 1

    def __post_init__(self) -> None:
        _steps("Ramp", self.steps)
        if self.every < 1:
            raise InputError(f"Ramp takes every >= 1, not {self.every}.")

    def __call__(self, n: int) -> float:
        """The value after `n` updates."""
        part = min(n // self.every * self.every / self.steps, 1.0)
        return self.start + (self.end - self.start) * part
