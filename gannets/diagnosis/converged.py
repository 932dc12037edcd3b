"""Converged: p_g is p_data, at the resolution that the probes of half a run have together.

The run's D is not asked: one that is blind to what G does wrong calls it even as well. What is
asked is the energy distance (Székely and Rizzo 2013), two classifiers by nearest neighbours
(Lopez-Paz and Oquab 2017), coverage against its floor, and what a copy of D still finds (the
duality gap's side of D, Grnarova et al. 2019).

That a test tells nothing is no evidence of equality: a weak one never does. So equality has to be
shown, as tests of equivalence do (Schuirmann 1987). The upper bound of what a statistic may have
beyond equal distributions is no more than a margin,

    mean + t s / √m <= margin,    m probes of fresh samples, s their deviation, t of 95 %:

where it has the margin, 95 of 100 runs would not pass. Probes of 256 samples have s = .03 for the
two classifiers and .004 for the distance in the plane: 24 of them reach the margins if p_g is
p_data, and eight do not. (A shift by δ, in units of the root of the data's total variance, has the
distance δ²/2.)

And it is no longer on its way: over those probes the sum of the three, each over its deviation,
does not fall (Mann 1945), at a lenient level, as to wait costs little. What falls more slowly than
that is not seen: by 10,000 samples a mixture of two normals came nearer until 7,500 updates, by the
probes until 2,500. That is one more reason for so many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TypeVar

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Evidence
from gannets.diagnosis.trend import mann_p

__all__ = ["Converged"]

T = TypeVar("T")

MANY = 4
"""Times as many held-out samples as a probe takes: of fewer, probes see nearly the same ones, and
have one error together."""
FEWEST = 24
"""Probes: with fewer the margins are not reached."""
WARM = 500
"""Updates before which a game has just begun."""
STUDENT = 1.71
"""Of 95 %, with 24 probes; with more it is 1.65 to 1.71."""
PATHS = ("referee.distance", "referee.c2st", "referee.nearest")
EQUAL = {"referee.distance": 0.0, **dict.fromkeys((*PATHS[1:], "referee.beyond"), 0.5)}
"""What equal distributions have."""


@dataclass(frozen=True)
class Converged:
    """p_g and p_data are equal, as far as the samples of half a run tell."""

    symptom = "converged"

    distance: float = 0.0025
    """What the distance may be, at most: a shift by 7 % of the data's spread."""
    told: float = 0.02
    """What a kNN classifier may have beyond 1/2, at most."""
    nearest: float = 0.025
    """The same of the one nearest neighbour."""
    coverage: float = 0.9
    """Of held-out samples, over a perfect generator's, at least."""
    gain: float = 0.1
    """Of V by a copy of D, at most."""
    level: float = 0.1
    """Of a fall to be one: p is above."""

    def __call__(self, case: Case) -> Answer:
        few = case.last.apart
        if few is not None and few < MANY * case.last.n:
            need = f"it takes {MANY * case.last.n:,} held-out samples, and there are {few:,}"
            return Answer(symptom=self.symptom, state="unknown", why=need)
        seen = [step for step, _ in case.values("referee.distance") if step >= WARM]
        if len(seen) < FEWEST:
            need = f"it takes {FEWEST} probes after {WARM} updates, and there are {len(seen)}"
            return Answer(symptom=self.symptom, state="unknown", why=need)
        since = _window(seen)[0]
        bounds = [
            _bound(case, "of the distance", PATHS[0], since, most=self.distance),
            _bound(case, "of the kNN accuracy beyond 1/2", PATHS[1], since, most=self.told),
            _bound(case, "of the 1-NN accuracy beyond 1/2", PATHS[2], since, most=self.nearest),
        ]
        if case.values("referee.beyond"):
            name = "of that by what the axes leave out"
            bounds.append(_bound(case, name, "referee.beyond", since, most=self.told))
        return judged(
            self.symptom,
            (
                *bounds,
                case.evidence(
                    "coverage, over a perfect generator's",
                    "referee.coverage_share",
                    above=self.coverage,
                ),
                case.evidence(
                    "gain of V by a copy of D", "clones.reference", below=self.gain, needs=1
                ),
            ),
            why=_why(case, since),
            costly=1,
            but="it still comes nearer to the data" if _nearing(case, since) < self.level else "",
        )


def _beyond(case: Case, path: str, since: int) -> list[float]:
    """What a statistic has beyond equal distributions."""
    equal = EQUAL[path]
    return [value - equal for step, value in case.values(path) if step >= since]


def _window(seen: Sequence[T]) -> Sequence[T]:
    """The last half, or as many probes as it takes."""
    return seen[-max(FEWEST, len(seen) // 2) :]


def _bounds(case: Case, path: str) -> tuple[tuple[int, float], ...]:
    """The upper bound after each probe, for a picture: the last one is the one judged."""
    equal = EQUAL[path]
    seen = [(step, value - equal) for step, value in case.values(path) if step >= WARM]
    windows = (_window(seen[:i]) for i in range(FEWEST, len(seen) + 1))
    return tuple((rows[-1][0], _upper([value for _, value in rows])) for rows in windows)


def _upper(values: list[float]) -> float:
    """What a mean may be, at most."""
    return mean(values) + _error(values)


def _error(values: list[float]) -> float:
    """Of a mean, at 95 %."""
    return STUDENT * stdev(values) / math.sqrt(len(values))


def _bound(case: Case, name: str, path: str, since: int, *, most: float) -> Evidence | None:
    """The upper bound of what a statistic may have beyond equal distributions."""
    values = _beyond(case, path, since)
    if len(values) < FEWEST:
        return None
    bound = _upper(values)
    return Evidence(
        statistic=f"upper bound (95 %) {name}",
        path=path,
        value=bound,
        threshold=most,
        side="below",
        window=(since, case.step),
        interval=(min(values), max(values)),
        curve=_bounds(case, path),
        held=len(values) if bound <= most else 0,
        needs=FEWEST,
        source="Schuirmann 1987",
    )


def _nearing(case: Case, since: int) -> float:
    """How probable it is that the statistics fall together by chance."""
    found = [dict(case.values(path)) for path in PATHS]
    steps = [step for step in found[0] if step >= since and all(step in each for each in found)]
    together = [0.0] * len(steps)
    for each in found:
        row = [each[step] for step in steps]
        scale = max(stdev(row), 1e-12)
        together = [sum(pair) for pair in zip(together, (v / scale for v in row), strict=True)]
    return mann_p([-value for value in together])


def _why(case: Case, since: int) -> str:
    """What is said, with the resolution at which it is: a mean that is lucky makes it no finer."""
    distance, told = (_beyond(case, path, since) for path in PATHS[:2])
    shift = math.sqrt(2 * (max(mean(distance), 0.0) + _error(distance)))
    share = 0.5 + max(mean(told), 0.0) + _error(told)
    return (
        "the referee no longer tells fakes from held-out samples: stop here. "
        f"{len(distance)} probes of {case.last.n} would have seen nearest neighbours right on "
        f"{share:.1%}, or a shift by {shift:.0%} of the data's spread."
    )
