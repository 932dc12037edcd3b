"""Starved discriminator: D could learn to tell the fakes, and its own optimizer does not.

Two copies of D go on against G as it is. One is trained by a reference optimizer, begun afresh: its
gain of V on held-out samples is what there is to learn. The other is trained as the run trains D.
own / reference near 0: a learning rate that is too low or has decayed, too few steps, moments that
stand in the way. G then climbs a D that does not answer, which looks like collapse: this is asked
first. The gain is D's side of the duality gap, Grnarova et al. (2019), eq. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import instead, lr_of
from gannets.metrics.duality import DualityGap
from gannets.updates import Alternating

__all__ = ["StarvedDiscriminator"]

REFERENCE = DualityGap().reference
"""What trains the reference copy."""
STEPS = 5
"""D's updates for one of G's: the k with which Arjovsky et al. (2017) train their critic."""


@dataclass(frozen=True)
class StarvedDiscriminator:
    """The run's optimizer keeps D from what there is to learn."""

    symptom = "starved discriminator"

    told: float = 0.75
    """Of fakes and held-out reals, told apart by the referee, at least."""
    moved: float = 5e-3
    """Of D's weights in ten updates, at most, before copies are trained to see what it costs."""
    reference: float = 0.2
    """Gain of V by the reference copy, at least."""
    share: float = 0.75
    """Of that gain, what the run's own optimizer finds, at most: from a D that hardly moves G runs
    off so far that the least change tells its samples, and copies by D's own rate of 1e-6 had .41
    and .53 of the gain. What D's weights move says the more.
    """

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "fakes and held-out reals that the referee tells",
                    "referee.told",
                    above=self.told,
                ),
                case.evidence(
                    "movement of D's weights in ten updates, over their size",
                    "outputs.moved.discriminator",
                    below=self.moved,
                ),
                case.evidence(
                    "gain of V by a copy of D that a reference optimizer trains",
                    "clones.reference",
                    above=self.reference,
                    needs=1,
                ),
                case.evidence(
                    "share of it that the run's own optimizer gains",
                    "clones.share",
                    below=self.share,
                    needs=1,
                ),
            ),
            why="A copy of D learns to tell the fakes, by the run's own optimizer less, and D "
            "hardly moves: it does not keep up with G.",
            remedies=lambda: remedies(case),
            costly=2,
            but="more and more held-out samples are covered"
            if case.rising("referee.coverage")
            else "",
        )


def remedies(case: Case) -> tuple[Remedy, ...]:
    """The optimizer by which the copy has learned; more updates of D."""
    recipe = case.recipe
    rate = getattr(REFERENCE, "lr", 0.0)
    plain = type(recipe.optimizers.discriminator) is type(REFERENCE)
    slow = plain and lr_of(recipe, "discriminator", case.step) < rate
    change = f".lr={rate:g}" if slow else f"={REFERENCE!r}"
    changes = (f"optimizers.discriminator{change}",)
    found = [
        Remedy(
            changes=changes,
            why="A copy of D that was trained so learned to tell the fakes."
            + instead(recipe, changes),
            source="measured on this run; Heusel et al. 2017, section 2: D's rate is its own",
            fresh=True,
        )
    ]
    if isinstance(recipe.update, Alternating) and recipe.update.k < STEPS:
        found.append(
            Remedy(
                changes=(f"update.k={STEPS}",),
                why="D is nearer to its best answer each time that G moves.",
                source="Goodfellow et al. 2014, algorithm 1; Arjovsky et al. 2017, algorithm 1",
                fresh=True,
            )
        )
    return tuple(found)
