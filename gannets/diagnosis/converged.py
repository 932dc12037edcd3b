"""Converged: the referee no longer tells fakes from held-out samples.

The run's D is not asked: one that is blind to what G does wrong calls it even as well. What is
asked is the energy distance (Székely and Rizzo 2013), two classifiers by nearest neighbours
(Lopez-Paz and Oquab 2017), coverage against its floor, and what a copy of D still finds (the
duality gap's side of D, Grnarova et al. 2019). Probes look at fresh samples: the mean of m of them
has an error √m times smaller than one, so that half of a run tells what one probe does not,

    t = (mean - what equal distributions have) / (standard deviation / √m).

It is said of these samples, and of no more. A classifier that guesses has an accuracy of 1/2 with
the standard error 1 / (2 √(2n)), 2n samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean, stdev

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Evidence

__all__ = ["Converged"]

FEWEST = 8
"""Probes."""
WARM = 500
"""Updates before which a game has just begun."""


@dataclass(frozen=True)
class Converged:
    """p_g and p_data are equal, as far as the samples of a probe tell."""

    symptom = "converged"

    errors: float = 2.5
    """Standard errors beyond what equal distributions have that a mean may be, at most."""
    coverage: float = 0.9
    """Of held-out samples, over a perfect generator's, at least."""
    gain: float = 0.1
    """Of V by a copy of D, at most."""

    def __call__(self, case: Case) -> Answer:
        seen = [step for step, _ in case.values("referee.distance") if step >= WARM]
        if len(seen) < FEWEST:
            need = f"it takes {FEWEST} probes after {WARM} updates, and there are {len(seen)}"
            return Answer(symptom=self.symptom, state="unknown", why=need)
        since = seen[-max(FEWEST, len(seen) // 2)]
        even = 0.5 + self.errors * 0.5 / math.sqrt(2 * case.last.n)
        return judged(
            self.symptom,
            (
                self._beyond(case, "referee.distance", since, 0.0),
                self._beyond(case, "referee.nearest", since, 0.5),
                case.evidence(
                    "fakes and held-out reals that the referee tells", "referee.told", below=even
                ),
                case.evidence(
                    "coverage, over a perfect generator's",
                    "referee.coverage_share",
                    above=self.coverage,
                ),
                case.evidence(
                    "gain of V by a copy of D", "clones.reference", below=self.gain, needs=1
                ),
            ),
            why="the referee no longer tells fakes from held-out samples: stop here.",
            costly=1,
            but="the distance still falls" if case.falling("referee.distance") else "",
        )

    def _beyond(self, case: Case, path: str, since: int, equal: float) -> Evidence:
        """By how many of its standard errors a mean is beyond what equal distributions have."""
        values = [v for step, v in case.values(path) if step >= since]
        error = stdev(values) / math.sqrt(len(values))
        t = (mean(values) - equal) / max(error, 1e-12)
        return Evidence(
            statistic=f"standard errors by which {path.partition('.')[2]} is beyond {equal:g}",
            path=path,
            value=t,
            threshold=self.errors,
            side="below",
            window=(since, case.step),
            interval=(min(values), max(values)),
            held=len(values) if t <= self.errors else 0,
            needs=FEWEST,
        )
