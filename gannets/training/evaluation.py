"""What is measured of a game while it is played, which checkpoint is kept for it, when to stop.

It changes nothing of the game: a run with and one without evaluations are equal, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gannets.errors import InputError
from gannets.metrics import PRDC, Frechet, Metric, Report

__all__ = ["Evaluated", "Evaluation", "StopWhen", "best_of", "reached"]


@dataclass(frozen=True, kw_only=True)
class StopWhen:
    """End a run where the estimate `metric` has reached a value, or improves no longer."""

    metric: str = "fd"
    patience: int | None = 5
    """After so many evaluations without a better value; None: never."""
    value: float | None = None
    """Where it is at least as good as this; as near to its floor, where that is what is good."""

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience < 1:
            raise InputError(f"StopWhen.patience must be at least 1, not {self.patience}.")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is measured of a run as it goes, and what follows from it."""

    every: int = 1_000
    """Updates between evaluations; there is one before the first update, too."""
    metrics: tuple[Any, ...] = (Frechet(), PRDC())
    features: str = "auto"
    n: int = 1_000
    """Samples of each side, or as many as were held out."""
    best: str | None = None
    """The estimate by which the best checkpoint is known, and kept; None: the first."""
    stop: StopWhen | None = None

    def __post_init__(self) -> None:
        for field, least in (("every", 1), ("n", 2)):
            if getattr(self, field) < least:
                raise InputError(
                    f"Evaluation.{field} must be at least {least}, not {getattr(self, field)}."
                )
        if not self.metrics:
            raise InputError("Evaluation.metrics is empty: name a metric, or set evaluation=None.")
        for metric in self.metrics:
            if not isinstance(metric, Metric):
                raise InputError(f"{metric!r:.60} is no metric: give values such as Frechet().")


Evaluated = tuple[int, Report]
"""After which update, and what was found."""


def best_of(evaluated: Sequence[Evaluated], key: str) -> int | None:
    """The step of the best value of an estimate, the first of equal ones.

    An untrained generator is never the best: not to have learned is no reason to stop.
    """
    there = [
        (step, e)
        for step, report in evaluated
        if step and (e := report.get(key)) is not None and math.isfinite(e.badness)
    ]
    return min(there, key=lambda pair: pair[1].badness)[0] if there else None


def reached(evaluated: Sequence[Evaluated], stop: StopWhen) -> str | None:
    """Why a run is to end now, in a sentence; None where it is to go on."""
    there = [(step, e) for step, report in evaluated if (e := report.get(stop.metric)) is not None]
    if not there:
        return None
    step, last = there[-1]
    if stop.value is not None and step:
        goal = -stop.value if last.better == "higher" else stop.value
        if last.badness <= goal:
            return f"{last.name} has reached {last.value:.4g}"
    best = best_of(evaluated, stop.metric)
    since = [step for step, _ in there if best is not None and step > best]
    if stop.patience is not None and len(since) >= stop.patience:
        value = next(e.value for step, e in there if step == best)
        return (
            f"{last.name} has not improved in {len(since)} evaluations; it was best, {value:.4g}, "
            f"at step {best}"
        )
    return None
