"""Augmentation leak: fakes differ from the data as augmented data do.

leak = cos(g - p, a - p), with g the fakes, p the data and a the data as D sees them, in the Hilbert
space of the energy distance, see `gannets.diagnosis.leak`. Augmentations that cannot be undone as
maps of distributions leak: Karras et al. (2020), section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy

__all__ = ["AugmentationLeak"]


@dataclass(frozen=True)
class AugmentationLeak:
    """G has learnt a share of what D's augmentations do."""

    symptom = "augmentation leak"

    leak: float = 0.5
    """Cosine of what is wrong with the fakes and what the views do to data, at least."""
    distance: float = 0.01
    """Energy distance of fakes to held-out data, over that of two of these, at least;"""
    p: float = 0.005
    """and its permutation p, at most: the least there is."""

    def __call__(self, case: Case) -> Answer:
        if not getattr(case.recipe.joint, "through", ()):
            return Answer(
                symptom=self.symptom, state="cleared", why="D sees the samples as they are"
            )
        return judged(
            self.symptom,
            (
                case.evidence(
                    "cosine of what is wrong with the fakes and what D's views do to data",
                    "leak",
                    above=self.leak,
                ),
                case.evidence("distance to held-out data", "referee.distance", above=self.distance),
                case.evidence("p of that distance", "referee.distance_p", below=self.p),
            ),
            why="fakes are not like the data, but in part like the augmented data.",
            remedies=lambda: _remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    views = case.recipe.joint.through
    seldom = tuple(replace(v, p=0.5) if getattr(v, "p", 0.0) > 0.5 else v for v in views)
    found = []
    if seldom != views:
        found.append(
            Remedy(
                changes=(f"joint.through={_text(seldom)}",),
                why="Most samples are seen as they are: what is augmented can then be undone.",
                source="Karras et al. 2020, section 2.2",
                fresh=True,
            )
        )
    found.append(
        Remedy(
            changes=("joint.through=()",),
            why="Nothing leaks that is not there.",
            source="Karras et al. 2020, section 2.2",
            fresh=True,
        )
    )
    return tuple(found)


def _text(views: tuple[Any, ...]) -> str:
    return "(" + "".join(f"{view!r}, " for view in views).rstrip() + ")"
