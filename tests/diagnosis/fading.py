"""A game whose generator's gradient vanishes within seconds, and one that nothing is wrong with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gannets import Recipe
from gannets.game import Game, Gaussian, Players
from gannets.nets import MLP
from gannets.objectives import Minimax
from gannets.theory import Ring
from gannets.training import Nets, Training
from gannets.training.probing import Probing
from gannets.updates import SGD, Adam, Alternating
from tests.small import small

__all__ = ["fading", "healthy", "played"]


def fading(**changes: Any) -> Recipe:
    """The loss of 2014 that saturates, against a D that is far ahead: found within 100 updates.

    D lets less than a hundredth of G's gradient through from update 40 on at seeds 0 to 4; tests
    take seed 7.
    """
    recipe = Recipe(
        name="fading",
        data=Ring(count=8, radius=4.0, sigma=0.05),
        prior=Gaussian(2),
        nets=Nets(MLP((64, 64)), MLP((64, 64), activation="leaky_relu")),
        game=Game(Minimax()),
        update=Alternating(k=3),
        optimizers=Players(SGD(lr=0.02), Adam(lr=2e-3, betas=(0.0, 0.99))),
        batch=64,
        steps=100,
        seed=7,
        evaluation=None,
        probing=Probing(every=20, n=128),
        sample_every=0,
        record_every=20,
        checkpoint_every=20,
    )
    return replace(recipe, **changes)


def healthy(folder: Path, **changes: Any) -> Recipe:
    """Small images, a probe after 20, 40 and 50 updates."""
    values = {"steps": 55, "probing": Probing(every=20), "sample_every": 0, "checkpoint_every": 0}
    return replace(small("digits", folder=folder), **{**values, **changes})


def played(recipe: Recipe, out: Path, **given: Any) -> Training:
    """A run of it, played to its end."""
    training = Training.start(recipe, out=out, device="cpu")
    for name, value in given.items():
        setattr(training, name, value)
    for _ in training:
        pass
    return training
