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
from gannets.diagnosis.remedies import has_penalty, instead, with_term
from gannets.objectives import Minimax, Wasserstein
from gannets.updates import SGD

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
    """A loss that does not saturate, and a D whose slope is bounded; an optimizer that rescales."""
    recipe, found = case.recipe, []
    saturates = isinstance(recipe.game.objective, Minimax)
    bounded = has_penalty(recipe)
    if saturates or not bounded:
        changes: tuple[str, ...] = ("game.objective=NonSaturating()",) if saturates else ()
        changes += () if bounded else (with_term(recipe, "R1(gamma=1.0)"),)
        steep = "-log D(G(z)) has the same fixed point, and is steepest where D is sure. "
        slope = "A penalty on D's slope at data keeps its logits, and G's gradient, in range."
        found.append(
            Remedy(
                changes=changes,
                why=((steep if saturates else "") + ("" if bounded else slope)).strip(),
                source="Goodfellow et al. 2014, section 3; Mescheder et al. 2018, section 4",
            )
        )
    if isinstance(recipe.optimizers.generator, SGD):
        adam = ("optimizers.generator=Adam(lr=0.0002)",)
        found.append(
            Remedy(
                changes=adam,
                why="Adam moves by a gradient's direction, however small it is."
                + instead(recipe, adam),
                source="Kingma and Ba 2015; Radford et al. 2016, section 3",
            )
        )
    critic = isinstance(recipe.game.objective, Wasserstein)
    if not (critic and bounded):
        found.append(
            Remedy(
                changes=(
                    *(() if critic else ("game.objective=Wasserstein()",)),
                    *(() if bounded else (with_term(recipe, "GradientPenalty()"),)),
                ),
                why="The critic of a Wasserstein game has a slope where supports are apart.",
                source="Arjovsky et al. 2017; Gulrajani et al. 2017",
                fresh=True,
            )
        )
    return tuple(found)
