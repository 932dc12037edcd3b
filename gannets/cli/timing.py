"""How fast a training goes, and when something is due to be drawn again."""

from __future__ import annotations

import time
from collections import deque

from gannets.cli.words import clock
from gannets.training import Training

__all__ = ["Clock", "Pace"]

SHARE = 0.006
"""The share of the time that the numbers may take, and the picture again."""


class Pace:
    """When something is due again: after `interval` seconds, or later if it takes long."""

    def __init__(self, interval: float, share: float = SHARE) -> None:
        self._interval = interval
        self._share = share
        self._next = 0.0
        # The least of a few, so that the first time, or a busy machine, makes no long pause.
        self._costs: deque[float] = deque([0.0], maxlen=3)

    def due(self, now: float) -> bool:
        """Whether it is time."""
        return now >= self._next

    def done(self, start: float, end: float) -> None:
        """It was done from `start` to `end`."""
        self._costs.append(end - start)
        self._next = end + max(self._interval, min(self._costs) / self._share)


class Clock:
    """Steps a second over the last while, and the time that is left."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._marks = deque([(time.perf_counter(), training.state.step)], maxlen=20)

    def mark(self, now: float) -> None:
        """Note how far it is."""
        self._marks.append((now, self._training.state.step))

    @property
    def rate(self) -> float:
        """Steps a second."""
        (t0, first), (t1, last) = self._marks[0], self._marks[-1]
        return (last - first) / (t1 - t0) if t1 > t0 else 0.0

    @property
    def left(self) -> str:
        """The time that is left, in words."""
        steps = self._training.recipe.steps - self._training.state.step
        return f"{clock(steps / self.rate)} left" if self.rate > 0 else ""
