"""A training from its first word to its last: begun, shown while it lasts, concluded."""

from __future__ import annotations

import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console

from gannets.cli.choice import Chosen
from gannets.cli.display import Lines, Quiet, Terminal, View
from gannets.cli.interruption import Interruption
from gannets.cli.words import clock, command, count, itemised, speed
from gannets.errors import InputError, RunWarning
from gannets.game import PLAYERS, Group, Losses, Players
from gannets.metrics.report import figure
from gannets.training import Training
from gannets.training.device import resolve_device
from gannets.training.memory import advice, is_out_of_memory
from gannets.training.notation import Vocabulary
from gannets.training.parallel import anyone, joined, local_device
from gannets.training.remedied import Attempts
from gannets.training.watch import OnFinding

__all__ = ["branched", "play", "resumed", "started"]


class Place(NamedTuple):
    """Where this process plays: on which device, and in which group."""

    device: torch.device
    group: Group

    @classmethod
    @contextmanager
    def joined(cls, device: str) -> Iterator[Place]:
        """The device of that name, which is there, and the group that a launcher describes."""
        where = resolve_device(local_device(device))
        with joined(device=where) as group:
            yield cls(where, group)


def started(chosen: Chosen, *, out: str | None, place: Place) -> Training:
    """A new run."""
    with _warned():
        return Training.start(
            chosen.recipe, out=out, device=place.device, names=chosen.names, group=place.group
        )


def resumed(path: str, *, names: Vocabulary | None, steps: int | None, place: Place) -> Training:
    """A run taken up where it was left."""
    with _warned():
        return Training.resume(
            path, steps=steps, device=place.device, names=names, group=place.group
        )


def branched(parent: str, chosen: Chosen, *, out: str | None, place: Place) -> Training:
    """A new run, of a recipe that was changed, that goes on where `parent` was left."""
    return Training.branch(
        parent,
        chosen.recipe,
        out=out,
        device=place.device,
        names=chosen.names,
        group=place.group,
    )


