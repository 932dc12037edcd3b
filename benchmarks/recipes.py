"""What the recipes that train in a minute reach, on seeds nothing was tuned on.

    python benchmarks/recipes.py [--seeds 1 2 3]

digits: a classifier trained on the real training digits sorts 2,000 samples; the nearest training
digit of each sample is compared with the nearest training digit of each held-out digit.
ring, grid: of 10,000 samples, those within three sigma of a mode are of high quality, and a mode is
captured if there is one (Lin et al. 2018); a perfect generator has 1 - exp(-9/2) = 98.89 %.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from gannets import recipes
from gannets.data import open_source
from gannets.training import Model, Recipe, State

Report = dict[str, float]


def trained(recipe: Recipe) -> tuple[Model, float]:
    """The recipe's generator, and the seconds it took."""
    start = time.perf_counter()
    state = State(recipe, device="cpu")
    while state.step < recipe.steps:
        state.advance()
    model = Model(state.generator, recipe.nets.generator, recipe.prior, state.space)
    return model, time.perf_counter() - start


def digits(seed: int) -> Report:
    """Classes, confidence and distances of 2,000 samples of the recipe `digits`."""
    recipe = replace(recipes.get("digits"), seed=seed)
    model, seconds = trained(recipe)
    samples = model.sample(2_000, seed=seed).flatten(1)
    probability = classifier().predict_proba(samples.numpy())
    share = np.bincount(probability.argmax(1), minlength=10) / len(samples)
    train, held_out = split("train")[0], torch.cat([split("validation")[0], split("test")[0]])
    return {
        "least class": float(share.min()),
        "most class": float(share.max()),
        "median confidence": float(np.median(probability.max(1))),
        "distance to training digits, samples": nearest(samples, train),
        "distance to training digits, held-out": nearest(held_out, train),
        "seconds": seconds,
    }


@cache
def classifier() -> MLPClassifier:
    """A classifier of the real digits that never saw the held-out ones."""
    x, y = split("train")
    fitted = MLPClassifier((128,), max_iter=2_000, random_state=0).fit(x.numpy(), y.numpy())
    unseen = split("test")
    accuracy = fitted.score(unseen[0].numpy(), unseen[1].numpy())
    assert accuracy > 0.95, accuracy
    return fitted


def split(name: str) -> tuple[Tensor, Tensor]:
    """One split of the real digits, flat."""
    data = recipes.get("digits").data
    x, y = open_source(data, seed=0, device="cpu", split=name).all()
    assert y is not None
    return x.flatten(1), y


def nearest(points: Tensor, of: Tensor) -> float:
    """The median distance to the nearest of `of`."""
    return float(torch.cdist(points, of).min(1).values.median())


def modes(name: str, seed: int) -> Report:
    """Captured modes and high-quality share of 10,000 samples of the recipe `ring` or `grid`."""
    recipe = replace(recipes.get(name), seed=seed)
    model, seconds = trained(recipe)
    distance, mode = torch.cdist(model.sample(10_000, seed=seed).double(), recipe.data.modes).min(1)
    good = distance < 3 * recipe.data.sigma
    counts = torch.bincount(mode[good], minlength=len(recipe.data.modes))
    return {
        "modes": float((counts > 0).sum()),
        "of": float(len(counts)),
        "high quality": float(good.double().mean()),
        "least mode": float(counts.min() / counts.sum()),
        "seconds": seconds,
    }


def reports(seeds: list[int]) -> Iterator[tuple[str, Report]]:
    """A report for each recipe and seed."""
    for seed in seeds:
        yield f"digits, seed {seed}", digits(seed)
        yield f"ring, seed {seed}", modes("ring", seed)
        yield f"grid, seed {seed}", modes("grid", seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    torch.set_num_threads(1)
    for title, report in reports(parser.parse_args().seeds):
        figures = ", ".join(f"{name} {value:.4g}" for name, value in report.items())
        print(f"{title}: {figures}", flush=True)
