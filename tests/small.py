"""Every recipe there is, made small enough for a test to play it in a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gannets import recipes
from gannets.data import Arrays, Data, File, GlobalContrast, Images
from gannets.metrics import Frechet
from gannets.nets import DCGAN, MLP, DeconvMLP, MaxoutCNN, MaxoutMLP, SparseInit, Stacked
from gannets.training import Evaluation, Recipe

__all__ = ["LITTLE", "NAMES", "small"]

NAMES = recipes.names()
POINTS = ("ring", "grid")
LITTLE = Evaluation(every=2, metrics=(Frechet(splits=4, permutations=0),), n=20)
"""An evaluation that takes a moment."""


def small(name: str, *, seed: int = 0, folder: Path | None = None) -> Recipe:
    """The recipe with a small batch, narrow nets and, for images, 60 images of noise.

    They are in memory, or in a file in `folder`, so that another process finds them.
    """
    recipe = recipes.get(name)
    nets: Any = recipe.nets
    narrow = {player: _narrow(getattr(nets, player)) for player in ("generator", "discriminator")}
    recipe = replace(recipe, nets=replace(nets, **narrow))
    if name not in POINTS:
        recipe = replace(recipe, data=_noise(recipe, folder))
    update: Any = recipe.update
    update = replace(update, boost=None) if hasattr(update, "boost") else update
    few = None if recipe.generator_batch is None else 12
    return replace(
        recipe,
        batch=10,
        generator_batch=few,
        steps=3,
        seed=seed,
        update=update,
        warm_start=None,  # tests of it make the run that it begins in
        evaluation=None,  # tests of the game; those of measuring it ask for it
    )


def _narrow(net: Any) -> Any:
    if isinstance(net, DCGAN):
        return replace(net, width=8)
    if isinstance(net, MaxoutMLP):
        return replace(net, units=(12,) * len(net.units))
    if isinstance(net, MaxoutCNN):
        stages = tuple(replace(stage, channels=4) for stage in net.stages)
        return replace(net, stages=stages, units=(12,) * len(net.units))
    if isinstance(net, DeconvMLP):
        return replace(net, hidden=(24,) * len(net.hidden), channels=4)
    if isinstance(net, Stacked):
        return replace(net, bottom=_narrow(net.bottom), top=_narrow(net.top), width=6)
    if isinstance(net, MLP):
        init: Any = net.init
        if isinstance(init, tuple):
            init = tuple(replace(i, inputs=5) if isinstance(i, SparseInit) else i for i in init)
        return replace(net, hidden=(24,) * len(net.hidden), init=init)
    return net


def _noise(recipe: Recipe, folder: Path | None) -> Data:
    if isinstance(recipe.data, GlobalContrast):
        pixels = _noise(replace(recipe, data=recipe.data.data), folder)
        return replace(recipe.data, data=pixels)
    rng = np.random.default_rng(0)
    shape = {Images: (60, 1, 28, 28), File: (60, 3, 16, 16)}.get(type(recipe.data), (60, 1, 8, 8))
    x, y = rng.integers(0, 256, shape, dtype=np.uint8), np.arange(60) % 10
    if folder is None:
        return Arrays(x, y, bounds=recipe.data.bounds)
    path = folder / f"noise{shape[-1]}.npz"
    if not path.exists():
        np.savez(path, x=x, y=y)
    return File(str(path), bounds=recipe.data.bounds)
