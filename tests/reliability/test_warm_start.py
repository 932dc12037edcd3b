"""A second stage: what is taken over is the first's, bit for bit, and the first is only read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gannets import files, play, read, recipes, train
from gannets.errors import InputError
from gannets.training import Recipe, Run, State, Training, WarmStart
from gannets.updates import Average
from tests.reliability.same import hashes
from tests.small import small

STAGES = ("goodfellow2014_faces", "goodfellow2014_faces_deep")


@pytest.fixture
def stages(tmp_path: Path) -> tuple[Run, Recipe]:
    """A run of the first stage, and the second stage that begins in it."""
    first, second = (small(name, folder=tmp_path) for name in STAGES)
    # The vector between the stages is the first one's noise.
    nets: Any = replace(second.nets, generator=replace(second.nets.generator, width=100))
    run = train(first, out=tmp_path / "first", device="cpu")
    warm = WarmStart(str(run.path), generator="top")
    return run, replace(second, nets=nets, warm_start=warm)


def state_at(training: Training, **changes: object) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in training.state.tensors().items()}


def test_the_recipe_says_where_it_begins() -> None:
    recipe = recipes.get(STAGES[1])
    assert recipe.warm_start == WarmStart("runs/goodfellow2014_faces", generator="top")
    assert read(str(recipe)) == recipe
    with pytest.raises(InputError, match="runs/goodfellow2014_faces is no run directory"):
        Training.start(small_with(recipe.warm_start), device="cpu")


def small_with(warm: WarmStart | None) -> Recipe:
    return replace(small(STAGES[1]), warm_start=warm)


def test_the_stack_is_taken_over_and_all_else_begins_anew(
    stages: tuple[Run, Recipe], tmp_path: Path
) -> None:
    first, recipe = stages
    before = hashes(first.path)
    training = Training.start(recipe, out=tmp_path / "second", device="cpu")
    found, cold = state_at(training), State(replace(recipe, warm_start=None), device="cpu")
    checkpoint = first.store.load(first.checkpoints()[-1])
    for name, tensor in found.items():
        if name.startswith("generator.top."):
            own = "generator." + name.removeprefix("generator.top.")
            assert torch.equal(tensor, checkpoint.tensors[own]), name
        else:  # the bottom, D, and no optimizer's memory
            assert torch.equal(tensor, cold.tensors()[name]), name
    last = "generator.top.last.weight"
    assert not torch.equal(found[last], cold.tensors()[last])
    assert training.state.counters() == cold.counters()
    assert training.state.movers.generator.rates() == {"lr": 0.05, "momentum": 0.5}
    origin = files.read_json(tmp_path / "second" / "environment.json", schema=1)["parent"]
    assert origin == {"path": str(first.path), "step": 3, "sha256": checkpoint.sha256}
    assert (
        f"begins in weights of step 3 of {first.path}"
        in (tmp_path / "second" / "log.txt").read_text()
    )
    for _ in training:
        pass
    assert hashes(first.path) == before


@pytest.mark.parametrize("at", [0, 2])
def test_it_is_resumed_bit_for_bit_without_the_first(
    at: int, stages: tuple[Run, Recipe], tmp_path: Path
) -> None:
    first, recipe = stages
    recipe = replace(recipe, steps=3, checkpoint_every=1, averaging=Average(half_life=100))
    whole = train(recipe, out=tmp_path / "whole", device="cpu")
    training = Training.start(recipe, out=tmp_path / "cut", device="cpu")
    for step in training if at else ():
        if step.index == at:
            break
    training.close()
    first.path.rename(tmp_path / "elsewhere")
    for _ in Training.resume(tmp_path / "cut", device="cpu"):
        pass
    assert hashes(tmp_path / "cut") == hashes(whole.path)


def test_in_memory_it_begins_there_too(stages: tuple[Run, Recipe], tmp_path: Path) -> None:
    _, recipe = stages
    run = train(recipe, out=tmp_path / "second", device="cpu")
    *_, last = play(recipe, device="cpu")
    kept = run.store.load(run.checkpoints()[-1]).tensors
    for name, tensor in last.players.generator.state_dict().items():
        assert torch.equal(tensor, kept[f"generator.{name}"])


def test_whole_players_are_taken_over_and_the_average_begins_with_them(
    stages: tuple[Run, Recipe],
) -> None:
    first, _ = stages
    warm = WarmStart(str(first.path), generator="", discriminator="")
    again = replace(first.recipe, warm_start=warm, averaging=Average(half_life=100), seed=5)
    training = Training.start(again, out=first.path.with_name("again"), device="cpu")
    found, kept = training.state.tensors(), first.store.load(first.checkpoints()[-1]).tensors
    for name in (n for n in kept if n.startswith(("generator.", "discriminator."))):
        assert torch.equal(found[name], kept[name])
        average = f"average.{name.removeprefix('generator.')}"
        assert not name.startswith("generator.") or torch.equal(found[average], kept[name])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: replace(r, warm_start=replace(r.warm_start, run="nowhere")), "is no run"),
        (lambda r: warm(r, generator="tpo"), "no part 'tpo' .* it has bottom, top"),
        (lambda r: warm(r, generator="bottom"), r"hidden.2.bias .* recipe's bottom is not there"),
        (lambda r: warm(r, generator=""), "bottom.* not there"),
        (lambda r: warm(r, generator=None, discriminator="hidden"), "does not fit"),
        (lambda r: warm(r, generator=None), "takes over nothing"),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    change: Callable[[Recipe], Recipe], says: str, stages: tuple[Run, Recipe], tmp_path: Path
) -> None:
    _, recipe = stages
    with pytest.raises(InputError, match=says):
        Training.start(change(recipe), out=tmp_path / "second", device="cpu")
    assert not (tmp_path / "second").exists()


def warm(recipe: Recipe, **parts: str | None) -> Recipe:
    assert recipe.warm_start is not None
    return replace(recipe, warm_start=replace(recipe.warm_start, **parts))


def test_a_run_of_before_there_were_warm_starts_is_resumed(tmp_path: Path) -> None:
    """Its texts say nothing of a field that came later, which has its default."""
    run = train(replace(small("digits", folder=tmp_path)), out=tmp_path / "run", device="cpu")
    path, line = run.path / "recipe.txt", "    warm_start=None,\n"
    assert path.read_text().count(line) == 1
    path.write_text(path.read_text().replace(line, ""))
    state = run.checkpoints()[-1] / "state.json"
    kept = files.read_json(state, schema=1)
    files.write_json(state, {**kept, "recipe": kept["recipe"].replace(line, "")})
    for _ in Training.resume(run.path, steps=5, device="cpu"):
        pass
    assert Run(run.path).checkpoints()[-1].name == "00000005"
