"""Shared weights: one tensor belongs to both players, so that G's update moves D.

What one player wins is then taken by the other on its way: there is no game. Goodfellow et al.
(2014), algorithm 1, updates each player's parameters alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import own_net

__all__ = ["SharedWeights"]


@dataclass(frozen=True)
class SharedWeights:
    """G and D have weights in common."""

    symptom = "shared weights"

    shared: int = 1
    """Tensors of both, at least."""

    def __call__(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "weights that are both players'", "outputs.shared", above=self.shared, needs=1
                ),
            ),
            why="G's update moves D.",
            remedies=lambda: (
                Remedy(
                    changes=(own_net("generator"),),
                    why="Each player has weights of its own.",
                    source="Goodfellow et al. 2014, algorithm 1",
                    fresh=True,
                ),
            ),
        )
