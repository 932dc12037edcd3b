"""What the rules are asked about: a run's probes, and the recipe that was played."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Any

from gannets.diagnosis.finding import Answer, Evidence, Remedy, Side
from gannets.diagnosis.probe import Probe
from gannets.diagnosis.trend import falls, rises, won

__all__ = [
    "COPIES",
    "FIRST",
    "MATERIAL",
    "PERSIST",
    "SETTLED",
    "TREND",
    "Case",
    "judged",
    "strongest",
    "too_early",
]

PERSIST = 3
"""Probes in a row before a verdict: healthy games look collapsed for a while in the beginning."""
AGAIN = 10
"""Probes after which copies of D tell of another game, and are trained anew where they are asked
for."""
TREND = 8
"""Probes over which a trend is looked for."""
FIRST, SETTLED = 50, 250
"""Updates after which a distance that falls says that a game gets on, and a variety that grows: it
grows in all games from the one blob that they begin with."""
MATERIAL = 0.25
"""Of the distance, the share that has to be won over eight probes for the game to get on."""
COPIES = "none were of late; `gannets diagnose` without --no-copies does, from a whole checkpoint"
"""What is said where a verdict hangs on copies of D that there are none of. They may be missing in
what `gannets diagnose` says itself."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """A run as the rules see it: its probes, oldest first, and its recipe."""

    probes: tuple[Probe, ...]
    recipe: Any
    """The `Recipe`: rules look at its game, update, optimizers, joint, averaging, batch."""
    endless: bool = False
    """Whether data are drawn anew for ever, so that there is nothing to be learnt by heart."""

    @property
    def step(self) -> int:
        """Of the last probe."""
        return self.probes[-1].step

    @cached_property
    def last(self) -> Probe:
        """The last probe."""
        return self.probes[-1]

    def values(self, path: str) -> list[tuple[int, float]]:
        """A statistic over the run, (step, value), where it was seen and is finite."""
        found = ((probe.step, _at(probe, path)) for probe in self.probes)
        return [(step, v) for step, v in found if v is not None and math.isfinite(v)]

    def latest(self, path: str) -> float | None:
        """A statistic as it was seen last."""
        values = self.values(path)
        return values[-1][1] if values else None

    def rising(self, path: str, *, since: int = 0) -> bool:
        """Whether a statistic rises over the last probes, of those after `since` updates, more than
        chance explains.
        """
        return rises([value for step, value in self.values(path) if step > since][-TREND:])

    def falling(self, path: str, *, since: int = 0) -> bool:
        """Whether it falls so."""
        return falls([value for step, value in self.values(path) if step > since][-TREND:])

    def won(self, path: str, *, since: int = 0) -> float:
        """How much of its median it has lost over those probes, where it falls; see `won`."""
        seen = [(step, value) for step, value in self.values(path) if step > since][-TREND:]
        return won([step for step, _ in seen], [value for _, value in seen])

    def evidence(
        self,
        statistic: str,
        path: str,
        *,
        above: float | None = None,
        below: float | None = None,
        source: str = "",
        needs: int = PERSIST,
        since: int = 0,
    ) -> Evidence | None:
        """A statistic against its threshold over the last `needs` probes that have it, or None
        where none has after `since` updates, or none of late: copies of D grow old.
        """
        if path.startswith("clones."):
            since = max(since, self.probes[-AGAIN:][0].step)
        values = [(step, value) for step, value in self.values(path) if step >= since]
        if not values:
            return None
        side: Side = "above" if above is not None else "below"
        threshold = above if above is not None else below
        assert threshold is not None

        def holds(value: float) -> bool:
            return value >= threshold if side == "above" else value <= threshold

        held = 0
        for _, value in reversed(values):
            if not holds(value):
                break
            held += 1
        seen = values[-needs:]
        numbers = [value for _, value in seen]
        return Evidence(
            statistic=statistic,
            path=path,
            value=median(numbers),
            last=numbers[-1],
            threshold=threshold,
            side=side,
            window=(seen[0][0], seen[-1][0]),
            interval=(min(numbers), max(numbers)),
            held=held,
            needs=needs,
            source=source,
        )

    def pooled(
        self,
        statistic: str,
        path: str,
        *,
        above: float,
        probes: int,
        source: str = "",
    ) -> Evidence | None:
        """The median of a statistic over the last `probes` that have it against its threshold: for
        what stands near it, and is now on one side, now on the other.
        """
        found = self.evidence(statistic, path, above=above, needs=probes, source=source)
        if found is None:
            return None
        seen = min(probes, len(self.values(path)))
        return replace(found, last=None, held=seen if found.value >= above else 0)


def judged(
    symptom: str,
    evidence: tuple[Evidence | None, ...],
    *,
    why: str,
    remedies: Callable[[], tuple[Remedy, ...]] = tuple,
    costly: int = 0,
    but: str = "",
) -> Answer:
    """What follows from evidence all of which has to hold: found, suspected, cleared or unknown.

    The last `costly` pieces are looked at only on demand (copies of D are trained for them): where
    all else has held for long enough and they are missing, they are asked for. `but` is what speaks
    against the symptom besides, if something does.
    """
    cheap = evidence[: len(evidence) - costly]
    there = tuple(each for each in evidence if each is not None)
    if (against := next((e for e in there if not e.holds), None)) is not None:
        return Answer(symptom=symptom, state="cleared", why=_against(against), evidence=there)
    if any(each is None for each in cheap):
        return Answer(
            symptom=symptom, state="unknown", why="what it is known by was not seen in this run"
        )
    if but:
        return Answer(symptom=symptom, state="cleared", why=but, evidence=there)
    lasting = all(e.held >= e.needs for e in there)
    if len(there) < len(evidence):
        return Answer(
            symptom=symptom,
            state="unknown",
            why=f"copies of D have to be trained to tell: {COPIES}",
            evidence=there,
            asks=lasting,
        )
    return Answer(
        symptom=symptom,
        state="found" if lasting else "suspected",
        why=why,
        evidence=there,
        remedies=remedies() if lasting else (),
    )


def too_early(symptom: str) -> Answer:
    """What a rule says that needs more updates than were made."""
    return Answer(symptom=symptom, state="unknown", why="it is too early to tell")


def strongest(answers: Sequence[Answer]) -> Answer:
    """The answer of a symptom that any of several groups of evidence is enough for.

    Found by one, it is found; not told by one, it is not cleared by the others.
    """
    order = ("found", "suspected", "unknown", "cleared")
    best = min(answers, key=lambda answer: (order.index(answer.state), not answer.asks))
    if best.state != "cleared":
        return best
    return replace(
        best,
        why="; ".join(dict.fromkeys(answer.why for answer in answers)),
        evidence=tuple(dict.fromkeys(e for answer in answers for e in answer.evidence)),
    )


def _against(evidence: Evidence) -> str:
    bound = "least" if evidence.side == "above" else "most"
    value = evidence.value if evidence.last is None else evidence.last
    return f"{evidence.statistic}: {value:.3g}, where it takes at {bound} {evidence.threshold:.3g}"


def _at(probe: Probe, path: str) -> float | None:
    """The number at `path` of a probe, a field or a property of its parts."""
    found: Any = probe
    for name in path.split("."):
        if found is None:
            return None
        found = found.get(name) if isinstance(found, dict) else getattr(found, name)
    return None if found is None else float(found)
