"""Oscillation: the players chase each other, and G swings about the data as a whole.

At an equilibrium of a game without a penalty the Jacobian of its field may have eigenvalues without
a real part: players rotate about it, for ever or outwards (Mescheder et al. 2018, section 3, the
Dirac-GAN; momentum and simultaneous updates make it worse, Gidel et al. 2019). See
`gannets.diagnosis.motion` for A. A G that settles, or whose samples are not told from data, is let
be, however it moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gannets.diagnosis.case import MATERIAL, SETTLED, Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.motion import (
    AMPLITUDE,
    Motion,
    amplitude_of,
    course_of,
    mean_over,
    means,
    motion_of,
    over_half,
)
from gannets.diagnosis.remedies import balanced, bounded, has_penalty, instead
from gannets.updates import Extragradient, Simultaneous

__all__ = ["Oscillation", "remedies"]

GROWS = 1.2
"""Of A, from the first half of the run to the last: it spirals outwards."""


@dataclass(frozen=True)
class Oscillation:
    """G, as it is sampled from, swings and does not settle."""

    symptom = "oscillation"

    amplitude: float = AMPLITUDE
    """A over the last half of the run, in the data's spread, at least."""
    distance: float = 0.05
    """From held-out data, on average over that half, at least: healthy games are below .03."""

    def __call__(self, case: Case) -> Answer:
        motion = motion_of(case)
        distance = None if motion is None else mean_over(case, "referee.distance", motion)
        if motion is None or distance is None:
            return Answer(
                symptom=self.symptom,
                state="unknown",
                why="it takes eight probes of G's outputs to see a swing",
            )
        grows = motion.ratio >= GROWS
        return judged(
            self.symptom,
            (
                amplitude_of(case, motion, above=self.amplitude),
                over_half(
                    "mean distance from held-out data over it",
                    "referee.distance",
                    distance,
                    motion,
                    above=self.distance,
                    curve=means(case, "referee.distance"),
                ),
            ),
            why="G swings about the data as a whole, "
            + ("farther and farther. " if grows else "and comes no nearer. ")
            + course_of(case, motion),
            remedies=lambda: remedies(case),
            but=against(case, motion),
        )


def against(case: Case, motion: Motion) -> str:
    """What shows that it is none; "" for nothing."""
    if motion.settles:
        return "the swing dies away, or goes somewhere"
    if case.won("referee.distance", since=SETTLED) >= MATERIAL:
        return "G moves, and comes nearer to the data"
    return ""


def remedies(case: Case) -> tuple[Remedy, ...]:
    """A penalty that makes the equilibrium attract; no momentum; players in turn; an average."""
    recipe: Any = case.recipe
    found = []
    turns = ("update=Alternating(k=1)",) if isinstance(recipe.update, Simultaneous) else ()
    calm = (*balanced(recipe, case.step), *turns)
    if not has_penalty(recipe):
        found.append(
            Remedy(
                changes=(*bounded(recipe), *calm),
                why="With R1 the equilibrium attracts: eigenvalues get a negative real part."
                + instead(recipe, calm),
                source="Mescheder et al. 2018, theorem 4.1; Gidel et al. 2019",
                fresh=True,
            )
        )
    elif calm:
        found.append(
            Remedy(
                changes=calm,
                why="Momentum and simultaneous updates turn a slow rotation into one outwards."
                + instead(recipe, calm),
                source="Gidel et al. 2019, section 3",
                fresh=True,
            )
        )
    if recipe.averaging is None:
        found.append(
            Remedy(
                changes=("averaging=Average(half_life=20000)",),
                why="The average of the weights stands nearer to what they turn about.",
                source="Yazici et al. 2019",
                fresh=True,
            )
        )
    if not isinstance(recipe.update, Extragradient):
        found.append(
            Remedy(
                changes=("update=Extragradient()",),
                why="A step by the gradient at the next point goes inwards where this one's turns.",
                source="Korpelevich 1976; Gidel et al. 2019, section 3.2",
                fresh=True,
            )
        )
    return tuple(found)
