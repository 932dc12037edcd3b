"""Discriminator not trained: G moves, and D's weights are what they were, to the last digit.

It is not in the optimizer, its learning rate is 0, it is frozen, or its gradient is cut off. A D
that moves little, by a tiny learning rate, is another matter: it is starved.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import is_own, lr_of, own_net, text, unconstrained
from gannets.terms import constraint_of
from gannets.updates import Adam

__all__ = ["UntrainedDiscriminator"]


@dataclass(frozen=True)
class UntrainedDiscriminator:
    """D does not move while G does."""

    symptom = "discriminator not trained"

    still: float = 0.99
    """Share of D's weights that did not move in ten updates, at least."""
    moved: float = 1e-6
    """|w - w'| / |w| of G in ten updates, at least: at the end of a schedule both stand still."""
    done: float = 1e-3
    """D's loss over what it is for an undecided D, below which D has nothing left to learn."""

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "share of D's weights that stood still for ten updates",
                    "outputs.still.discriminator",
                    above=self.still,
                    needs=2,
                ),
                case.evidence(
                    "movement of G's weights in ten updates",
                    "outputs.moved.generator",
                    above=self.moved,
                    needs=2,
                ),
            ),
            why="D's weights do not move at all.",
            remedies=lambda: _remedies(case),
            but="D's loss is 0: it has nothing left to learn" if self._done(case) else "",
        )

    def _done(self, case: Case) -> bool:
        """A hinge loss is 0, and its gradient too, where every sample is beyond the margin."""
        verdicts = case.last.verdicts
        if verdicts is None or verdicts.loss_undecided <= 0:
            return False
        return abs(verdicts.loss) <= self.done * verdicts.loss_undecided


def _remedies(case: Case) -> tuple[Remedy, ...]:
    recipe, found = case.recipe, []
    if lr_of(recipe, "discriminator", case.step) == 0:
        g = recipe.optimizers.generator
        moving = not is_own(g) and lr_of(recipe, "generator", case.step) > 0
        found.append(
            Remedy(
                changes=(f"optimizers.discriminator={text(g if moving else Adam())}",),
                why="D learns as G does, before G has run off from the data.",
                source="Goodfellow et al. 2014, algorithm 1",
                fresh=True,
            )
        )
    if is_own(recipe.nets.discriminator):
        found.append(
            Remedy(
                changes=(own_net("discriminator"),),
                why="A discriminator through all of whose weights the gradient passes.",
                source="Goodfellow et al. 2014, algorithm 1",
                fresh=True,
            )
        )
    if constraint_of("discriminator", recipe.constraint) is not None:
        found.append(
            Remedy(
                changes=(unconstrained(recipe),),
                why="A constraint that every update runs into undoes it.",
                source="Gulrajani et al. 2017, section 3",
            )
        )
    return tuple(found)
