"""Augmentation leak: fakes look as the data do when D sees them through its augmentations.

leak = (s_g - s_p) / (1 - s_p), with s the share of augmented samples among the nearest neighbours
of fakes and of data, see `gannets.diagnosis.leak`. Augmentations that cannot be undone as maps of
distributions leak: Karras et al. (2020), section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import is_own, text
from gannets.diagnosis.shown import views_of

__all__ = ["AugmentationLeak"]

LASTS = 5
"""Probes that the median is of: the first two, of fakes like nothing yet, are outvoted."""


@dataclass(frozen=True)
class AugmentationLeak:
    """G has learnt a share of what D's augmentations do."""

    symptom = "augmentation leak"

    leak: float = 0.2
    """How much more fakes look augmented than data do, of what there is to 1, at least in the
    median: games that leak have .16 to .9 at each probe, with an error of .04, healthy ones up to
    .38 after 250 updates and .12 from 500 on."""
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
                case.pooled(
                    "how much more fakes look as D's views make data than data do",
                    "leaks",
                    above=self.leak,
                    probes=LASTS,
                ),
                case.evidence("distance to held-out data", "referee.distance", above=self.distance),
                case.evidence("p of that distance", "referee.distance_p", below=self.p),
            ),
            why="fakes are not like data, but in part like augmented data.",
            remedies=lambda: _remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    views, found = views_of(case.recipe), []
    if not views:
        return ()
    seldom = tuple(
        replace(v, p=0.5) if not is_own(v) and getattr(v, "p", 0.0) > 0.5 else v for v in views
    )
    if seldom != views:
        found.append(
            Remedy(
                changes=(f"joint.through={text(seldom)}",),
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
