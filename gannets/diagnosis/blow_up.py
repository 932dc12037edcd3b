"""Blow-up: D's loss leaves every scale that its data give it.

A critic of slope 1 tells two samples by their distance at most, so that the loss of a healthy
Wasserstein game is of the data's scale; log, hinge and least squares losses are of the scale of 1.
Without a bound on the critic's slope its loss has no least value: Arjovsky et al. (2017), section
3. |loss| > 1,000 was seen within 50 updates then, and in no healthy game.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.non_finite import bounded_slope, bounded_steps, shorter_steps
from gannets.diagnosis.remedies import has_penalty, with_term
from gannets.game import PLAYERS
from gannets.objectives import Wasserstein
from gannets.updates import SGD

__all__ = ["BlowUp"]


@dataclass(frozen=True)
class BlowUp:
    """The loss of D, which is to be minimised, grows without bound."""

    symptom = "blow-up"

    loss: float = 1e3
    """Of D, on held-out samples, over the size of the data where that is above 1, at least."""

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "size of D's loss, over that of the data",
                    "loss_size",
                    above=self.loss,
                    source="1,000 within 50 updates for a critic of any slope, measured",
                    needs=1,
                ),
            ),
            why="the game's numbers grow without bound.",
            remedies=lambda: _remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    recipe = case.recipe
    found: list[Remedy] = []
    if not has_penalty(recipe):
        if isinstance(recipe.game.objective, Wasserstein):
            found += bounded_slope(recipe, case.step)
        else:
            found.append(
                Remedy(
                    changes=(with_term(recipe, "R1(gamma=1.0)"),),
                    why="A penalty on D's slope at data keeps its logits in range.",
                    source="Mescheder et al. 2018, section 4",
                    fresh=True,
                )
            )
    if any(isinstance(recipe.optimizers[p], SGD) for p in PLAYERS):
        found.append(bounded_steps(recipe))
    return (*found, *shorter_steps(recipe, 0.1, case.step))
