"""Mode collapse: whatever z is, G makes a few things.

The referee finds few held-out samples with a fake near them, or fakes that hardly differ, and tells
fakes from reals. A copy of D tells them too, so it is not that D cannot see it: G moves to where D
is fooled for now, all of it at once, and D follows. Goodfellow et al. (2014), section 6 ("the
Helvetica scenario"); Goodfellow (2016), section 5.1.1. Healthy games look like this in the
beginning: it has to last, and to get no better.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import FIRST, MATERIAL, SETTLED, Case, judged, too_early
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.motion import AMPLITUDE, swinging
from gannets.diagnosis.remedies import balanced, bounded, has_penalty, instead, more, packed

__all__ = ["ModeCollapse"]

LASTS = 6
"""Probes in a row: Mann's test needs four to see that a game gets on, and the first ones tell
nothing of that."""
SOURCE = "Naeem et al. 2020, coverage"


@dataclass(frozen=True)
class ModeCollapse:
    """Fakes lack the variety of data, and get none."""

    symptom = "mode collapse"

    warm: int = 750
    """Updates before which nothing is said: healthy games lack variety until then."""
    variety: float = 0.25
    """The smaller of coverage, over a perfect generator's, and spread, over the data's, at most."""
    told: float = 0.75
    """Of fakes and held-out reals, told apart by the referee, at least."""
    grown: float = 0.08
    """Variety from which on its growth is one, and not the noise of next to nothing."""
    accuracy: float = 0.75
    """Of a copy of D that is trained against G as it is, at least: D could see it. Copies of a D
    that is blind have up to .73 on toys and digits."""
    whole: float = 0.5
    """Spread of fakes from which on they are no collapse where they swing as a whole;"""
    through: float = 1.0
    """swing from which on they are none however alike: a G that hops between modes stays within
    the data's spread."""

    def __call__(self, case: Case) -> Answer:
        if case.step < self.warm:
            return too_early(self.symptom)
        return judged(
            self.symptom,
            (
                case.evidence(
                    "variety of the fakes, over the data's",
                    "referee.variety",
                    below=self.variety,
                    needs=LASTS,
                    source=SOURCE,
                ),
                case.evidence(
                    "fakes and held-out reals that the referee tells",
                    "referee.told",
                    above=self.told,
                    needs=LASTS,
                    source="Lopez-Paz and Oquab 2017",
                ),
                case.evidence(
                    "share that a copy of D learns to tell",
                    "clones.accuracy",
                    above=self.accuracy,
                    needs=1,
                ),
            ),
            why="G makes a few things whatever its latent is, and far too little of the data.",
            remedies=lambda: remedies(case),
            costly=1,
            but=self._against(case),
        )

    def _against(self, case: Case) -> str:
        if case.won("referee.distance", since=FIRST) >= MATERIAL:
            return "the distance to held-out data falls"
        if (case.latest("referee.variety") or 0.0) >= self.grown and (
            case.rising("referee.variety", since=SETTLED)
            or case.rising("referee.coverage", since=SETTLED)
        ):
            return "the variety of the fakes grows"
        varied = (case.latest("referee.spread") or 0.0) >= self.whole
        if swinging(case, by=AMPLITUDE if varied else self.through):
            return "what is wrong is that G swings as a whole"
        return ""


def remedies(case: Case) -> tuple[Remedy, ...]:
    """A D whose slope is bounded, on a par with G; no momentum; one D that sees several samples."""
    recipe = case.recipe
    found, calm = [], balanced(recipe, case.step)
    if not has_penalty(recipe):
        found.append(
            Remedy(
                changes=(*bounded(recipe), *calm),
                why="A D with a bounded slope, as fast as G and without momentum, pulls fakes that "
                "stand together apart before G has left." + instead(recipe, calm),
                source="Mescheder et al. 2018, section 4; Heusel et al. 2017, section 2",
                fresh=True,
            )
        )
    elif calm:
        found.append(
            Remedy(
                changes=calm,
                why="G leaves before D has answered: give D a rate as high as G's, and neither "
                "of them momentum." + instead(recipe, calm),
                source="Heusel et al. 2017, section 2",
                fresh=True,
            )
        )
    found += packed(recipe)
    return tuple(found) or (more(recipe),)
