"""Ctrl-C and SIGTERM: what was learned is kept, and the run goes on as if never stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gannets import load
from gannets.cli.interruption import Interruption

Done = tuple[int, str, str]
PROGRAM = "import sys; from gannets.cli import main; sys.exit(main(sys.argv[1:]))"
LONG = ["train", "digits", "--steps", "100000", "--batch", "16", "--set", "record_every=10"]


def started(path: Path) -> subprocess.Popen[str]:
    """A training that is well under way."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *LONG, "--out", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = path / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.exists() and metrics.read_text().count("\n") >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGUSR1, 138, "SIGUSR1"),
    ],
)
def test_the_first_signal_saves(
    number: signal.Signals, code: int, name: str, tmp_path: Path, gannets: Callable[..., Done]
) -> None:
    path = tmp_path / "run"
    with started(path) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")
    run = load(path)
    step = int(run.checkpoints()[-1].name)
    assert step >= 30
    assert f"stopped               step {step:,} of 100,000" in out
    assert f"gannets train --resume {path}\n" in out
    assert f"stopped by {name} at step {step}" in (path / "log.txt").read_text()

    # Cut short where it can be reached soon, and compared with a run that nobody stopped.
    text = (path / "recipe.txt").read_text()
    (path / "recipe.txt").write_text(text.replace("steps=100000", f"steps={step + 20}"))
    assert gannets("train", "--resume", path, "--quiet")[0] == 0
    whole = [*LONG, "--steps", step + 20, "--out", "whole", "--quiet"]
    assert gannets(*whole)[0] == 0
    assert load(path).metrics() == load("whole").metrics()
    assert torch.equal(load(path).sample(8), load("whole").sample(8))


def test_the_second_signal_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stop, Interruption() as interruption:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert interruption.signal == signal.SIGINT
        assert interruption.code == 130
        signal.raise_signal(signal.SIGTERM)
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_training_is_no_traceback(
    gannets: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("gannets.recipes.names", interrupted)
    assert gannets("recipes") == (130, "", "gannets: Stopped.\n")
