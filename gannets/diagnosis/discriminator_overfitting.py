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
from dataclasses import fields
from dataclasses import dataclass
from typing import Any

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy

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
