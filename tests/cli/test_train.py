"""`gannets train`: what was asked for is what is played and kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets import Images, Recipe, load, read, recipes
from gannets.data import Digits, File
from gannets.updates import Adam

Done = tuple[int, str, str]
TINY = ["--steps", "20", "--batch", "16", "--set", "record_every=5", "--set", "sample_every=10"]


def recipe_of(gannets: Callable[..., Done], *words: object) -> Recipe:
    code, out, err = gannets("train", *words, "--dry-run")
    assert (code, err) == (0, "")
    recipe = read(out)
    assert isinstance(recipe, Recipe)
    return recipe


def test_from_the_shell_to_a_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = [*["train", "digits", "--steps", "20", "--batch", "32", "--out"], str(out)]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "gannets", *words], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "done                  step 20 of 20" in done.stdout
    assert f"gannets sample {out} --n 100" in done.stdout
    assert f"gannets train --resume {out} --steps 40" in done.stdout
    assert load(out).recipe == replace(recipes.get("digits"), steps=20, batch=32)
    for path in ("samples/reals.png", "samples/000000.png", "model/config.json"):
        assert (out / path).is_file()


def test_plain_lines_tell_the_losses(gannets: Callable[..., Done]) -> None:
    code, out, err = gannets("train", "digits", *TINY)
    assert (code, err) == (0, "")
    run = load("runs/00000-digits")
    line = next(line for line in out.splitlines() if "/20" in line)
    first = run.metrics()[0]
    assert first["step"] == 5
    total = sum(first["discriminator"].values())
    parts = first["discriminator"]
    assert line.split()[0] == "5/20"
    assert f"discriminator {total:.3f} = objective {parts['objective']:.3f}" in line
    last = run.metrics()[-1]
    assert f"generator's loss      {last['generator']['objective']:.3f}\n" in out


def test_quiet_prints_the_directory_alone(gannets: Callable[..., Done]) -> None:
    assert gannets("train", "digits", "--quiet", *TINY) == (0, "runs/00000-digits\n", "")
    assert gannets("train", "digits", "--quiet", *TINY) == (0, "runs/00001-digits\n", "")


def test_the_flags_change_what_they_say(gannets: Callable[..., Done]) -> None:
    own = recipes.get("digits")
    numbers = ["--steps", 7, "--batch", 8, "--seed", 3, "--precision", "bf16"]
    words = [*numbers, "--set", "optimizers.generator.lr=0.5"]
    fast = replace(own.optimizers, generator=Adam(lr=0.5, betas=(0.0, 0.99)))
    assert recipe_of(gannets, "digits", *words) == replace(
        own, steps=7, batch=8, seed=3, precision="bfloat16", optimizers=fast
    )
    assert recipe_of(gannets, "--recipe", "digits") == own
    assert not Path("runs").exists()


def test_the_later_change_counts(gannets: Callable[..., Done]) -> None:
    recipe = recipe_of(gannets, "digits", "--steps", "7", "--set", "steps=8", "--set", "steps=9")
    assert recipe == replace(recipes.get("digits"), steps=9)


def test_data_choose_a_recipe_and_a_recipe_its_data(gannets: Callable[..., Done]) -> None:
    np.save("points.npy", np.random.default_rng(0).normal(size=(50, 2)))
    ring, digits, original = map(recipes.get, ("ring", "digits", "goodfellow2014"))
    assert recipe_of(gannets, "ring") == ring
    assert recipe_of(gannets, "points.npy") == replace(
        ring, data=File("points.npy"), name="points-ring"
    )
    assert recipe_of(gannets, "digits", "--recipe", "ring") == replace(
        ring, data=Digits(), name="digits-ring"
    )
    assert recipe_of(gannets, "--recipe", "goodfellow2014") == original
    # The recipe's own data keep the recipe's split of them.
    assert original.data.split == "train[:50000]"
    assert recipe_of(gannets, "digits", "--recipe", "digits") == digits
    assert recipe_of(gannets, "goodfellow2014") == original


def test_named_data_come_from_the_folder_that_is_named(
    gannets: Callable[..., Done], shared_data: Callable[[str], Path]
) -> None:
    folder = shared_data("mnist").parent
    recipe = recipe_of(gannets, "mnist", "--data-dir", folder)
    assert recipe == recipes.get("dcgan")
    assert isinstance(recipe.data, Images)


def test_a_recipe_as_text_is_the_recipe(gannets: Callable[..., Done]) -> None:
    _, out, _ = gannets("show", "ring")
    Path("ring.txt").write_text(out[out.index("Recipe(") :])
    assert recipe_of(gannets, "--recipe", "ring.txt") == recipes.get("ring")


OWN = """
from dataclasses import dataclass, replace
from typing import ClassVar
from gannets.game import Game
from gannets.recipes.ring import ring
import torch.nn.functional as F

