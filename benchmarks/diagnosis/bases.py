"""Healthy recipes on six kinds of data, each a minute or less on one core: what is spoilt."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from gannets.data import Digits, Folder, Images
from gannets.game import Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating, RpGAN
from gannets.terms import R1, R2
from gannets.theory import Grid, Ring
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating, Average

__all__ = ["FAMILIES", "base", "there"]

TOYS = ("ring", "grid")
IMAGES = ("digits", "mnist", "fashion", "faces")
FAMILIES = (*TOYS, *IMAGES)


def there(family: str) -> bool:
    """Whether the data of a family are on this machine."""
    root = Path(os.environ.get("GANNETS_DATA", "/nowhere"))
    folder = {"mnist": "mnist", "fashion": "fashion_mnist", "faces": "faces48"}.get(family)
    return folder is None or (root / folder).is_dir()


def base(family: str, seed: int, **changes: Any) -> Recipe:
    """The healthy recipe of a family; `changes` replace its fields."""
    made = _toy(family) if family in TOYS else _images(family)
    quiet = {"evaluation": None, "sample_every": 500, "checkpoint_every": 0, "record_every": 250}
    return replace(made, **{"seed": seed, "name": family, **quiet, **changes})


def _toy(family: str) -> Recipe:
    wide = 128 if family == "ring" else 192
    return Recipe(
        data=Ring(count=8, radius=1.0, sigma=0.05) if family == "ring" else Grid(),
        prior=Gaussian(2),
        nets=Nets(
            MLP(hidden=(wide, wide), activation="relu"),
            MLP(hidden=(wide, wide), activation="leaky_relu"),
        ),
        game=Game(NonSaturating(), discriminator_terms=(R1(gamma=0.1),)),
        update=Alternating(k=1),
        optimizers=both(Adam(lr=1e-3, betas=(0.0, 0.99))),
        averaging=Average(half_life=20_000),
        batch=256,
        steps=3_000,
    )


def _images(family: str) -> Recipe:
    root = os.environ.get("GANNETS_DATA", "")
    faces = f"{root}/faces48/faces48.zip"
    data: dict[str, Any] = {
        "digits": Digits(split="train"),
        "mnist": Images("mnist", split="train[:20000]"),
        "fashion": Images("fashion_mnist", split="train[:20000]"),
        "faces": Folder(faces, size=24, channels=1),
    }
    return Recipe(
        data=data[family],
        prior=Gaussian(32),
        nets=Nets(
            MLP(hidden=(256, 256), activation="relu"),
            MLP(hidden=(256, 256), activation="leaky_relu"),
        ),
        game=Game(RpGAN(), discriminator_terms=(R1(gamma=1.0), R2(gamma=1.0))),
        update=Alternating(k=1),
        optimizers=both(Adam(lr=1e-3, betas=(0.0, 0.99))),
        averaging=Average(half_life=20_000),
        batch=64,
        steps=2_500 if family == "digits" else 1_500,
    )
