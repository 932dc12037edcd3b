"""A run directory: complete, whole, never overwritten, and taken up again bit for bit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gannets import Model, recipes, train
from gannets.errors import InputError, StoppedError
from gannets.files import write_json
from gannets.game import Batch, Net, Players, Space, Stream
from gannets.objectives import Wasserstein
from gannets.terms import Lazy
from gannets.training import Recipe, Run, StopWhen, Training, load, read
from gannets.updates import SGD, Average, Optimistic
from tests.small import LITTLE, NAMES, small


def quick(name: str = "digits", **changes: object) -> Recipe:
    recipe = recipes.get(name)
    defaults = {"batch": 16, "steps": 12, "record_every": 4, "sample_every": 5}
    return replace(recipe, **{**defaults, "checkpoint_every": 6, **changes})  # type: ignore[arg-type]


def contents(run: Run) -> dict[str, bytes]:
    """Every file that two equal runs have in common."""
    own = {"log.txt", "environment.json"}
    files = [p for p in run.path.rglob("*") if p.is_file() and p.name not in own]
    return {str(p.relative_to(run.path)): p.read_bytes() for p in sorted(files)}


def test_a_run_directory_is_complete(tmp_path: Path) -> None:
    run = train(quick(), out=tmp_path / "run", device="cpu")
    assert set(contents(run)) == {
        "recipe.txt",
        "metrics.jsonl",
        "samples/reals.png",
        *(f"samples/{step:06d}.png" for step in (0, 5, 10)),
        *(
            f"checkpoints/{step:08d}/state.{end}"
            for step in (6, 12)
            for end in ("json", "safetensors")
        ),
        *(f"model/{name}" for name in ("config.json", "model.safetensors", "README.md")),
        "eval/00000000.json",
    }
    assert run.recipe == quick()
    assert [line["step"] for line in run.metrics()] == [4, 8, 12]
    assert set(run.metrics()[0]["discriminator"]) == {"objective", "R1", "R2"}
    environment = json.loads((run.path / "environment.json").read_text())
    assert len(environment["data_sha256"]) == 64
    with Image.open(run.path / "samples" / "reals.png") as picture:
        assert picture.size == (8 * 34 + 2, 8 * 34 + 2)


def test_the_metrics_are_means_of_what_was_played(tmp_path: Path) -> None:
    from gannets import play

    recipe = quick()
    losses = [float(s.losses.discriminator["objective"]) for s in play(recipe, device="cpu")]
    run = train(recipe, out=tmp_path / "run", device="cpu")
    for i, line in enumerate(run.metrics()):
        expected = np.mean(losses[4 * i : 4 * i + 4])
        assert line["discriminator"]["objective"] == pytest.approx(expected, rel=1e-6)


def interrupted(recipe: Recipe, out: Path, *, at: int) -> Run:
    """A run that was cut off after `at` updates without a word."""
    training = Training.start(recipe, out=out, device="cpu")
    for step in training:
        if step.index == at:
            break
    return training.run


# The nets and data of these are others' too, and what is theirs alone is in test_warm_start.py.
ALIKE = (
    "goodfellow2014_cifar10",
    "goodfellow2014_faces",
    "goodfellow2014_faces_deep",
    "goodfellow2014_today",
    "lsgan",
)


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in ALIKE else []) for n in NAMES]
)
def test_a_run_cut_off_and_taken_up_again_is_the_run_that_was_not(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    """Whatever the intervals and wherever the cut: every file is equal, byte for byte."""
    every = st.integers(1, 7)
    shutil.rmtree(tmp_path, ignore_errors=True)
    tmp_path.mkdir()
    recipe = replace(
        small(name, folder=tmp_path),
        steps=10,
        record_every=data.draw(every),
        sample_every=data.draw(every) if name not in ("ring", "grid") else 0,  # plots take a while
        checkpoint_every=data.draw(every),
        keep=data.draw(st.integers(1, 4)),
        precision=data.draw(st.sampled_from(["float32", "float32", "bfloat16"])),
    )
    if data.draw(st.booleans()):
        stop = data.draw(st.sampled_from([None, StopWhen(patience=1)]))
        recipe = replace(recipe, evaluation=replace(LITTLE, every=data.draw(every), stop=stop))
    lazy = tuple(Lazy(term, every=3) for term in recipe.game.discriminator_terms)
    if data.draw(st.booleans()):
        recipe = replace(recipe, game=replace(recipe.game, discriminator_terms=lazy))
    if data.draw(st.booleans()) and recipe.generator_batch is None:
        recipe = replace(recipe, update=Optimistic())
    if data.draw(st.booleans()):
        recipe = replace(recipe, averaging=Average(half_life=100))
    at = data.draw(st.integers(1, recipe.steps - 1))
    whole = train(recipe, out=tmp_path / "whole", device="cpu")
    cut = interrupted(recipe, tmp_path / "cut", at=at)
    for _ in Training.resume(cut.path, device="cpu"):
        pass
    assert contents(cut) == contents(whole)


def test_an_extended_run_is_the_run_that_was_asked_for_at_once(tmp_path: Path) -> None:
    whole = train(quick(steps=12), out=tmp_path / "whole", device="cpu")
    grown = train(quick(steps=6), out=tmp_path / "grown", device="cpu")
    for _ in Training.resume(grown.path, steps=12, device="cpu"):
        pass
    assert contents(grown) == contents(whole)
    with pytest.raises(InputError, match="not cut to 3"):
        Training.resume(grown.path, steps=3, device="cpu")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    run = train(quick(steps=1), out=tmp_path / "run", device="cpu")
    before = contents(run)
    with pytest.raises(InputError, match="--resume"):
        train(quick(steps=1), out=tmp_path / "run", device="cpu")
    assert contents(run) == before


def test_runs_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [train(quick(steps=1), device="cpu").path for _ in range(2)]
    assert [str(path) for path in paths] == ["runs/00000-digits", "runs/00001-digits"]


@pytest.mark.parametrize(
    "bad",
    [{"batch": 10**6}, {"data": torch.full((50, 64), torch.nan)}, {"data": torch.zeros(0, 3)}],
)
def test_a_recipe_that_does_not_fit_leaves_nothing_behind(
    bad: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        train(quick(**bad), out=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        train(quick(steps=1), out=tmp_path / "file" / "run", device="cpu")


def test_a_game_that_blows_up_stops_with_a_sentence(tmp_path: Path) -> None:
    """A critic without a Lipschitz constraint under a huge learning rate."""
    recipe = quick("ring", steps=400, record_every=1)
    wild = SGD(lr=1e9)
    recipe = replace(
        recipe,
        game=replace(recipe.game, objective=Wasserstein(), discriminator_terms=()),
        optimizers=replace(recipe.optimizers, generator=wild, discriminator=wild),
    )
    with pytest.raises(StoppedError, match=r"lr=5e\+08"):
        train(recipe, out=tmp_path / "run", device="cpu")
    for line in load(tmp_path / "run").metrics():
        assert np.isfinite(line["generator"]["objective"])


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    run = train(quick(steps=6), out=tmp_path / "run", device="cpu")
    path = run.checkpoints()[-1] / "state.safetensors"
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))
    with pytest.raises(InputError, match=r"No checkpoint .*state\.safetensors is damaged"):
        Training.resume(run.path, device="cpu")


def test_a_line_of_metrics_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    run = train(quick(), out=tmp_path / "run", device="cpu")
    lines = run.metrics()
    path = run.path / "metrics.jsonl"
    path.write_text(path.read_text()[:-20])
    assert run.metrics() == lines[:-1]


# The model.


def test_samples_are_a_function_of_the_seed_and_their_number(tmp_path: Path) -> None:
    run = train(quick("conditional"), out=tmp_path / "run", device="cpu")
    many = run.sample(1_300, seed=3)
    assert many.shape == (1_300, 1, 8, 8)
    assert torch.equal(run.sample(40, seed=3), many[:40])
    assert not torch.equal(run.sample(40, seed=4), many[:40])
    sevens = run.sample(5, seed=3, labels=[7] * 5)
    assert torch.equal(sevens, load(run.path).sample(5, seed=3, labels=[7] * 5))
    assert not torch.equal(sevens, run.sample(5, seed=3, labels=[3] * 5))
    for bad in ([7], [10] * 5, [-1] * 5):
        with pytest.raises(InputError, match="5 labels from 0 to 9"):
            run.sample(5, labels=bad)
    with pytest.raises(InputError, match="at least 1"):
        run.sample(0)


def test_a_model_is_the_averaged_generator(tmp_path: Path) -> None:
    training = Training.start(quick(), out=tmp_path / "run", device="cpu")
    for _ in training:
        pass
    assert training.state.averaged is not None
    z = training.recipe.prior(4, Stream(0, "test"))
    loaded = Model.from_pretrained(training.run.path / "model")
    assert torch.equal(loaded.generator(z), training.state.averaged.module(z))
    assert not torch.equal(loaded.generator(z), training.state.players.generator.eval()(z))
    card = (training.run.path / "model" / "README.md").read_text()
    assert read(card.split("```python\n")[2].split("```")[0]) == training.recipe


def test_a_model_without_classes_takes_no_labels(tmp_path: Path) -> None:
    run = train(quick(steps=1), out=tmp_path / "run", device="cpu")
    with pytest.raises(InputError, match="no classes"):
        run.sample(2, labels=[1, 2])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("generator", "__import__('os').system('touch hacked')"),
        ("generator", "MLP(hidden=(3,))"),
        ("prior", 5),
        ("space", {"event": "x"}),
        ("schema", 99),
        ("sha256", "0" * 64),
    ],
)
def test_a_tampered_model_is_refused(key: str, value: object, tmp_path: Path) -> None:
    run = train(quick(steps=1), out=tmp_path / "run", device="cpu")
    path = run.path / "model" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, key: value}))
    with pytest.raises(InputError, match=r"seal|schema"):
        load(run.path).sample(1)
    del config["seal"]
    write_json(path, {**config, key: value})  # by somebody who knows how to seal it
    with pytest.raises(InputError, match=r"^(?!.*seal)"):
        load(run.path).sample(1)


# Values of the caller's own.


@dataclass(frozen=True)
class Tiny:
    """A net description of a file of one's own."""

    width: int = 4

    def generator(self, space: Space) -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.Linear(space.latent, self.width), torch.nn.Linear(self.width, 2)
        )


def smallness(players: Players[Net], batch: Batch) -> torch.Tensor:
    """A term of one's own."""
    return batch.fake[0].square().mean()


def test_a_run_with_values_of_ones_own_is_read_with_their_names(tmp_path: Path) -> None:
    recipe = quick("ring")
    recipe = replace(
        recipe,
        nets=replace(recipe.nets, generator=Tiny()),
        game=replace(recipe.game, generator_terms=(smallness,)),
    )
    run = train(recipe, out=tmp_path / "run", device="cpu")
    assert set(run.metrics()[0]["generator"]) == {"objective", "smallness"}
    names = {"Tiny": Tiny, "smallness": smallness}
    assert load(run.path, names=names).recipe == recipe
    assert load(run.path, names=names).sample(3).shape == (3, 2)
    with pytest.raises(InputError, match="Unknown name in a recipe"):
        _ = load(run.path).recipe
