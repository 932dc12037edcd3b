"""A diagnosed state: the symptom, its evidence, what was ruled out, and the change to try."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gannets.diagnosis.line import plain

__all__ = ["Answer", "Evidence", "Finding", "Passed", "Remedy", "State"]

State = Literal["failure", "healthy", "watch", "converged", "plateau", "unknown"]
Side = Literal["above", "below"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A statistic, where the line is drawn, and how it stood over the probes looked at."""

    statistic: str
    """What it is, in words."""
    path: str
    """Where a probe has it: "referee.coverage". A picture draws its curve."""
    value: float
    """Its median over the window."""
    last: float | None = None
    """What it was at the last probe, where that one decides; None where the median or a trend
    does."""
    threshold: float
    side: Side
    """On which side of the threshold it has to be for the symptom to be there."""
    window: tuple[int, int]
    """The steps of the first and the last probe looked at."""
    interval: tuple[float, float]
    """Least and greatest value over the window."""
    held: int
    """How many of the last probes, in a row, were on that side."""
    needs: int = 3
    """How many it takes."""
    source: str = ""
    """Where the threshold comes from."""
    curve: tuple[tuple[int, float], ...] = ()
    """What a picture draws, (step, value), where the number judged is not at `path` itself but made
    of several probes; () for the curve at `path`."""
    trend: bool = False
    """Whether it is how a curve goes over the window: the threshold is then none of the curve's."""

    @property
    def holds(self) -> bool:
        """Whether the last probe was on that side."""
        return self.held > 0

    def __str__(self) -> str:
        sign = ">=" if self.side == "above" else "<="
        return f"{self.statistic} {_number(self.value)} ({sign} {_number(self.threshold)})"


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A change of recipe that is to help, in the recipe's own notation."""

    changes: tuple[str, ...]
    """Fields and their values as `--set` takes them; () where nothing but going on is advised."""
    why: str
    source: str
    fresh: bool = False
    """Whether the game has to be begun anew: what has happened cannot be undone by going on."""
    steps: int | None = None
    """The budget it needs, where that is not the recipe's."""

    def command(self, run: str, own: Sequence[str] = ()) -> str:
        """The command that tries it, as a shell takes it, whatever is in the run's name; `own` are
        the words that name a file of one's own.
        """
        words = ["gannets", "train", "--from" if self.fresh else "--resume", run]
        for change in self.changes:
            words += ["--set", change]
        if self.steps is not None:
            words += ["--steps", str(self.steps)]
        return shlex.join([*words, *own])


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A symptom that was looked for and not found, and why; or that could not be looked for."""

    symptom: str
    why: str
    told: bool = True
    """False where it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one rule says: found, suspected (not yet for long enough), cleared, or unknown."""

    symptom: str
    state: Literal["found", "suspected", "cleared", "unknown"]
    why: str
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    asks: bool = False
    """Whether copies of D should be trained: all that is known without them speaks for it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is the matter with a run after `step`, or that nothing is."""

    symptom: str
    """"mode collapse", "healthy, improving", "converged" ..."""
    state: State
    step: int
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    ruled_out: tuple[Passed, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    suspected: tuple[str, ...] = ()
    """What may be found later, if it lasts."""

    @property
    def serious(self) -> bool:
        """Whether it is a failure."""
        return self.state == "failure"

    @property
    def settled(self) -> bool:
        """Whether going on as before is of no use."""
        return self.state in ("failure", "converged", "plateau")

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; what is not finite is null."""
        return {k: plain(v) for k, v in asdict(self).items()}

    def __str__(self) -> str:
        lines = [f"{self.symptom} (step {self.step:,}): {self.sentence}"]
        lines += [f"  {evidence}" for evidence in self.evidence]
        return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.3g}"
