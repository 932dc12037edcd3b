"""Probes change nothing of a game, and are the same however often a run is stopped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gannets import load, play
from gannets.data import Arrays, open_source
from gannets.diagnosis import Case
from gannets.diagnosis.discriminator_overfitting import DiscriminatorOverfitting
from gannets.errors import InputError
from gannets.game import Batch, Net, Players
from gannets.nets import MLP
from gannets.training import Nets, Run, State, Training
from gannets.training.begun import APART, Begun
from gannets.training.prober import Prober
from gannets.training.probing import Probing, due
from tests.diagnosis.fading import healthy, played
from tests.reliability.same import hashes
from tests.small import small

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["ring", "dcgan"])
def test_they_change_nothing_of_the_game(name: str) -> None:
    """Nor of torch's global generator, nor of which modules are in training."""
    recipe = replace(small(name), steps=14)
    *_, last = play(recipe, device="cpu")
    state = State(recipe, device="cpu")
    prober, before = Prober(state, Probing(every=5, n=20, clones=3)), torch.random.get_rng_state()
    for _ in range(recipe.steps):
        state.advance()
        prober.look()
    prober.probe(clones=3)
    assert [probe.step for probe in prober.probes] == [5, 10, 14]
    assert torch.equal(torch.random.get_rng_state(), before)
    for mine, theirs in (
        (last.players.generator, state.players.generator),
        (last.players.discriminator, state.players.discriminator),
    ):
        ours, others = mine.state_dict(), theirs.state_dict()
        assert all(torch.equal(ours[key], others[key]) for key in ours)
        modes = [m.training for m in mine.modules()]
        assert modes == [m.training for m in theirs.modules()]


def test_axes_that_data_are_seen_through_are_those_of_training_samples() -> None:
    """Fitted to the samples that are tested they leave out less of these than of any others: a
    perfect generator of 150 dimensions had .995 told by that alone, with 100 held out.
    """
    data, others = torch.randn(2, 1_000, 150, generator=torch.Generator().manual_seed(0))
    recipe = replace(small("ring"), data=Arrays(data), nets=Nets(MLP((8,)), MLP((8,))))
    state = State(recipe, device="cpu")
    told = []
    for i in range(4):
        part = open_source(Arrays(others[200 * i : 200 * i + 100]), seed=0, device="cpu")
        prober = Prober(state, Probing(n=100), held=part)
        scene = prober._begin()
        found = prober._judge(scene, others[200 * i + 100 : 200 * i + 200])
        told.append(found.beyond)
    # Balanced accuracy of 200 samples: a standard error of .035, of the mean of four .018.
    assert abs(sum(told) / 4 - 0.5) < 0.06


@pytest.mark.parametrize(("held", "apart"), [(1, 0), (19, 0), (20, 20), (300, 300)])
def test_how_many_held_out_samples_there_are_is_kept(held: int, apart: int) -> None:
    """Fewer than can be compared are none: training samples stand in for them, and it is said."""
    data = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    recipe = replace(small("ring"), data=Arrays(data), nets=Nets(MLP((8,)), MLP((8,))))
    state = State(recipe, device="cpu")
    other = Arrays(torch.randn(held, 3, generator=torch.Generator().manual_seed(1)))
    part = open_source(other, seed=0, device="cpu")
    probe = Prober(state, Probing(n=64), held=part).probe(clones=0)
    assert probe.apart == apart
    made = Case(probes=(probe,) * 3, recipe=recipe)
    state_ = DiscriminatorOverfitting()(made).state
    assert (state_ == "unknown") == (apart == 0)


def test_a_run_without_is_the_run_with(tmp_path: Path) -> None:
    """Checkpoints, metrics, samples: all but the probes, and the recipe that asks for them."""
    # The last checkpoint is not within ten updates before a probe, where it would hold its start.
    recipe = healthy(tmp_path, steps=62)
    with_, without = (
        played(replace(recipe, probing=probing), tmp_path / name)
        for name, probing in (("with", recipe.probing), ("without", None))
    )
    ours, theirs = with_.state.tensors(), without.state.tensors()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    a, b = hashes(with_.run.path), hashes(without.run.path)
    for name in (
        "probes.jsonl",
        "recipe.txt",
        "model/README.md",
        "checkpoints/00000062/state.json",
    ):
        a.pop(name), b.pop(name, None)
    assert a == b
    assert without.finding is None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    run = played(healthy(folder), folder / "run").run
    assert [probe.step for probe in run.probes()] == [20, 40, 50]
    assert None not in [probe.outputs and probe.outputs.move for probe in run.probes()]
    return run


STOPS = [1, 9, 10, 11, 15, 19, 20, 21, 30, 31, 39, 40, 45, 49, 50, 51]


@pytest.mark.parametrize(
    "at", [at if at in (15, 20, 45) else pytest.param(at, marks=pytest.mark.slow) for at in STOPS]
)
def test_a_run_taken_up_again_has_the_same_probes(tmp_path: Path, at: int, whole: Run) -> None:
    """Also where it is stopped between the beginning of a probe and the probe."""
    recipe = whole.recipe
    cut = Training.start(recipe, out=tmp_path / "cut", device="cpu")
    for step in cut:
        if step.index == at:
            break
    cut.save()  # as a signal has it
    cut.close()
    for _ in Training.resume(cut.run.path, device="cpu"):
        pass
    assert hashes(cut.run.path, checkpoints="last") == hashes(whole.path, checkpoints="last")


