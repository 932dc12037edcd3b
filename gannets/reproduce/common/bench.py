"""Where a reproduction works: its directory, seed and device, and trainings that can be resumed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from gannets.errors import InputError, StoppedError
from gannets.files import read_json, write_json
from gannets.game import Stream
from gannets.reproduce.common.sittings import hours
from gannets.training import Recipe, Run, Training
from gannets.training.device import resolve_device

__all__ = ["Bench", "Halted"]

SCHEMA = 1
T = TypeVar("T")
Watch = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and how far it goes."""


class Halted(StoppedError):
    """A reproduction was stopped from outside. The message says what of it is kept."""


def _nobody(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def _never() -> bool:
    """Nobody stops it."""
    return False


@dataclass(frozen=True)
class Bench:
    """What a reproduction is given to work with."""

    path: Path
    """Its directory, made when something is kept in it: figures, the report."""
    runs: Path | None = None
    """Where trained runs are kept, for all reproductions that need them; by default in `path`."""
    seed: int = 0
    device: str = "auto"
    watch: Watch = field(default=_nobody, repr=False, compare=False)
    halted: Callable[[], bool] = field(default=_never, repr=False, compare=False)
    """Whether somebody wants it to stop."""
    taken: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    """What it has among the runs so far, by name, and the hours that went into that before."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InputError(f"The seed is a whole number from 0, not {self.seed}.")
        # Refused before anything is done.
        resolve_device(self.device)
        _check(self.path, "--out")
        _check(self._home(), "--runs")

    def stream(self, name: str) -> Stream:
        """Random numbers for one purpose, a function of the seed and the purpose's name."""
        return Stream(self.seed, name)

    def figure(self, name: str) -> Path:
        """Where a figure of that name is saved."""
        return self.folder() / name

    def folder(self) -> Path:
        """The directory, now there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be made: {error.strerror}.") from None
        return self.path

    def go_on(self) -> None:
        """Raise `Halted` where somebody wants it to stop."""
        if self.halted():
            if not self.taken:
                raise Halted("Stopped; nothing of it is kept, and the same command begins anew.")
            raise Halted(
                f"Stopped; kept in {self._home()}: {', '.join(self.taken)}. The same command takes "
                "them up, and does the rest anew."
            )

    def train(self, name: str, recipe: Recipe) -> Run:
        """The run `name` of those kept: played to its last step, from where it was left.

        A run that is there already is taken up, bit for bit, and one that is finished is only
        read, so that a reproduction that was stopped goes on when it is asked for again. The
        recipe's seed is the bench's. Raises `InputError` where the run there has another recipe.
        """
        return self._run(
            name, recipe, lambda path, own: Training.start(own, out=path, device=self.device)
        )

    def branch(self, name: str, recipe: Recipe, *, parent: Run) -> Run:
        """The run `name`, which goes on from the last checkpoint of `parent` by another recipe.

        Else as `train`; the updates of `parent` count among the recipe's steps.
        """
        return self._run(
            name,
            recipe,
            lambda path, own: Training.branch(parent.path, own, out=path, device=self.device),
        )

    def kept(self, name: str, of: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `work` gives, a JSON object: done once, and kept as `name.json` beside the runs.

        `of` says in words all that it is made of. Where that differs from what was kept, or where
        what was kept is damaged, the work is done anew.
        """
        path = self._home() / f"{self._named(name)}.json"
        if path.is_file():
            with suppress(InputError):
                kept = read_json(path, schema=SCHEMA)
                if kept["of"] == of:
                    self.taken.setdefault(path.name, kept["seconds"] / 3600)
                    return dict(kept["found"])
        begun = time.perf_counter()
        found = work()
        seconds = time.perf_counter() - begun
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"schema": SCHEMA, "of": of, "found": found, "seconds": seconds})
        self.taken.setdefault(path.name, 0.0)
        return found

    def _home(self) -> Path:
        return (self.runs or self.path / "trained").absolute()

    def _named(self, name: str) -> str:
        return f"{name}-seed{self.seed}" if self.seed else name

    def _run(self, name: str, recipe: Recipe, begin: Callable[[Path, Recipe], Training]) -> Run:
        recipe = replace(recipe, seed=self.seed)
        path = self._home() / self._named(name)
        if not (path / "recipe.txt").is_file():
            training = begin(path, recipe)
            self.taken.setdefault(path.name, 0.0)
            return self._played(name, training)
        run = Run(path)
        if str(replace(run.recipe, steps=recipe.steps)) != str(recipe):
            raise InputError(
                f"{path} holds a run of another recipe: give another directory with --runs, or "
                "move it away."
            )
        if run.recipe.steps > recipe.steps:
            raise InputError(
                f"{path} was played for {run.recipe.steps:,} steps, more than the {recipe.steps:,} "
                "asked for: give another directory with --runs."
            )
        self.taken.setdefault(path.name, hours(run))
        kept = run.checkpoints()
        if kept and int(kept[-1].name) == recipe.steps:
            return run
        return self._played(name, Training.resume(path, steps=recipe.steps, device=self.device))

    def _played(self, name: str, training: Training) -> Run:
        for step in training:
            self.watch(f"training {name}", step.index, training.recipe.steps)
            if self.halted():
                training.save()
                training.run.log(f"stopped at step {step.index}")
                training.close()
                raise Halted(f"Stopped at step {step.index:,} of {name}: it goes on from there.")
        return training.run

    def each(self, what: str, items: Iterable[T], total: int) -> Iterator[T]:
        """`items`, watched: for long work that is no training. Raises `Halted` where asked to."""
        for i, item in enumerate(items):
            self.watch(what, i, total)
            self.go_on()
            yield item
        self.watch(what, total, total)


def _check(path: Path, option: str) -> None:
    """Refuse a directory that cannot be made or written to. Nothing is made."""
    place = path.absolute()
    there = next(each for each in (place, *place.parents) if os.path.exists(each))
    if not there.is_dir():
        raise InputError(
            f"{path} cannot be a directory, for {there} is a file: give another with {option}."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} cannot be written to: give another directory with {option}.")
