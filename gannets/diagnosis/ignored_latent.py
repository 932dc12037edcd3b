"""Latent ignored: fakes differ, by their class or by noise that G draws itself, but not by z.

Within a class G has one sample. Isola et al. (2017), section 3.1, saw G learn to ignore its noise.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import has_net, own_net, packed

__all__ = ["IgnoredLatent"]


@dataclass(frozen=True)
class IgnoredLatent:
    """z says nothing about the sample."""

    symptom = "latent ignored"

    effect: float = 0.05
    """Spread of G(z, y) over z within a class, over the data's, at most."""
    spread: float = 0.1
    """Of the fakes over that of the data, at least: without it nothing has an effect."""

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "spread that z makes within a class, over the data's",
                    "outputs.latent_effect",
                    below=self.effect,
                ),
                case.evidence(
                    "spread of the fakes, over the data's",
                    "referee.spread",
                    above=self.spread,
                    needs=1,
                ),
            ),
            why="G makes one sample for a class, whatever z is.",
            remedies=lambda: _remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    wired = Remedy(
        changes=(own_net("generator"),),
        why="A generator that is wired from z to its output.",
        source="Goodfellow et al. 2014, section 3",
        fresh=True,
    )
    found = packed(case.recipe)
    return found if has_net(case.recipe, "generator") else (wired, *found)