def test_a_killed_process_leaves_half_a_line(tmp_path: Path, whole: Run) -> None:
    recipe = replace(whole.recipe, checkpoint_every=25)
    cut = Training.start(recipe, out=tmp_path / "cut", device="cpu")
    for step in cut:
        if step.index == 45:
            break
    cut.close()
    file = cut.run.path / "probes.jsonl"
    blob = file.read_bytes()
    assert blob.count(b"\n") == 2
    file.write_bytes(blob[:-100])  # of that of update 40
    assert [probe.step for probe in load(cut.run.path).probes()] == [20]
    for _ in Training.resume(cut.run.path, device="cpu"):
        pass
    assert file.read_bytes() == (whole.path / "probes.jsonl").read_bytes()


@dataclass(frozen=True)
class Once:
    """Not a number at one update, the first time that it is made."""

    at: int

    def __call__(self, players: Players[Net], batch: Batch) -> Tensor:
        value = float("nan") if batch.step == self.at and not BACK else 0.0
        if batch.step == self.at:
            BACK.append(batch.step)
        logits = players.discriminator(*batch.fake)
        return logits.sum() * 0 + value


BACK: list[int] = []


@pytest.mark.parametrize("at", [pytest.param(36, marks=pytest.mark.slow), 47])
def test_going_back_takes_probes_back(tmp_path: Path, at: int) -> None:
    """To update 35, which is within the ten before the probe of 40: what that probe is compared
    with has to come back too, though a later one (that of 50) was begun since.
    """
    BACK.clear()
    recipe = healthy(tmp_path, steps=62, checkpoint_every=35, rollbacks=1)
    game = replace(recipe.game, generator_terms=(Once(at),))
    training = played(replace(recipe, game=game), tmp_path / "run")
    assert len(BACK) > 1
    assert "rolled back to step 35" in (training.run.path / "log.txt").read_text()
    probes = training.run.probes()
    assert [probe.step for probe in probes] == [20, 40, 50, 60]
    assert all(probe.outputs is not None and probe.outputs.move is not None for probe in probes)
    assert not training.watch.prober.begun.tensors()  # type: ignore[union-attr]


@pytest.mark.parametrize("every", [1, 4, 10])
def test_movement_is_seen_over_ten_updates_however_often_one_looks(every: int) -> None:
    state = State(small("ring"), device="cpu")
    prober = Prober(state, Probing(every=every, n=20))
    outputs: dict[int, Tensor] = {}
    for step in range(1, 23):
        state.advance()
        prober.look()
        z, _ = (prober._fixed or prober._begin()).always
        with torch.no_grad():
            outputs[step] = state.players.generator.eval()(z).double()
        state.players.generator.train()
    assert [probe.step for probe in prober.probes] == [
        step for step in range(1, 23) if due(step, Probing(every=every))
    ]
    for probe in prober.probes:
        assert probe.outputs is not None
        if probe.step <= APART:
            assert probe.outputs.move is None
            continue
        apart = (outputs[probe.step] - outputs[probe.step - APART]).square().sum(1).mean().sqrt()
        expected = float(apart) / prober._begin().scale
        assert probe.outputs.move == pytest.approx(expected, rel=1e-6)


def test_a_checkpoint_of_another_game_begins_no_probe() -> None:
    """What does not fit is left out, so that a damaged file cannot stop a resume here."""
    state = State(small("ring"), device="cpu")
    begun = Begun(state)
    for _ in range(3):
        state.advance()
    begun.note(torch.zeros(64, 2))
    tensors = begun.tensors()
    again = Begun(state)
    again.load(tensors)
    assert again.tensors().keys() == tensors.keys()
    for name in tensors:
        again.load({k: v for k, v in tensors.items() if k != name})
        assert not again.tensors()
        again.load({**tensors, name: torch.zeros(1, 7)})
        assert not again.tensors()
    begun.note(torch.full((64, 2), torch.nan))
    assert begun.tensors().keys() == tensors.keys()


def test_settings_that_are_none() -> None:
    with pytest.raises(InputError, match="every must be at least 1"):
        Probing(every=0)


PLAYS = """
import sys, torch
from tests.diagnosis.fading import fading
from gannets.training import Training
from gannets.training.parallel import joined, leave
from gannets.training.remedied import Attempts
torch.set_num_threads(1)
with joined(device=torch.device("cpu")) as group:
    out = f"{sys.argv[1]}/run" if group.rank == 0 else f"{sys.argv[1]}/nobody"
    training, attempts = Training.start(fading(), out=out, device="cpu", group=group), Attempts()
    ends = []
    while training is not None:
        training.watch.on_finding = "apply"
        for _ in training:
            pass
        state, heeded = training.state, training.watch.heeded
        ends.append((state.step, heeded, str(state.recipe.game.objective)))
        training = attempts.following(training)
    open(f"{sys.argv[1]}/{group.rank}", "w").write(repr(ends))
leave(0)
"""


@pytest.mark.slow
def test_of_two_processes_the_first_looks_and_both_do_what_it_says(tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PLAYS, str(tmp_path)],
            cwd=ROOT,
            env={**where, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    one, two = ((tmp_path / str(rank)).read_text() for rank in range(2))
    assert one == two
    assert "(60, True, 'Minimax()')" in one
    assert "(100, False, 'NonSaturating(" in one
    assert not (tmp_path / "nobody").exists()
    assert [probe.step for probe in load(tmp_path / "run").probes()] == [20, 40, 50, 60]
    begun = json.loads((tmp_path / "run-2" / "environment.json").read_text())["parent"]
    assert (Path(begun["path"]).name, begun["step"]) == ("run", 60)