@dataclass(frozen=True)
class Mine:
    generator_sees_real: ClassVar[bool] = False
    weight: float = 1.0
    def discriminator(self, real, fake):
        return self.weight * (F.softplus(-real).mean() + F.softplus(fake).mean())
    def generator(self, real, fake):
        return self.weight * F.softplus(-fake).mean()

recipe = replace(ring, name="mine", game=Game(Mine(weight=2.0)))
"""


def test_a_recipe_of_ones_own_through_its_life(gannets: Callable[..., Done]) -> None:
    Path("mine.py").write_text(OWN)
    code, out, _ = gannets(
        "train", "--recipe", "mine.py", *TINY, "--set", "game.objective.weight=3"
    )
    assert code == 0
    path = Path("runs/00000-mine")
    assert "objective=Mine(weight=3.0)" in (path / "recipe.txt").read_text()
    assert f"gannets train --resume {path} --steps 40 --recipe mine.py" in out
    code, _, err = gannets("train", "--resume", path, "--steps", 30)
    assert code == 2
    assert "Mine" in err
    assert "--recipe FILE.py" in err
    assert (
        gannets("train", "--resume", path, "--steps", 30, "--recipe", "mine.py", "--quiet")[0] == 0
    )
    assert [line["step"] for line in load(path, names={"Mine": object}).metrics()][-1] == 30
    assert gannets("sample", path, "--recipe", "mine.py")[0] == 0
    assert gannets("show", path, "--recipe", "mine.py")[0] == 0


def test_resumed_and_extended_is_as_if_never_stopped(gannets: Callable[..., Done]) -> None:
    assert gannets("train", "digits", *TINY, "--quiet", "--out", "whole")[0] == 0
    half = [*TINY, "--steps", "10"]
    assert gannets("train", "digits", *half, "--quiet", "--out", "parts")[0] == 0
    code, out, _ = gannets("train", "--resume", "parts", "--steps", 20)
    assert code == 0
    assert "resumed  at step 10" in out
    assert load("parts").recipe == load("whole").recipe
    assert load("parts").metrics() == load("whole").metrics()
    assert torch.equal(load("parts").sample(10), load("whole").sample(10))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["digits"], "DATA"),
        (["--batch", "8"], "--batch"),
        (["--seed", "0"], "--seed"),
        (["--precision", "fp32"], "--precision"),
        (["--out", "x"], "--out"),
        (["--set", "steps=5"], "nothing to play"),
        (["--set", "nets.generator.hidden=(3,)"], "does not fit the recipe"),
        (["--recipe", "ring"], "--recipe"),
    ],
)
def test_a_run_is_resumed_as_it_was_begun(
    words: list[str], named: str, gannets: Callable[..., Done], trained: Path
) -> None:
    before = {p: p.read_bytes() for p in trained.rglob("*") if p.is_file()}
    code, out, err = gannets("train", "--resume", trained, *words)
    assert (code, out) == (2, "")
    assert named in err
    assert {p: p.read_bytes() for p in trained.rglob("*") if p.is_file()} == before


def test_a_finished_run_has_nothing_left_to_do(gannets: Callable[..., Done], trained: Path) -> None:
    before = json.dumps(load(trained).metrics())
    code, out, _ = gannets("train", "--resume", trained)
    assert code == 0
    assert "0 steps in" in out
    assert json.dumps(load(trained).metrics()) == before
