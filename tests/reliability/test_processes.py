"""One process and two, with the same batch: the same game, to rounding; and what ends a group.

The two are real processes that speak gloo over the loopback. They are started once for all recipes,
and play while this process plays alone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from gannets import recipes, train
from gannets.errors import InputError, StoppedError
from gannets.game import ALONE, Group
from gannets.training import State, Training, load
from gannets.training.parallel import anyone, joined, local_device, size_from_environment
from tests.reliability.ranks import CASES, ROOT, RUN, SINGLE, STEPS, played, recipes_to_play, seen

PLAYERS = ("generator.", "discriminator.")
LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**more: object) -> dict[str, str]:
    """This process's, with nothing that a launcher would have set but what is given."""
    own = {name: value for name, value in os.environ.items() if name not in LAUNCHER}
    return {**own, **{name: str(value) for name, value in more.items()}}


class Pair:
    """What two processes and one have played."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alone: dict[str, dict[str, Tensor]] = {}

    def apart(self, name: str) -> dict[str, float]:
        """How far each tensor of two processes is from that of one."""
        two, one = load_file(self.folder / f"{name}.safetensors"), self.alone[name]
        assert two.keys() == one.keys()
        return {k: float((one[k].double() - two[k].double()).abs().max()) for k in one}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("two")
    begun = Training.start(replace(RUN, steps=STEPS // 2), out=folder / "resumed", device="cpu")
    for _ in begun:
        pass
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": 2}
    command = [sys.executable, "-m", "tests.reliability.ranks", str(folder)]
    with (folder / "said.txt").open("w") as said:
        ranks = [
            subprocess.Popen(
                command, cwd=ROOT, env=environment(RANK=rank, **address), stdout=said, stderr=said
            )
            for rank in range(2)
        ]
        found = Pair(folder)
        for name, recipe in recipes_to_play().items():
            found.alone[name] = played(recipe)
        for rank in ranks:
            rank.wait(timeout=300)
    assert [rank.returncode for rank in ranks] == [0, 0], (folder / "said.txt").read_text()
    return found


@pytest.mark.parametrize("name", CASES)
def test_two_processes_play_the_game_of_one(name: str, pair: Pair) -> None:
    """In double precision, where rounding is 1e-16 of a number, all tensors agree to 1e-9.

    Weights, averages, buffers and the optimizers' moments. The promise is 1e-6.
    """
    apart = pair.apart(name)
    worst = max(apart, key=apart.__getitem__)
    assert apart[worst] < 1e-9, (worst, apart[worst])
    moved = pair.alone[name]
    start = dict(State(CASES[name], device="cpu").tensors())
    assert any(not torch.equal(start[k], moved[k]) for k in start if k.startswith(PLAYERS))


@pytest.mark.parametrize("name", SINGLE)
def test_in_single_precision_within_rounding(name: str, pair: Pair) -> None:
    """Within 1e-6, or, under batch normalisation, within what Adam can make of rounding.

    There some gradients are 0 but for rounding (what is before a normalisation may be scaled
    freely), and Adam divides them by their own size: a weight moves at most about lr an update.
    """
    apart = pair.apart(f"{name} in float32")
    worst = max(value for key, value in apart.items() if key.startswith(PLAYERS[1]))
    weights = [v for k, v in apart.items() if k.startswith(PLAYERS) and "running" not in k]
    if name == "dcgan":
        assert max(weights) < STEPS * 2e-4
        assert sorted(weights)[len(weights) // 2] < 1e-4  # the median tensor
    else:
        assert worst < 1e-6


def test_each_process_sees_its_own_rows_of_the_one_batch(pair: Pair) -> None:
    rows = [load_file(pair.folder / str(rank) / "seen.safetensors")["seen"] for rank in range(2)]
    assert not torch.isclose(*rows).any()
    assert torch.equal(torch.cat(rows), seen())


def test_a_process_that_drifts_is_found(pair: Pair) -> None:
    """By the last bit of one weight; every process says so, so that none waits for another."""
    for rank in range(2):
        said = (pair.folder / str(rank) / "drifted.txt").read_text()
        assert "'discriminator.hidden.2.weight' of rank 1 differs from rank 0's" in said
        assert (pair.folder / str(rank) / "anyone.txt").read_text() == "True"


def test_one_process_writes(pair: Pair, tmp_path: Path) -> None:
    assert not (pair.folder / "run1").exists()
    training = Training.start(RUN, out=tmp_path / "run", device="cpu")
    for _ in training:
        pass
    together = load(pair.folder / "run0")
    assert [line["step"] for line in together.metrics()] == [5, 10, 15, 20]
    # Only the first looks; it sees what one process alone sees, to rounding.
    assert [probe.step for probe in together.probes()] == [10, 20]
    for probe, alone in zip(together.probes(), training.run.probes(), strict=True):
        assert probe.outputs is not None
        assert alone.outputs is not None
        assert probe.outputs.size == pytest.approx(alone.outputs.size, rel=1e-9)
    for ours, alone in zip(together.metrics(), training.run.metrics(), strict=True):
        assert ours["rates"] == alone["rates"]
        for player in ("generator", "discriminator"):
            assert ours[player] == pytest.approx(alone[player], abs=1e-9)


def test_a_run_of_one_process_goes_on_in_two_and_back(pair: Pair, tmp_path: Path) -> None:
    """Ten updates alone and ten together, and ten of three more alone, are the run of one."""
    whole = Training.start(replace(RUN, steps=STEPS + 5), out=tmp_path / "whole", device="cpu")
    at: dict[int, dict[str, Tensor]] = {}
    for step in whole:
        at[step.index] = {k: v.clone() for k, v in whole.state.tensors().items()}
    back = Training.resume(pair.folder / "run0", steps=STEPS + 5, device="cpu")
    resumed = Training.resume(pair.folder / "resumed", device="cpu")
    assert resumed.state.step == STEPS
    _near(resumed.state.tensors(), at[STEPS])
    for _ in back:
        pass
    _near(back.state.tensors(), at[STEPS + 5])


def _near(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.allclose(found[name], tensor, rtol=0, atol=1e-9), name


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(InputError, match="A batch of 12 cannot be shared by 5 processes"):
        State(CASES["Lazy"], device="cpu", group=Group(0, 5))


# The environment that launchers leave.


def test_launchers_are_understood() -> None:
    assert size_from_environment({}) == 1
    assert size_from_environment({"WORLD_SIZE": "4"}) == 4
    step = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_NTASKS": "8", "SLURM_PROCID": "3"}
    assert size_from_environment(step) == 8
    # One task in a job of many, as a shell in an allocation is: alone.
    assert size_from_environment({**step, "SLURM_STEP_NUM_TASKS": "1"}) == 1
    assert size_from_environment({"SLURM_NTASKS": "8"}) == 1
    assert size_from_environment({**step, "WORLD_SIZE": "2"}) == 2
    with pytest.raises(InputError, match="WORLD_SIZE is 'two'"):
        size_from_environment({"WORLD_SIZE": "two"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"WORLD_SIZE": "2"}, "gives this one the number None"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "gives this one the number 2"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "MASTER_ADDR is not set"),
        (
            {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2", "SLURM_PROCID": "1"},
            "MASTER_ADDR is not set",
        ),
    ],
)
def test_half_a_description_of_a_group_is_refused(given: dict[str, str], sentence: str) -> None:
    with (
        pytest.raises(InputError, match=sentence),
        joined(device=torch.device("cpu"), environment=given),
    ):
        pass


def test_without_a_launcher_one_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined(device=torch.device("cpu"), environment={}) as group:
        assert group == ALONE
    assert anyone(True, ALONE)
    assert not anyone(False, ALONE)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    slurm = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "5"}
    assert local_device("auto", slurm) == local_device("cuda", {"LOCAL_RANK": "1"}) == "cuda:1"
    assert local_device("cpu", slurm) == "cpu"
    assert local_device("auto", {}) == "auto"


# The command line.

TRAIN = ["train", "digits", "--batch", "16", "--set", "record_every=5", "--quiet"]


def gannets(*words: object, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gannets", *map(str, words)],
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], *, within: float = 120) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=within)
    return process.returncode, out, err


def test_two_processes_on_the_command_line(tmp_path: Path) -> None:
    """`--processes 2` is one process in all metrics, within the rounding of single precision."""
    steps = ["--steps", 20]
    words = [*TRAIN, *steps, "--processes", 2, "--out", tmp_path / "two"]
    assert ended(gannets(*words)) == (0, f"{tmp_path / 'two'}\n", "")
    recipe = replace(recipes.get("digits"), batch=16, record_every=5, steps=20)
    alone = train(recipe, out=tmp_path / "one", device="cpu")
    for two, one in zip(load(tmp_path / "two").metrics(), alone.metrics(), strict=True):
        assert two["step"] == one["step"]
        for player in ("generator", "discriminator"):
            assert two[player] == pytest.approx(one[player], abs=1e-5)
    assert not (tmp_path / "runs").exists()


def workers(process: subprocess.Popen[str]) -> dict[int, int]:
    """The process of each rank that the launcher has started."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(x for x in status.read_text().splitlines() if x.startswith("PPid:"))
            settings = (status.parent / "environ").read_bytes().split(b"\0")
        except (OSError, StopIteration):
            continue
        ranks = [int(x[5:]) for x in settings if x.startswith(b"RANK=")]
        if int(parent.split()[1]) == process.pid and ranks:
            found[ranks[0]] = int(status.parent.name)
    return found


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lines(path: Path) -> int:
    metrics = path / "metrics.jsonl"
    return metrics.read_text().count("\n") if metrics.exists() else 0


