"""Converged: the referee no longer tells fakes from held-out samples.

The run's D is not asked: one that is blind to what G does wrong calls it even as well. What is
asked is the energy distance by permutation (Székely and Rizzo 2013), two classifiers by nearest
neighbours (Lopez-Paz and Oquab 2017), coverage against its floor, and what a copy of D still finds
(the duality gap's side of D, Grnarova et al. 2019). All of it is said of the samples of a probe,
and of no more: a difference that shows in more samples is not ruled out.

A classifier that guesses has an accuracy of 1/2 with the standard error 1 / (2 √(2n)), 2n samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer

__all__ = ["Converged"]


@dataclass(frozen=True)
class Converged:
    """p_g and p_data are equal, as far as the samples of a probe tell."""

    symptom = "converged"

    warm: int = 750
    """Updates before which nothing is said: a game that has just begun may pass by."""
    p: float = 0.05
    """Of the energy distance, at least."""
    errors: float = 2.5
    """Standard errors beyond 1/2 that a classifier's accuracy may have, at most."""
    coverage: float = 0.9
    """Of held-out samples, over a perfect generator's, at least."""
    gain: float = 0.1
    """Of V by a copy of D, at most."""

    def __call__(self, case: Case) -> Answer:
        if case.step < self.warm:
            return Answer(symptom=self.symptom, state="unknown", why="it is too early to tell")
        n = case.last.n
        even = 0.5 + self.errors * 0.5 / math.sqrt(2 * n)
        return judged(
            self.symptom,
            (
                case.evidence("p of the distance", "referee.distance_p", above=self.p),
                case.evidence(
                    "fakes and held-out reals that the referee tells", "referee.told", below=even
                ),
                case.evidence(
                    "and that their nearest neighbours tell", "referee.nearest", below=even
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
