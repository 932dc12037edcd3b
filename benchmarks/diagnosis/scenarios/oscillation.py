"""Oscillation: games whose equilibrium does not attract, played fast.

An affine G of Gaussian data has one place to be, about which it turns; weights that are clipped
leave a critic with a slope there, and momentum carries G through it (Arjovsky et al. 2017, section
4.2, for the latter). In the latter fakes are much alike, and it takes eight probes to see that they
swing: until then "mode collapse" is right as well, and on images, whose values are bounded, later.
On the ring G's units leak: those that do not died in one game of two, and a G that is a constant
stands still.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Game, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating, Wasserstein
from gannets.terms import Clip
from gannets.theory import Normal
from gannets.training import Nets, Recipe
from gannets.training.probing import Probing
from gannets.updates import Adam, Average

OFTEN = Probing(every=100)


def scenarios() -> list[Scenario]:
    """Momentum in a game of clipped weights; an affine G without a penalty."""
    symptom, also = "oscillation", ("mode collapse",)
    return [
        Scenario(symptom=symptom, family="ring", title="normal", recipe=partial(normal, 0.1, None)),
        *(
            Scenario(symptom=symptom, family=f, recipe=partial(_carried, f, clip), also=also)
            for f, clip in (("ring", 0.1), ("grid", 0.1), ("digits", 0.03), ("mnist", 0.02))
        ),
    ]


def _carried(family: str, clip: float, seed: int) -> Recipe:
    made = base(
        family,
        seed,
        game=Game(Wasserstein()),
        constraint=Clip(clip),
        optimizers=both(Adam(lr=1e-3, betas=(0.9, 0.999))),
        averaging=None,
        batch=64,
        steps=1_500,
        probing=OFTEN,
    )
    if family != "ring":
        return made
    leaky = replace(made.nets.generator, activation="leaky_relu")
    return replace(made, nets=Nets(leaky, made.nets.discriminator))


def normal(rate: float, averaging: Average | None, seed: int) -> Recipe:
    """An affine G of Gaussian data, both players at `rate` with momentum, no penalty."""
    made = base("ring", seed)
    return replace(
        made,
        data=Normal(mean=(0.0, 0.0)),
        nets=Nets(MLP(hidden=()), MLP(hidden=(64,), activation="leaky_relu")),
        game=Game(NonSaturating()),
        optimizers=both(Adam(lr=rate, betas=(0.9, 0.99))),
        averaging=averaging,
        batch=64,
        steps=2_000,
        probing=OFTEN,
    )
