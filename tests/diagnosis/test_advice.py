"""Whether advice helps is judged by a measure of its own, and what is advised can be typed."""

from __future__ import annotations

import json
import math
import shlex
import string
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from benchmarks.diagnosis.__main__ import main as benchmark
from benchmarks.diagnosis.advice import Advised, advised, remedied, remembered
from benchmarks.diagnosis.advice_table import advice_table
from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from benchmarks.diagnosis.scenarios import shared_weights, value_range
from benchmarks.diagnosis.yardstick import SAMPLES, Yardstick
from gannets import Recipe, read
from gannets.cli import main
from gannets.diagnosis import Remedy, compare
from gannets.game import Conditional, Players, Stream
from gannets.training import Training
from gannets.training.standing import held_out
from gannets.training.state import State
from tests.diagnosis.fading import healthy

# ------------------------------------------------------------------------------- the commands

TEXT = st.text(st.sampled_from(string.printable + "'\"\\$`é"), min_size=1, max_size=20)


@given(run=TEXT, changes=st.lists(TEXT, max_size=3), fresh=st.booleans())
def test_a_shell_takes_a_command_apart_as_it_was_meant(
    run: str, changes: list[str], fresh: bool
) -> None:
    remedy = Remedy(changes=tuple(changes), why="it helps.", source="a test", fresh=fresh, steps=9)
    how = "--from" if fresh else "--resume"
    sets = [word for change in changes for word in ("--set", change)]
    expected = ["gannets", "train", how, run, *sets, "--steps", "9"]
    assert shlex.split(remedy.command(run)) == expected


def test_a_command_is_understood_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run, its folder and a value with an apostrophe in it; and one that is played."""
    recipe, folder = healthy(tmp_path), tmp_path / "it's here"
    training = Training.start(replace(recipe, steps=0), out=folder, device="cpu")
    list(training)
    changes = ('name="it\'s another"', "optimizers.discriminator.betas=(0.0, 0.9)")
    remedy = Remedy(changes=changes, why="it helps.", source="a test", fresh=True, steps=3)
    words = shlex.split(remedy.command(str(folder)))[1:]
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == 0
    expected = replace(remedied(recipe, remedy), steps=3)
    assert read(capsys.readouterr().out) == expected
    assert main([*words, "--out", str(tmp_path / "tried"), "--quiet"]) == 0
    assert read((tmp_path / "tried" / "recipe.txt").read_text()) == expected


# ---------------------------------------------------------------------------- the measure


def test_the_measure_is_the_referees_on_samples_as_they_are() -> None:
    """Computed in another way, by `compare`, which has no axes to look through in the plane."""
    recipe = base("ring", 61)
    state = State(recipe, device="cpu")
    yardstick = Yardstick(recipe)
    z = recipe.prior(SAMPLES, Stream(61, "benchmarks/yardstick")).to(state.dtype)
    found = held_out(recipe, ("test",))
    assert found is not None
    with torch.no_grad():
        fake = state.generator(z)
    real, _ = found[1].batch(0, SAMPLES)
    assert yardstick(state) == pytest.approx(compare(real=real, fake=fake).distance, rel=1e-6)
    assert yardstick(state) == yardstick(state) > 0.1


class Given(nn.Module):
    """Whatever z is, these samples, in the order of their labels or in another."""

    def __init__(self, x: Tensor, shift: int) -> None:
        super().__init__()
        self.x, self.shift = x, shift

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """x, moved along by so many."""
        return self.x.roll(self.shift, 0)


def test_samples_of_other_classes_are_far_where_there_are_classes() -> None:
    """The test set itself, under its labels and under others; without labels it is all one."""
    plain = base("digits", 0)
    found = held_out(plain, ("test",))
    assert found is not None
    x, y = found[1].rows(torch.arange(300))
    assert y is not None
    wrong = float((y != y.roll(7)).double().mean())

    def distance(recipe: Recipe, shift: int) -> float:
        net = Given(x, shift)
        state: Any = SimpleNamespace(
            recipe=recipe, generator=net, players=Players(net, net), dtype=torch.float32
        )
        return Yardstick(recipe)(state)

    told = replace(plain, joint=Conditional())
    assert distance(plain, 0) == pytest.approx(distance(plain, 7), abs=1e-9)
    assert wrong > 0.8
    # The same samples: 2 E|a - b| has n zeros more than E|a - a'| and E|b - b'|, of n².
    assert distance(plain, 0) == pytest.approx(-2 / 300, rel=1e-6)
    assert -0.1 < distance(told, 0) < 0
    assert distance(told, 7) > 0.1


def test_numbers_that_are_none_are_infinitely_far() -> None:
    recipe = base("ring", 61)
    net = Given(torch.full((SAMPLES, 2), math.nan), 0)
    state: Any = SimpleNamespace(
        recipe=recipe, generator=net, players=Players(net, net), dtype=torch.float32
    )
    assert Yardstick(recipe)(state) == math.inf


# ------------------------------------------------------------------------------- the games


def test_a_failing_game_and_its_remedy_are_played_for_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What G cannot reach it reaches with another last layer; and what was played is kept."""
    scenario = Scenario(
        symptom="value range",
        family="ring",
        recipe=partial(value_range._half, "ring"),
        long=150,
    )
    row = advised(scenario, 61, tmp_path)
    assert (row.found, row.step) == ("value range", 50)
    assert row.remedy == 'nets.generator.output="auto"'
    assert row.helped, row
    # Three modes of eight lie in what a sigmoid gives: the others are a spread away.
    assert row.after < row.before / 2
    assert remembered(scenario, 61, tmp_path) == row
    monkeypatch.delattr(Training, "start")  # nothing is played again
    assert advised(scenario, 61, tmp_path) == row
    assert remembered(scenario, 62, tmp_path) is None
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["advice.json"]


