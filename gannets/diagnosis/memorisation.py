"""Memorisation: G repeats what it was trained on.

Three statistics of `gannets.metrics.Memorisation`, each in its own way: the share of fakes that are
nearer to a training than to a held-out sample (1/2 for a G that knows neither), near-duplicates of
training samples, and C_T of Meehan et al. (2020). A young G that makes one blob in the middle of
the data is nearer to all samples than these are to each other, so that the last two mistake it for
a copyist: they count only where the blob is also nearer to the training side than chance explains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gannets.diagnosis.case import Case, judged, strongest
from gannets.diagnosis.finding import Answer, Evidence, Remedy
from gannets.diagnosis.remedies import (
    is_own,
    narrower,
    own_net,
    stop_at_best,
)
from gannets.diagnosis.shown import more_data, through_views

__all__ = ["Memorisation"]


@dataclass(frozen=True)
class Memorisation:
    """G's samples are copies, of one kind or another."""

    symptom = "memorisation"

    share: float = 0.58
    """Of fakes that are nearer to a training than to a held-out sample, at least."""
    share_p: float = 1e-6
    """That this is chance, at most, where nothing else speaks for copies,"""
    beside_p: float = 1e-4
    """and where near-duplicates or C_T do."""
    duplicates_p: float = 1e-3
    """That so many near-duplicates are chance, at most."""
    copying: float = -3.0
    """C_T, at most."""

    def __call__(self, case: Case) -> Answer:
        if case.endless:
            return Answer(
                symptom=self.symptom,
                state="cleared",
                why="data are drawn anew for ever: there is nothing to be learnt by heart",
            )
        duplicates = case.evidence(
            "p of so many near-duplicates of training samples",
            "learned.duplicates_p",
            below=self.duplicates_p,
        )
        copying = case.evidence("C_T", "learned.copying", below=self.copying)
        nearer = self._nearer(case, self.beside_p)
        groups = (
            self._nearer(case, self.share_p),
            (*nearer, duplicates),
            (*nearer, copying),
        )
        answer = strongest(
            [
                judged(
                    self.symptom,
                    group,
                    why="Fakes are nearer to what G was trained on than to other samples of the "
                    "same data: it repeats them.",
                    remedies=lambda: remedies(case),
                )
                for group in groups
            ]
        )
        if answer.state not in ("found", "cleared"):
            return answer
        return replace(answer, why=answer.why + looked_at(case))

    def _nearer(self, case: Case, p: float) -> tuple[Evidence | None, ...]:
        return (
            case.evidence(
                "fakes nearer to a training than to a held-out sample",
                "learned.share",
                above=self.share,
            ),
            case.evidence("p that it is 1/2", "learned.share_p", below=p),
        )


def looked_at(case: Case) -> str:
    """How many of the training samples were compared with, where that is not all of them."""
    seen = next((p.learned for p in reversed(case.probes) if p.learned is not None), None)
    if seen is None or seen.known >= seen.whole:
        return ""
    return (
        f" ({seen.known:,} of {seen.whole:,} training samples were looked at: copies of the others "
        "are not seen)"
    )


def remedies(case: Case) -> tuple[Remedy, ...]:
    """More data, to a net that holds none of them; images that are never twice alike; a G that can
    hold less; the best there was.
    """
    recipe, found, more = case.recipe, [], more_data(case)
    if is_own(recipe.nets.generator):
        # The game tells a G nothing of its samples but through D: what repeats them so early, or
        # so well, may have been given them.
        found.append(
            Remedy(
                changes=(own_net("generator"), *(() if more is None else (more,))),
                why="A generator of one's own may hold samples itself; this one holds none.",
                source="Goodfellow et al. 2014, section 6: G is not updated with data",
                fresh=True,
            )
        )
    candidates = (
        (
            more,
            "Of more samples G can repeat fewer.",
            "Meehan et al. 2020",
        ),
        (
            through_views(recipe),
            "D never sees an image twice alike, so that a copy is no better than its neighbours.",
            "Zhao et al. 2020, section 3",
        ),
        (
            narrower(recipe, "generator"),
            "A G of fewer weights holds fewer samples.",
            "Meehan et al. 2020",
        ),
        (
            stop_at_best(recipe),
            "The best G that there was is kept, and the run ends where it gets no better.",
            "Meehan et al. 2020",
        ),
    )
    for change, why, source in candidates:
        if change is not None:
            found.append(Remedy(changes=(change,), why=why, source=source, fresh=True))
    return tuple(found)
