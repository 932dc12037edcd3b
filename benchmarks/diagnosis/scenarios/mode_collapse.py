"""Mode collapse: G faster than a small D, with momentum and no bound on D's slope.

On images G's outputs are bounded: what swings there between a few pictures has no more variety than
one that stands still, so "oscillation" is right as well; and units may die until G is a constant,
the last state of a collapse, which is found under its own name.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import FAMILIES, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, Players
from gannets.nets import MLP
from gannets.objectives import Hinge, NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """A small D without a penalty against a G with momentum; a hinge that G outruns."""
    symptom, also = "mode collapse", ("oscillation", "constant output")
    return [
        *(
            Scenario(symptom=symptom, family=f, recipe=partial(_outrun, f), also=also)
            for f in FAMILIES
        ),
        *(
            Scenario(
                symptom=symptom, family=f, title="momentum", recipe=partial(_rushed, f), also=also
            )
            for f in ("mnist", "fashion")
        ),
    ]


def _outrun(family: str, seed: int) -> Recipe:
    """G's rate is twenty times that of D."""
    made = base(family, seed)
    small = MLP(hidden=(64, 64), activation="leaky_relu")
    return replace(
        made,
        nets=Nets(made.nets.generator, small),
        game=Game(Hinge()),
        optimizers=Players(_adam(5e-3, 0.5), _adam(2.5e-4, 0.5)),
        steps=1_500,
    )


def _rushed(family: str, seed: int) -> Recipe:
    """Both players carry momentum, and nothing bounds D's slope."""
    made = base(family, seed)
    small = MLP(hidden=(64, 64), activation="leaky_relu")
    return replace(
        made,
        nets=Nets(made.nets.generator, small),
        game=Game(NonSaturating()),
        optimizers=Players(_adam(2e-3, 0.9), _adam(1e-3, 0.9)),
        steps=1_500,
    )


def _adam(lr: float, beta: float) -> Adam:
    return Adam(lr=lr, betas=(beta, 0.999))
