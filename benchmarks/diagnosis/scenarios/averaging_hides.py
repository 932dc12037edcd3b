"""Averaging that hides an oscillation: the affine G of Gaussian data, with a long average.

On images no recipe was found whose last weights stay far from data while their average is near.
"""

from __future__ import annotations

from functools import partial

from benchmarks.diagnosis.scenario import Scenario
from benchmarks.diagnosis.scenarios.oscillation import normal
from gannets.updates import Average


def scenarios() -> list[Scenario]:
    """The game that oscillates, slower, sampled from the mean of many turns."""
    return [
        Scenario(
            symptom="averaging hides oscillation",
            family="ring",
            title="normal",
            recipe=partial(normal, 0.03, Average(half_life=20_000)),
        )
    ]
