"""Averaging hides oscillation: the last weights swing, and their average is good.

No failure, since the average is what is sampled from; but it hangs on its length, and a game that
went on by itself would not arrive. Yazici et al. (2019): an average of weights about an equilibrium
is near to it though no single step is.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.motion import amplitude_of, course_of, mean_over, means, motion_of, over_half
from gannets.diagnosis.remedies import has_penalty, with_term

__all__ = ["AveragingHides"]

LONGER = 4


@dataclass(frozen=True)
class AveragingHides:
    """The generator that is sampled from is good because it is an average."""

    symptom = "averaging hides oscillation"

    amplitude: float = 0.12
    """A of the last weights over the last half of the run, at least: they do not stand still."""
    apart: float = 0.04
    """Mean distance of their samples from data, at least: healthy ones have up to .03, and up
    to .055 where D sees augmented samples."""
    share: float = 0.12
    """Of that, the average's, at most: healthy games that are not done yet have .13 to .45, the
    least of them where D sees augmented samples."""
    calmer: float = 0.8
    """A of the last half over that of the first, below which the last weights calm down by
    themselves: those of healthy games with an average do so slowly, by .5 to .7."""

    def __call__(self, case: Case) -> Answer:
        if case.recipe.averaging is None:
            return Answer(
                symptom=self.symptom, state="cleared", why="there is no average of the weights"
            )
        motion = motion_of(case, raw=True)
        far, near = (
            None if motion is None else mean_over(case, f"{which}.distance", motion)
            for which in ("raw", "referee")
        )
        if motion is None or far is None or near is None:
            return Answer(
                symptom=self.symptom,
                state="unknown",
                why="it takes eight probes of the last weights' outputs to see a swing",
            )
        return judged(
            self.symptom,
            (
                amplitude_of(case, motion, above=self.amplitude, raw=True),
                over_half(
                    "mean distance of the last weights' samples from data over it",
                    "raw.distance",
                    far,
                    motion,
                    above=self.apart,
                    curve=means(case, "raw.distance"),
                ),
                over_half(
                    "share of it that the average has",
                    "referee.distance",
                    near / max(far, 1e-12),
                    motion,
                    below=self.share,
                    curve=shares(case),
                ),
            ),
            why="the last weights swing about the data, and only their average is near. "
            + course_of(case, motion, raw=True),
            remedies=lambda: remedies(case),
            but="the swing dies away, or goes somewhere"
            if motion.settles or motion.ratio < self.calmer
            else "",
        )


def shares(case: Case) -> tuple[tuple[int, float], ...]:
    """The average's mean distance over that of the last weights, as it was after each probe."""
    far = dict(means(case, "raw.distance"))
    near = means(case, "referee.distance")
    return tuple((step, v / max(far[step], 1e-12)) for step, v in near if step in far)


def remedies(case: Case) -> tuple[Remedy, ...]:
    """A penalty by which the game settles of itself; a longer average."""
    recipe = case.recipe
    found = []
    if not has_penalty(recipe):
        found.append(
            Remedy(
                changes=(with_term(recipe, "R1(gamma=0.1)"),),
                why="With R1 the equilibrium attracts, and the game settles by itself.",
                source="Mescheder et al. 2018, theorem 4.1",
            )
        )
    found.append(
        Remedy(
            changes=(f"averaging.half_life={LONGER * recipe.averaging.half_life:g}",),
            why="Keep the average, and let it forget more slowly than the game turns.",
            source="Yazici et al. 2019, section 4",
        )
    )
    return tuple(found)
