"""Mode dropping: what G makes is like data, and a part of the data it does not make at all.

missing = share of held-out samples with less than a fifth of the fakes near them (among their √n
nearest reals) that a perfect generator has there. Coverage by the 5th neighbour (Naeem et al. 2020)
also falls where modes are all there and too narrow, as those of healthy games are; this does not.
Where D says 1 and no fake is near, G has no gradient that leads there: what is missing stays
missing. Che et al. (2017), section 2; Srivastava et al. (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gannets.diagnosis.case import MATERIAL, SETTLED, Case, judged, too_early
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.motion import swinging
from gannets.diagnosis.remedies import balanced, bounded, instead, is_own, more, packed
from gannets.game import Gaussian, Spherical, Uniform
from gannets.nets import MLP, DeconvMLP

__all__ = ["ModeDropping"]

LASTS = 6
"""Probes in a row: Mann's test needs four to see that a game gets on, and the first two tell
nothing of that."""
WIDE = 128
"""Units that are enough for a hidden layer of G, on toys and small images."""


@dataclass(frozen=True)
class ModeDropping:
    """Some modes are missing, though the rest is good."""

    symptom = "mode dropping"

    warm: int = 750
    """Updates before which nothing is said."""
    missing: float = 0.1
    """Of held-out samples, with hardly a fake near them, at least."""
    variety: float = 0.2
    """The smaller of coverage and spread, over a perfect generator's, at least in the median: a
    part is there. Games that collapse stay below; .25, what collapse takes, is crossed to and fro
    by narrow nets on a ring."""
    precision: float = 0.3
    """Of fakes, with a real near them, at least in the median: narrow nets on a ring have .3 to
    .6."""
    p: float = 0.02
    """Of the distance, at most: modes that are there and too narrow leave it at 0."""

    def __call__(self, case: Case) -> Answer:
        if case.step < self.warm:
            return too_early(self.symptom)
        return judged(
            self.symptom,
            (
                case.evidence(
                    "held-out samples that hardly a fake is near",
                    "referee.missing",
                    above=self.missing,
                    needs=LASTS,
                    source="calibrated: a perfect generator has .001",
                ),
                case.pooled(
                    "variety of the fakes, over the data's",
                    "referee.variety",
                    above=self.variety,
                    probes=LASTS,
                    source="below it is a collapse",
                ),
                case.pooled(
                    "fakes that are near held-out samples",
                    "referee.precision",
                    above=self.precision,
                    probes=LASTS,
                    source="Kynkäänniemi et al. 2019",
                ),
                case.evidence(
                    "p of the distance to held-out samples",
                    "referee.distance_p",
                    below=self.p,
                    needs=LASTS,
                    source="Székely and Rizzo 2013",
                ),
            ),
            why="What G makes is like data, and a part of the data it does not make at all.",
            remedies=lambda: remedies(case),
            but=against(case),
        )


def against(case: Case) -> str:
    """What shows that more modes are found, or that they are lost in turn; "" for nothing."""
    if case.won("referee.missing", since=SETTLED) >= MATERIAL:
        return "fewer and fewer held-out samples are missing"
    # What a swing leaves out is missing for as long as a turn takes: six probes may see but one.
    return "what is wrong is that G swings as a whole" if swinging(case, of_late=LASTS) else ""


def remedies(case: Case) -> tuple[Remedy, ...]:
    """A G that can make all of it, and a D with a bounded slope; packs; larger batches."""
    recipe = case.recipe
    wider = larger(recipe)
    changes = (*wider, *bounded(recipe), *balanced(recipe, case.step))
    found = []
    if changes:
        why = "Where D's slope is bounded, it leads from one mode to the next"
        narrow = "G is too small for data of several modes: it bends its latent space too seldom"
        found.append(
            Remedy(
                changes=changes,
                why=(f"{narrow}. {why}." if wider else f"{why}.") + instead(recipe, changes),
                source="Khayatkhoei et al. 2018, section 3; Mescheder et al. 2018, section 4"
                if wider
                else "Mescheder et al. 2018, section 4; Heusel et al. 2017, section 2",
                fresh=True,
            )
        )
    found += packed(recipe)
    if not found:
        found.append(more(recipe))
    return tuple(found)


def larger(recipe: Any) -> tuple[str, ...]:
    """Where G is narrow, or sees a latent of one dimension: the changes that it takes first."""
    net, changes = recipe.nets.generator, []
    hidden = net.hidden if isinstance(net, (MLP, DeconvMLP)) and not is_own(net) else ()
    if hidden and max(hidden) < WIDE // 4:
        units = ", ".join(str(WIDE) for _ in hidden)
        changes.append(f"nets.generator.hidden=({units},)")
    if isinstance(recipe.prior, (Gaussian, Spherical, Uniform)) and recipe.prior.dimension < 2:
        changes.append("prior.dimension=32")
    return tuple(changes)
