"""Mode dropping: a G that is too small for data of several modes.

Eight units fold the plane too seldom for eight modes: which are missing is counted by
`gannets.metrics.Modes`. On larger images the latent has one dimension, and G draws a line through
the data: where that comes near less than a quarter of them, "mode collapse" is right as well. The
classes of Fashion-MNIST lie so close together that a line that may bend comes near 95 % of held-out
images, and nothing is dropped: there G has eight units, and the line eight bends. There is none of
faces: the line still grows when the budget ends.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import Adam


def scenarios() -> list[Scenario]:
    """A narrow G on the ring and on digits, a latent of one dimension on larger images."""
    symptom = "mode dropping"
    return [
        *(
            Scenario(symptom=symptom, family=f, recipe=partial(_narrow, f))
            for f in ("ring", "digits")
        ),
        *(
            Scenario(symptom=symptom, family=f, recipe=recipe, also=("mode collapse",))
            for f, recipe in (("mnist", partial(_line, "mnist")), ("fashion", _bent))
        ),
    ]


def _narrow(family: str, seed: int) -> Recipe:
    made = base(family, seed)
    return replace(
        made,
        nets=Nets(
            MLP(hidden=(8,), activation="relu"),
            MLP(hidden=(128, 128), activation="leaky_relu"),
        ),
        game=Game(NonSaturating()),
        optimizers=both(Adam(lr=1e-3, betas=(0.5, 0.999))),
        batch=64,
        steps=2_500,
    )


def _line(family: str, seed: int) -> Recipe:
    return base(family, seed, prior=Gaussian(1), steps=1_500)


def _bent(seed: int) -> Recipe:
    made = _line("fashion", seed)
    few = MLP(hidden=(8,), activation="relu")
    return replace(made, nets=Nets(few, made.nets.discriminator))
