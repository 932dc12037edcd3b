"""Non-finite: a loss, a gradient, a weight or an output is no number any more.

One such number is enough: the game refuses the update, plays it once more while it watches every
layer, and says which was the first at fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gannets.diagnosis.case import Case
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import (
    bounded,
    even_rates,
    has_penalty,
    instead,
    lr_of,
    slower,
    with_term,
)
from gannets.game import PLAYERS, Player
from gannets.objectives import Wasserstein
from gannets.updates import SGD

__all__ = ["NonFinite"]


@dataclass(frozen=True)
class NonFinite:
    """The last update met a number that is not finite, so that it was not made."""

    symptom = "non-finite"

    factor: float = 0.1
    """Of the learning rate that is advised."""

    def __call__(self, case: Case) -> Answer:
        failed = case.last.failed
        if failed is None:
            return Answer(
                symptom=self.symptom, state="cleared", why="every number so far was finite"
            )
        return Answer(
            symptom=self.symptom,
            state="found",
            why=f"an update met numbers that are not finite: {failed}.",
            remedies=_remedies(case, failed, self.factor),
        )


def _remedies(case: Case, failed: str, factor: float) -> tuple[Remedy, ...]:
    recipe = case.recipe
    player: Player = "generator" if failed.endswith("(generator)") else "discriminator"
    found: list[Remedy] = []
    if isinstance(recipe.game.objective, Wasserstein) and not has_penalty(recipe):
        found += bounded_slope(recipe, case.step)
    if any(isinstance(recipe.optimizers[p], SGD) for p in PLAYERS):
        found.append(bounded_steps(recipe))
    if lr_of(recipe, player, case.step) > 0:
        found += shorter_steps(recipe, factor, case.step)
    if recipe.rollbacks == 0:
        found.append(
            Remedy(
                changes=("rollbacks=2", "checkpoint_every=100"),
                why="A run that fails late goes back to its last checkpoint, at half the rates.",
                source="gannets",
                fresh=True,
            )
        )
    return tuple(found)


def bounded_slope(recipe: Any, step: int) -> tuple[Remedy, ...]:
    """For a critic whose slope nothing bounds: a classifier with R1, at rates of one size; or a
    critic of slope 1.
    """
    even = even_rates(recipe, step)
    return (
        Remedy(
            changes=(*bounded(recipe), *even),
            why="The loss of a critic has no least value unless its slope is held down; that of a "
            "classifier has one, and under R1 it need not be so much faster than G."
            + instead(recipe, even),
            source="Goodfellow et al. 2014, section 3; Mescheder et al. 2018, theorem 4.1",
            fresh=True,
        ),
        Remedy(
            changes=(with_term(recipe, "GradientPenalty()"),),
            why="The slope of the critic is held at 1. That takes many more updates.",
            source="Gulrajani et al. 2017, section 4",
            fresh=True,
        ),
    )


def bounded_steps(recipe: Any) -> Remedy:
    """An optimizer whose steps are no longer than its learning rate."""
    changes = tuple(f"optimizers.{player}=Adam(lr=0.001, betas=(0.0, 0.99))" for player in PLAYERS)
    return Remedy(
        changes=changes,
        why="Adam moves each weight by about lr, however steep the loss is."
        + instead(recipe, changes),
        source="Kingma and Ba 2015, section 2.1",
        fresh=True,
    )


def shorter_steps(recipe: Any, factor: float, step: int) -> tuple[Remedy, ...]:
    """Learning rates `factor` times as large, where there is one to be lowered."""
    calm = slower(recipe, factor, step)
    if not calm:
        return ()
    return (
        Remedy(
            changes=calm,
            why="Steps that are too long for the slope of the loss grow without bound."
            + instead(recipe, calm),
            source="Goodfellow et al. 2016, section 8.3.1",
            fresh=True,
        ),
    )
