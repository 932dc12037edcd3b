"""`gannets.diagnose` and `run.diagnose`: from what was recorded, and from checkpoints."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets import Finding, Run, change, diagnose, load, train
from gannets.diagnosis import Clones
from gannets.errors import InputError
from gannets.training.examination import Examination
from gannets.training.probing import Probing
from tests.diagnosis.fading import fading, healthy
from tests.reliability.same import hashes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that fails."""
    return train(fading(), out=tmp_path_factory.mktemp("front") / "run", device="cpu")


@pytest.fixture
def unseen(run: Run, tmp_path: Path) -> Run:
    """The same run, from a time before there were probes."""
    copy = tmp_path / "unseen"
    copy.mkdir()
    for path in run.path.rglob("*"):
        if path.is_file() and path.name != "probes.jsonl":
            target = copy / path.relative_to(run.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return Run(copy)


def test_what_was_recorded_is_read(run: Run) -> None:
    before = hashes(run.path)
    found = diagnose(run.path)
    assert isinstance(found, Finding)
    assert (found.symptom, found.state, found.step) == ("vanishing gradient", "failure", 100)
    assert diagnose(run) == run.diagnose() == diagnose(str(run.path)) == found
    assert hashes(run.path) == before
    assert json.loads(json.dumps(found.to_json()))["symptom"] == "vanishing gradient"


def test_the_command_of_a_remedy_leaves_something_to_play(run: Run) -> None:
    """The run is at its end: a budget is given to what goes on from there, and to that alone."""
    for remedy in run.diagnose().remedies:
        words = shlex.split(remedy.command(str(run.path)))
        assert ("--steps" in words) == (not remedy.fresh)
        assert remedy.fresh or words[words.index("--steps") + 1] == "200"
    recipe = run.recipe
    for assignment in run.diagnose().remedies[0].changes:
        recipe = change(recipe, assignment)
    assert recipe != run.recipe


def test_a_run_without_probes_is_looked_at_anew(unseen: Run, run: Run) -> None:
    """Its three checkpoints; how it moves is seen in ten more updates, played in memory."""
    before = hashes(unseen.path)
    case = unseen.examination().case()
    assert [probe.step for probe in case.probes] == [60, 80, 100]
    assert unseen.diagnose().symptom == "vanishing gradient"
    assert hashes(unseen.path) == before
    seen = {probe.step: probe for probe in run.probes()}
    for probe in case.probes:
        recorded = seen[probe.step]
        assert probe.verdicts is not None
        assert recorded.verdicts is not None
        assert probe.outputs is not None
        assert recorded.outputs is not None
        # Other samples of the same game: the seed is 0, and the run's is 7.
        assert probe.verdicts.factor != recorded.verdicts.factor
        assert probe.verdicts.factor == pytest.approx(recorded.verdicts.factor, rel=0.5)
        assert probe.outputs.size == recorded.outputs.size
        assert probe.outputs.move == pytest.approx(recorded.outputs.move, rel=1.0)
    again = unseen.examination(seed=run.recipe.seed).case()
    for probe in again.probes:
        assert probe.verdicts == seen[probe.step].verdicts
        assert probe.referee == seen[probe.step].referee


def test_too_few_checkpoints_tell_nothing_yet(unseen: Run) -> None:
    for path in unseen.checkpoints()[:-1]:
        (path / "state.json").unlink()
    found = unseen.diagnose()
    assert (found.symptom, found.state) == ("cannot tell", "unknown")
    assert "it takes 3 probes of samples, and there have been 1" in found.sentence


def test_there_is_nothing_to_look_at(unseen: Run, tmp_path: Path) -> None:
    for path in unseen.checkpoints():
        (path / "state.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"No checkpoint of .*unseen can be looked at.*damaged"):
        unseen.diagnose()
    empty = Run.create(tmp_path / "empty", healthy(tmp_path))
    with pytest.raises(InputError, match="has neither probes nor a checkpoint"):
        empty.diagnose()
    with pytest.raises(InputError, match=r"nowhere is no run directory"):
        diagnose(tmp_path / "nowhere")


def test_data_that_are_gone_are_not_needed_for_what_was_recorded(tmp_path: Path) -> None:
    run = train(healthy(tmp_path), out=tmp_path / "run", device="cpu")
    for path in tmp_path.glob("*.npz"):
        path.unlink()
    assert load(run.path).diagnose(copies=False).state in ("healthy", "watch", "unknown")


def test_against_other_data(unseen: Run) -> None:
    """Points of another law are as far from G's as they are; D has not seen them."""
    x = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32) + 50
    far = unseen.examination().case(against=x)
    near = unseen.examination().case()
    for a, b in zip(far.probes, near.probes, strict=True):
        assert a.referee is not None
        assert b.referee is not None
        assert a.referee.distance > 10 * b.referee.distance
    assert isinstance(unseen.diagnose(against=x), Finding)
    with pytest.raises(InputError, match=r"shape \(3,\), and those of the run are \(2,\)"):
        unseen.diagnose(against=np.zeros((100, 3), dtype=np.float32))


def test_copies_are_trained_where_a_verdict_hangs_on_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last checkpoint is that of the last probe, which then has their numbers as well."""
    from gannets.training import examination

    monkeypatch.setattr(examination, "asks", lambda case: True)
    monkeypatch.setattr(examination, "CLONES", 5)
    case = run.examination().case()
    assert [probe.step for probe in case.probes] == [probe.step for probe in run.probes()]
    assert case.probes[:-1] == tuple(run.probes()[:-1])
    assert isinstance(case.last.clones, Clones)
    assert case.last.clones.steps == 5
    assert replace(case.last, clones=None) == run.probes()[-1]
    assert run.examination().case(copies=False).last.clones is None


def test_copies_that_cannot_be_trained_leave_the_verdict_open(
    run: Run, unseen: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gannets.training import examination

    monkeypatch.setattr(examination, "asks", lambda case: True)
    for path in unseen.checkpoints():
        (path / "state.json").write_text("{}")
    damaged = Examination(
        path=unseen.path, recipe=run.recipe, store=unseen.store, probes=run.probes()
    )
    assert damaged.case().probes == tuple(run.probes())


def test_other_real_images_are_put_into_the_units_of_the_game(tmp_path: Path) -> None:
    """Pixels from 0 to 255, as those that it was trained on, which lie from -1 to 1 in it."""
    from gannets.training import State
    from gannets.training.examination import real_side

    recipe = healthy(tmp_path, probing=Probing(every=20))
    state = State(recipe, device="cpu")
    pixels = np.load(next(tmp_path.glob("*.npz")))["x"]
    source = real_side(pixels, state, seed=0)
    rows = {tuple(row.tolist()) for row in source.all()[0].flatten(1)}
    own = {tuple(row.tolist()) for row in state.source.all()[0].flatten(1)}
    assert len(rows) == 60
    apart = torch.tensor(sorted(rows)) - torch.tensor(sorted(own))
    assert float(apart.abs().max()) < 1e-6  # of one rounding, in single precision
