"""Vanishing gradient: D is sure, G's loss is flat where G is, and G does not move.

With f_d = |dL_G/dd| the factor by which D's logit d lets G's gradient through: σ(d) for log(1 - D),
which goes to 0 where D is sure, 1 - σ(d) for -log D, which goes to 1. Goodfellow et al. (2014),
section 3; Arjovsky and Bottou (2017), theorem 2.4. Small gradients alone are no failure: Adam moves
by a gradient's direction, whatever its size. So G's outputs have to stand still too.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import has_penalty, with_term

__all__ = ["VanishingGradient"]


@dataclass(frozen=True)
class VanishingGradient:
    """D too strong for the loss that G descends."""

    symptom = "vanishing gradient"

    accuracy: float = 0.99
    """Of D on held-out reals and fakes, at least."""
    factor: float = 1e-2
    """Of G's gradient that D lets through, at most."""
    move: float = 2e-3
    """Of G at fixed latents in ten updates, over the spread of the data, at most."""

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "D's accuracy on held-out reals and fakes",
                    "verdicts.accuracy",
                    above=self.accuracy,
                ),
                case.evidence(
                    "share of G's gradient that D lets through",
                    "verdicts.factor",
                    below=self.factor,
                ),
                case.evidence(
                    "movement of G in ten updates, over the data's spread",
                    "outputs.move",
                    below=self.move,
                ),
            ),
            why="D tells every fake, and where it is that sure G's loss is flat: G stands still.",
            remedies=lambda: remedies(case),
        )


def remedies(case: Case) -> tuple[Remedy, ...]:
    """A loss that does not saturate; a D whose slope is bounded; an optimizer that rescales."""
    found = []
    if type(case.recipe.game.objective).__name__ == "Minimax":
        found.append(
            Remedy(
                changes=("game.objective=NonSaturating()",),
                why="-log D(G(z)) has the same fixed point, and is steepest where D is sure.",
                source="Goodfellow et al. 2014, section 3",
            )
        )
    if not has_penalty(case.recipe):
        found.append(
            Remedy(
                changes=(with_term(case.recipe, "R1(gamma=1.0)"),),
                why="A penalty on D's slope at data keeps its logits, and G's gradient, in range.",
                source="Mescheder et al. 2018, section 4",
            )
        )
    found.append(
        Remedy(
            changes=("game.objective=Wasserstein()", with_term(case.recipe, "GradientPenalty()")),
            why="The critic of a Wasserstein game has a slope where supports are apart.",
            source="Arjovsky et al. 2017; Gulrajani et al. 2017",
            fresh=True,
        )
    )
    return tuple(found)
