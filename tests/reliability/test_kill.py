"""Runs that are killed, at any moment and however often, end as if nobody had."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gannets import load, recipes
from gannets.training import Recipe
from gannets.updates import Optimistic
from tests.reliability.nursery import Nursery
from tests.reliability.same import hashes
from tests.small import LITTLE, small


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def recipe_for(name: str, folder: Path, random_: random.Random) -> Recipe:
    """A recipe with intervals, and now and then a precision or an update, that are drawn."""
    recipe = replace(
        small(name, folder=folder),
        steps=random_.randint(6, 14),
        record_every=random_.randint(1, 5),
        sample_every=random_.choice([0, 3, 5]) if name not in ("ring", "grid") else 0,
        checkpoint_every=random_.choice([1, 1, 2, 3]),
        keep=random_.randint(1, 4),
        evaluation=random_.choice([None, replace(LITTLE, every=random_.randint(1, 4))]),
    )
    if random_.random() < 0.3:
        recipe = replace(recipe, precision="bfloat16")
    if random_.random() < 0.3 and name != "wgan":
        recipe = replace(recipe, update=Optimistic())
    return recipe


def killed_again_and_again(
    recipe: Recipe, folder: Path, nursery: Nursery, random_: random.Random, *, most: int
) -> int:
    """Play `recipe` whole, and killed up to `most` times; compare; return how many died."""
    text, log = folder / "recipe.txt", folder / "log"
    text.write_text(str(recipe))
    whole, cut = folder / "whole", folder / "cut"
    device = ["--device", "cpu", "--quiet"]
    begun = time.monotonic()
    assert nursery.run("train", "--recipe", text, "--out", whole, *device, log=log) == 0
    took = time.monotonic() - begun
    kills = 0
    for _ in range(most):
        if (cut / "recipe.txt").exists():
            child = nursery.start("train", "--resume", cut, *device, log=log)
        else:
            if cut.exists():
                cut.rename(folder / f"stillborn{kills}")
            child = nursery.start("train", "--recipe", text, "--out", cut, *device, log=log)
        time.sleep(random_.uniform(0.0, took))
        os.kill(child, signal.SIGKILL)
        kills += nursery.wait(child) == -signal.SIGKILL
    if not (cut / "recipe.txt").exists():
        cut.exists() and cut.rename(folder / "stillborn")
        assert nursery.run("train", "--recipe", text, "--out", cut, *device, log=log) == 0
    assert nursery.run("train", "--resume", cut, *device, log=log) == 0, log.read_text()
    assert hashes(cut) == hashes(whole)
    assert not list(cut.rglob(".*"))
    assert not (cut / "lock").exists()
    assert load(cut).sample(3).isfinite().all()
    return kills


@pytest.mark.parametrize("name", ["digits", "goodfellow2014", "ring"])
def test_a_run_that_is_killed_ends_as_if_it_had_not_been(
    name: str, tmp_path: Path, nursery: Nursery
) -> None:
    random_ = random.Random(name)
    recipe = recipe_for(name, tmp_path, random_)
    kills = killed_again_and_again(recipe, tmp_path, nursery, random_, most=2)
    assert kills >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes.names())
def test_hundreds_of_kills(name: str, tmp_path: Path, nursery: Nursery) -> None:
    """Most of them while a checkpoint is written, for there is one after nearly every update."""
    random_, kills = random.Random(f"many {name}"), 0
    for trial in range(10):
        folder = tmp_path / str(trial)
        folder.mkdir()
        recipe = recipe_for(name, folder, random_)
        kills += killed_again_and_again(recipe, folder, nursery, random_, most=6)
    print(f"{name}: {kills} kills survived")  # noqa: T201
    assert kills >= 30