@pytest.fixture
def long(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A training of two processes that is well under way, and a checkpoint behind it."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        path = tmp_path / "run"
        cadence = ["--steps", 100_000, "--set", "checkpoint_every=20"]
        process = gannets(*TRAIN, *cadence, "--processes", 2, "--out", path, *words)
        begun.append(process)
        wait_for(lambda: lines(path) >= 6, process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_dies_stops_the_job(
    rank: int, long: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = long()
    pids = workers(process)
    assert pids.keys() == {0, 1}
    os.kill(pids[rank], signal.SIGKILL)
    code, _, err = ended(process)
    assert code == 1
    assert f"gannets: Process {rank} of 2 was ended by SIGKILL, so the others were stopped" in err
    assert f"Continue with gannets train --resume {tmp_path / 'run'}." in err
    assert err.count("\n") == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    step = int(load(tmp_path / "run").checkpoints()[-1].name)
    again = gannets("train", "--resume", tmp_path / "run", "--quiet", "--processes", 2)
    wait_for(lambda: lines(tmp_path / "run") > step // 5 + 5, again)
    again.send_signal(signal.SIGTERM)
    assert ended(again)[0] == 143


@pytest.mark.slow
def test_a_process_that_dies_is_started_again(
    long: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """From the last checkpoint, once; and the run ends as if it had never died."""
    run = tmp_path / "run"
    process = long("--max-restarts", 1)
    first = workers(process)
    os.kill(first[1], signal.SIGKILL)
    log = run / "log.txt"
    wait_for(lambda: "resumed at step" in log.read_text(), process)
    assert not any(Path(f"/proc/{pid}").exists() for pid in first.values())
    wait_for(lambda: lines(run) >= 20, process)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143
    found = load(run).metrics()
    last = found[-1]["step"]
    assert [line["step"] for line in found] == list(range(5, last + 1, 5))
    whole = gannets(*TRAIN, "--steps", last, "--processes", 2, "--out", tmp_path / "whole")
    assert ended(whole)[0] == 0
    assert load(tmp_path / "whole").metrics() == found


@pytest.mark.slow
def test_a_signal_to_the_launcher_saves(
    long: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = long()
    pids = workers(process)
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert (code, err) == (143, "")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    run = load(tmp_path / "run")
    step = int(run.checkpoints()[-1].name)
    assert f"stopped by SIGTERM at step {step}" in (run.path / "log.txt").read_text()
    state = json.loads((run.checkpoints()[-1] / "state.json").read_text())
    assert state["counters"]["step"] == step


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_once(tmp_path: Path) -> None:
    code, out, err = ended(
        gannets(*TRAIN, "--processes", 3, "--steps", 5, "--out", tmp_path / "run")
    )
    assert (code, out) == (2, "")
    assert err == (
        "gannets: A batch of 16 cannot be shared by 3 processes: choose a batch that is a "
        "multiple of 3.\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    """The line of docs/parallel.md, on the loopback."""
    words = [*TRAIN, "--steps", "10", "--device", "cpu", "--out", str(tmp_path / "run")]
    launcher = ["torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    port = ["--master-port", str(free_port())]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *port, "-m", "gannets", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'run'}\n"
    assert [line["step"] for line in load(tmp_path / "run").metrics()] == [5, 10]


@pytest.mark.slow
def test_slurm(tmp_path: Path) -> None:
    """What srun sets for two tasks, with the address that docs/parallel.md exports."""
    slurm = {"SLURM_STEP_NUM_TASKS": 2, "SLURM_NTASKS": 2, "MASTER_ADDR": "127.0.0.1"}
    slurm["MASTER_PORT"] = free_port()
    words = [*TRAIN, "--steps", 10, "--device", "cpu", "--out", tmp_path / "run"]
    tasks = [gannets(*words, SLURM_PROCID=i, SLURM_LOCALID=i, **slurm) for i in range(2)]
    assert [ended(task) for task in tasks] == [(0, f"{tmp_path / 'run'}\n", ""), (0, "", "")]


def test_a_launcher_within_a_launcher_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from gannets.cli.launch import launch

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="leave --processes out"):
        launch([], run=Path("run"), processes=2, restarts=0)
    monkeypatch.delenv("WORLD_SIZE")
    with pytest.raises(InputError, match="not 0, 0"):
        launch([], run=Path("run"), processes=0, restarts=0)


def test_a_follower_has_no_run_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gannets.cli import main

    training = Training(State(CASES["ring"], device="cpu"), None)
    with pytest.raises(StoppedError, match="Only the first process"):
        _ = training.run
    monkeypatch.setenv("RANK", "1")
    assert main(["train", "nowhere"]) == 2
    assert capsys.readouterr().err == ""