def test_what_was_not_provoked_is_not_cured(tmp_path: Path) -> None:
    scenario = Scenario(
        symptom="mode collapse",
        family="ring",
        recipe=partial(value_range._half, "ring"),
        long=60,
    )
    row = advised(scenario, 61, tmp_path)
    assert (row.found, row.remedy) == ("value range", "")
    assert not any((row.recognised, row.gone, row.nearer, row.helped))


def test_a_net_of_ones_own_that_is_left_shares_nothing() -> None:
    recipe = shared_weights._shared("digits", 61)
    cured = Remedy(changes=("nets.generator=MLP(hidden=(8,))",), why="", source="")
    for given_recipe, shared in ((recipe, 2), (remedied(recipe, cured), 0), (recipe, 2)):
        weights = State(given_recipe, device="cpu").parameters
        both = {id(w) for w in weights.generator} & {id(w) for w in weights.discriminator}
        assert len(both) == shared  # a matrix and its bias


# --------------------------------------------------------------------------------- the table


def row(**given: Any) -> Advised:
    values = {
        "symptom": "it",
        "data": "ring",
        "seed": 1,
        "found": "it",
        "right": True,
        "step": 50,
        "remedy": "batch=8",
        "before": 1.0,
        "after": 0.5,
        "verdict": "healthy",
        "ill": False,
    }
    return Advised(**{**values, **given})


def test_the_table_counts_what_is_gone_and_nearer_and_both() -> None:
    rows = [
        row(),
        row(seed=2, after=2.0),
        row(seed=3, verdict="mode collapse", ill=True),
        row(seed=4, found="other", right=False, remedy="", before=math.inf, after=math.inf),
        row(data="digits", before=math.inf, found="its last state"),
    ]
    lines = advice_table(rows).splitlines()
    assert lines[2] == (
        "| it | ring | `batch=8` | 4 | 3 | 2 | 2 | 1 | 1 | 0.5 | other 1, then mode collapse 1 |"
    )
    assert (
        lines[3]
        == "| it | digits | `batch=8` | 1 | 1 | 1 | 1 | 1 | inf | 0.5 | as its last state 1 |"
    )
    assert (
        "was found first in 4 of them, and of these the first remedy helped in 2, 50%" in lines[-1]
    )
    assert "0 runs" in advice_table([])


def test_what_is_kept_is_shown_without_playing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Training, "start")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # of all other tests, too
    kept = tmp_path / "ring-value-range-61"
    kept.mkdir()
    line = row(symptom="value range", found="value range", seed=61)
    (kept / "advice.json").write_text(json.dumps(asdict(line)))
    words = ["advice", "--out", str(tmp_path), "--seeds", "61-62", "--family", "ring", "--table"]
    assert benchmark(words) == 0
    assert capsys.readouterr().out == f"{advice_table([line])}\n"


@pytest.mark.parametrize("after", [math.inf, math.nan, 1.0])
def test_what_is_no_nearer_has_not_helped(after: float) -> None:
    assert row(after=after).gone
    assert not row(after=after).helped
