"""Converged: data that an MLP learns within the budget.

By 10,000 fresh samples G comes nearer to the two normals until some 7,500 updates (see
`benchmarks/stopping.py`), so that after 5,000 there is nothing to be found yet.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import both
from gannets.nets import MLP
from gannets.theory import Mixture, Normal
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Average

NORMAL = Normal(mean=(1.0, -1.0), covariance=((1.0, 0.5), (0.5, 1.0)))
TWO = Mixture((Normal(mean=(-1.0, 0.0), std=0.6), Normal(mean=(1.0, 0.0), std=0.6)))


def scenarios() -> list[Scenario]:
    """A Gaussian, and two that overlap."""
    return [
        Scenario(symptom="converged", family="ring", title=t, recipe=partial(_easy, data))
        for t, data in (("normal", NORMAL), ("two", TWO))
    ]


def _easy(data: object, seed: int) -> Recipe:
    made = base("ring", seed)
    return replace(
        made,
        data=data,
        nets=Nets(
            MLP(hidden=(32,), activation="tanh"), MLP(hidden=(64, 64), activation="leaky_relu")
        ),
        optimizers=both(Adam(lr=5e-4, betas=(0.0, 0.99))),
        averaging=Average(half_life=100_000),
        steps=10_000,
    )
