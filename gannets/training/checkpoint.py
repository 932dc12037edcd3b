"""Checkpoints: everything that changes in a game, each in a directory that is whole or not there.

checkpoints/00001000/state.safetensors   weights, averages, optimizers, the update rule's memory
checkpoints/00001000/state.json          counters, the recipe, the SHA-256 of both files

The last few are kept, and every one that is marked the best of its kind in `best.json`.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from gannets.errors import InputError, StoppedError
from gannets.files import (
    not_finite,
    read_json,
    read_tensors,
    tidy,
    whole_directory,
    write_json,
    write_tensors,
)

__all__ = ["Best", "Checkpoint", "Checkpoints", "Damaged"]

SCHEMA = 1
DAMAGED = "damaged"
_NAME = re.compile(r"[0-9]{8,18}")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What one of them holds."""

    path: Path
    tensors: dict[str, Tensor] = field(repr=False)
    counters: dict[str, Any]
    recipe: str
    """The recipe's text, its budget of steps left open."""
    sha256: str
    """Of the tensors."""

    @property
    def step(self) -> int:
        """After which update it was taken."""
        return int(self.path.name)


@dataclass(frozen=True)
class Damaged:
    """A checkpoint that cannot be read, and why."""

    path: Path
    why: str


@dataclass(frozen=True)
class Best:
    """A checkpoint that was the best so far: its step, and the value that made it so."""

    step: int
    value: float


class Checkpoints:
    """The checkpoints of the run in the directory `run`."""

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"
        self._best = run / "best.json"

    def paths(self) -> list[Path]:
        """Their directories, oldest first."""
        folders = [p for p in self.folder.glob("[0-9]*") if _NAME.fullmatch(p.name)]
        return sorted(folders, key=lambda path: int(path.name))

    def at(self, step: int) -> Path:
        """The directory of the checkpoint after update `step`."""
        return self.folder / f"{step:08d}"

    def save(
        self, tensors: dict[str, Tensor], counters: dict[str, Any], *, recipe: str, keep: int
    ) -> Path:
        """Write a checkpoint whole, then drop those that are neither best nor of the last `keep`.

        A state that is not finite is no state to go on from: it is refused.
        """
        if (name := not_finite(tensors)) is not None:
            raise StoppedError(
                f"{name} is not finite after step {counters['step']}, so that there is nothing to "
                f"save; the last checkpoint is kept in {self.folder}; try a lower learning rate."
            )
        path = self.at(counters["step"])
        with whole_directory(path) as folder:
            digest = write_tensors(folder / "state.safetensors", tensors)
            state = {"schema": SCHEMA, "counters": counters, "recipe": recipe, "sha256": digest}
            write_json(folder / "state.json", state)
        self.prune(counters["step"], keep=keep)
        return path

    def prune(self, step: int, *, keep: int) -> None:
        """Drop those of up to `step` that are neither marked best nor of the last `keep`."""
        treasured = {best.step for best in self.best().values()}
        for old in [path for path in self.paths() if int(path.name) <= step][:-keep]:
            if int(old.name) not in treasured:
                shutil.rmtree(old)

    def load(self, path: Path) -> Checkpoint:
        """Read a checkpoint; raise `InputError` where it is not what was written."""
        state = read_json(path / "state.json", schema=SCHEMA)
        counters, recipe, sha256 = (state.get(key) for key in ("counters", "recipe", "sha256"))
        if not (isinstance(counters, dict) and isinstance(recipe, str) and isinstance(sha256, str)):
            raise InputError(f"{path / 'state.json'} is incomplete or damaged.")
        tensors = read_tensors(path / "state.safetensors", sha256=sha256)
        return Checkpoint(path, tensors, counters, recipe, sha256)

    def last(self, check: Callable[[Checkpoint], None]) -> tuple[Checkpoint | None, list[Damaged]]:
        """The last one that reads and passes `check`, and the damaged ones after it.

        None where there are none at all; where there are and none reads, raises `InputError`.
        """
        damaged: list[Damaged] = []
        for path in reversed(self.paths()):
            try:
                checkpoint = self.load(path)
                check(checkpoint)
            except InputError as error:
                damaged.append(Damaged(path, str(error)))
            else:
                return checkpoint, damaged
        if damaged:
            raise InputError(
                f"No checkpoint in {self.folder} can be gone on from. The last: {damaged[0].why}"
            )
        return None, damaged

    def tidy(self) -> None:
        """Settle what a killed process left."""
        tidy(self.folder)

    def put_aside(self, path: Path) -> Path:
        """Rename a damaged checkpoint, so that it is in nobody's way; it is never deleted."""
        number = 0
        while (aside := path.with_name(f"{DAMAGED}-{path.name}-{number}")).exists():
            number += 1
        return path.rename(aside)

    # The best so far.

    def mark_best(self, step: int, value: float, name: str) -> None:
        """Note that the checkpoint at `step` is the best so far by `name`, so that it is kept."""
        if not math.isfinite(value):
            raise InputError(f"The best {name} must be a finite number, not {value}.")
        if step not in {int(path.name) for path in self.paths()}:
            raise InputError(f"There is no checkpoint of step {step} in {self.folder} to be best.")
        marks = self._marks()
        own = [mark for mark in marks.get(name, []) if mark["step"] < step]
        marks[name] = [*own, {"step": step, "value": float(value)}]
        write_json(self._best, {"schema": SCHEMA, "marks": marks})

    def best(self) -> dict[str, Best]:
        """The best checkpoint by each name, the last that was marked."""
        return {
            name: Best(int(marks[-1]["step"]), float(marks[-1]["value"]))
            for name, marks in self._marks().items()
            if marks
        }

    def rewind(self, step: int) -> None:
        """Forget what was marked after `step`."""
        if not self._best.exists():
            return
        before = self._marks()
        marks = {n: [m for m in ms if m["step"] <= step] for n, ms in before.items()}
        if marks != before:
            write_json(self._best, {"schema": SCHEMA, "marks": marks})

    def _marks(self) -> dict[str, list[dict[str, Any]]]:
        """By each name, every checkpoint that was the best when it was marked, oldest first."""
        if not self._best.exists():
            return {}
        marks = read_json(self._best, schema=SCHEMA).get("marks")
        try:
            return {
                name: [{"step": int(m["step"]), "value": float(m["value"])} for m in own]
                for name, own in marks.items()  # type: ignore[union-attr]
            }
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise InputError(f"{self._best} is damaged: remove it to go on without.") from None
