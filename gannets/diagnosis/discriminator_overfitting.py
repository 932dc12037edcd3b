"""Discriminator overfitting: D knows its training samples by heart.

AUC = P(D(x) > D(x')) for x trained on and x' held out: 1/2 for a D that has learned a distribution,
1 for one that has learned a list. It needs no gap between real and fake and no zero of the logit,
so that it holds for all objectives; Karras et al. (2020), eq. 1, measure the same by

    r_v = (E D(train) - E D(held out)) / (E D(train) - E D(fake)),

which exceeds 1 where held-out samples are judged worse than fakes, and is noise where D tells
nothing at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import (
    has_penalty,
    narrower,
    stop_at_best,
    with_term,
)
from gannets.diagnosis.shown import more_data, through_views

__all__ = ["DiscriminatorOverfitting"]


@dataclass(frozen=True)
class DiscriminatorOverfitting:
    """D tells what it was trained on from what it was not."""

    symptom = "discriminator overfitting"

    auc: float = 0.65
    """Of training against held-out samples, at least."""
    p: float = 1e-4
    """That this is chance, at most."""

    def __call__(self, case: Case) -> Answer:
        if case.endless:
            return Answer(
                symptom=self.symptom,
                state="cleared",
                why="data are drawn anew for ever: there is nothing to be learnt by heart",
            )
        if case.last.apart == 0:
            return Answer(
                symptom=self.symptom, state="unknown", why="there are no held-out samples"
            )
        return judged(
            self.symptom,
            (
                case.evidence(
                    "AUC of D's answers to training against held-out samples",
                    "verdicts.auc_train",
                    above=self.auc,
                ),
                case.evidence(
                    "p that it is 1/2",
                    "verdicts.auc_train_p",
                    below=self.p,
                ),
            ),
            why=_why(case),
            remedies=lambda: remedies(case),
        )


def _why(case: Case) -> str:
    seen = case.last.verdicts
    tail = ""
    if seen is not None and math.isfinite(seen.r_v):
        tail = f" Karras's r_v is {seen.r_v:.2g} (0: not at all)."
    return f"D tells its training samples from others of the same data: it has them by heart.{tail}"


def remedies(case: Case) -> tuple[Remedy, ...]:
    """More data; images that D never sees twice; a D that holds less; the best that there was."""
    recipe, found = case.recipe, []
    penalty = () if has_penalty(recipe) else (with_term(recipe, "R1(gamma=1.0)"),)
    if (more := more_data(case)) is not None:
        found.append(
            Remedy(
                changes=(more, *penalty),
                why="What D cannot learn by heart it has to learn as a distribution.",
                source="Karras et al. 2020, section 2, figure 1; Mescheder et al. 2018, section 4",
                fresh=True,
            )
        )
    if (views := through_views(recipe)) is not None:
        found.append(
            Remedy(
                changes=(views, *penalty),
                why="D never sees an image twice alike, and a penalty keeps its slope at data low.",
                source="Zhao et al. 2020, section 3; Mescheder et al. 2018, section 4",
                fresh=True,
            )
        )
    elif penalty:
        found.append(
            Remedy(
                changes=penalty,
                why="A D whose slope at data is held down cannot pick out single samples.",
                source="Mescheder et al. 2018, section 4",
                fresh=True,
            )
        )
    if (less := narrower(recipe, "discriminator")) is not None:
        found.append(
            Remedy(
                changes=(less,),
                why="A D of fewer weights holds fewer samples.",
                source="Arora et al. 2017, theorem 3.1",
                fresh=True,
            )
        )
    if (best := stop_at_best(recipe)) is not None:
        found.append(
            Remedy(
                changes=(best,),
                why="The best G that there was is kept, and the run ends where it gets no better.",
                source="Karras et al. 2020, figure 1: quality is best before D overfits",
                fresh=True,
            )
        )
    return tuple(found)