@contextmanager
def _warned() -> Iterator[None]:
    """Say what there is to be said of a run, a line each, on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RunWarning)
        yield
    for warning in caught:
        if issubclass(warning.category, RunWarning):
            print(f"gannets: {warning.message}", file=sys.stderr)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def play(
    training: Training,
    *,
    code: str | None,
    quiet: bool,
    compile: bool = False,
    on_finding: OnFinding = "warn",
    names: Vocabulary | None = None,
) -> int:
    """Play `training` to its end or to a signal, and then what it advises, if that is to be
    applied; `code` is the .py file its own classes are in, `names` are those.
    """
    attempts = Attempts(names)
    while True:
        training.watch.on_finding = on_finding
        stopped = _play(training, code=code, quiet=quiet, compile=compile)
        failed = training.watch.heeded and training.finding is not None and training.finding.serious
        following = None if stopped else attempts.following(training)
        if following is None:
            return stopped or int(failed)
        if not quiet and training.leads:
            said = f"{training.run.path} ended; what it advises is tried: {attempts.said}"
            print(f"\n{said}\n", flush=True)
        training = following


def _play(training: Training, *, code: str | None, quiet: bool, compile: bool) -> int:
    """Play one run; the exit code is that of the signal that stopped it, if one did."""
    quiet, stopped = quiet or not training.leads, False
    console = Console(highlight=False)
    say = Console(highlight=False, soft_wrap=True, markup=False)
    if not quiet:
        _introduce(say, training)
    begun, first = time.perf_counter(), training.state.step
    losses: Players[Losses] | None = None
    with Interruption() as interruption, _explained(training, first):
        if compile:
            training.state.compile_gradients()
        with _view(console, training, quiet=quiet) as view:
            for step in training:
                losses = step.losses
                view()
                if anyone(interruption.signal is not None, training.state.group):
                    stopped = True
                    break
        if stopped:
            training.save()
            if training.leads:
                training.run.log(f"stopped by {interruption.name} at step {training.state.step}")
    if quiet and training.leads:
        print(training.run.path)
    elif training.leads:
        seconds = time.perf_counter() - begun
        _conclude(say, training, losses, first=first, seconds=seconds, code=code)
    return interruption.code if stopped else 0


def _view(console: Console, training: Training, *, quiet: bool) -> View:
    if quiet:
        return Quiet()
    live = sys.stdout.isatty() and console.is_terminal and not console.is_dumb_terminal
    return Terminal(console, training) if live else Lines(console, training)


@contextmanager
def _explained(training: Training, first: int) -> Iterator[None]:
    """Say what ended a training from outside; a run that never began leaves nothing behind."""
    path = training.run.path if training.leads else Path()
    try:
        yield
    except InputError:
        if (
            training.leads
            and first == 0
            and training.state.step == 0
            and not training.run.checkpoints()
        ):
            shutil.rmtree(path)
        raise
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise advice(training.state, error) from error


def _introduce(say: Console, training: Training) -> None:
    recipe, state = training.recipe, training.state
    sizes = state.players.map(lambda net: count(sum(p.numel() for p in net.parameters())))
    rows = {
        "run": str(training.run.path),
        "recipe": f"{recipe.name}, {recipe.steps:,} steps of {recipe.batch}, seed {recipe.seed}",
        "data": " ".join(str(recipe.data).split()),
        "players": f"generator {sizes.generator} parameters, discriminator {sizes.discriminator}",
        "device": f"{_device(state.device)}, {recipe.precision}",
    }
    if state.step:
        rows["resumed"] = f"at step {state.step:,}"
    _table(say, rows)
    say.print()


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"{device} ({threads} thread{'s' * (threads > 1)})"


def _conclude(
    say: Console,
    training: Training,
    losses: Players[Losses] | None,
    *,
    first: int,
    seconds: float,
    code: str | None,
) -> None:
    """Where everything is, and what to type next."""
    run, recipe, state = training.run, training.recipe, training.state
    finished, steps = state.step >= recipe.steps, state.step - first
    rows = {} if training.watch.ended is None else {"ended": training.watch.ended}
    rows |= {
        "done" if finished else "stopped": f"step {state.step:,} of {recipe.steps:,}; "
        f"{steps:,} steps in {clock(seconds)}, {speed(steps / max(seconds, 1e-9))}"
    }
    line = training.line or (vars(losses) if losses else None)
    if line is not None:
        rows |= {f"{player}'s loss": itemised(line[player]) for player in PLAYERS}
    rows |= _measured(training)
    if training.finding is not None and training.finding.state != "unknown":
        rows["verdict"] = training.finding.symptom
    pictures = sorted(p for p in (run.path / "samples").glob("*.png") if p.stem.isdigit())
    if pictures:
        rows["samples"] = str(pictures[-1])
        rows["data"] = str(run.path / "samples" / "reals.png")
    rows["model"] = str(run.path / "model")
    if (run.path / "metrics.jsonl").exists():
        rows["metrics"] = str(run.path / "metrics.jsonl")
    say.print()
    _table(say, rows)
    say.print("\nnext")
    own: list[str | Path] = ["--recipe", code] if code else []
    more: list[str | Path] = ["--steps", str(2 * recipe.steps)] if finished else []
    n = "100" if len(state.space.event) == 3 else "2000"
    for words in (
        command("sample", run.path, "--n", n, *own),
        command("eval", run.path, *own),
        command("diagnose", run.path, *own),
        command("show", run.path, *own),
        command("train", "--resume", run.path, *more, *own),
    ):
        say.print(f"  {words}", style="bold")


def _measured(training: Training) -> dict[str, str]:
    """What was measured last, and where the best model is."""
    rows: dict[str, str] = {}
    if not training.watch.evaluated:
        return rows
    step, report = training.watch.evaluated[-1]
    if len(report):
        first = next(iter(report))
        floor = "" if first.floor is None else f", a perfect generator's {figure(first.floor)}"
        rows[f"at {step:,}"] = f"{first.name} {figure(first.value)}{floor}"
    for name, best in training.run.best().items():
        folder = training.run.path / "model-best"
        rows["best"] = f"{name} {figure(best.value)} at step {best.step:,}: {folder}"
    return rows


def _table(say: Console, rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        say.print(f"{name:<{width}}  {value}")
