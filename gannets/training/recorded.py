"""A game that is recorded: the loop, plus a run's directory that is written as it goes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from gannets.diagnosis import Finding
from gannets.errors import RunWarning, StoppedError
from gannets.game import ALONE, Group
from gannets.training.checkpoint import Checkpoint
from gannets.training.continuation import ancestor, followed, origin_of, taken_up, warmed
from gannets.training.environment import write_environment
from gannets.training.finite import NonFiniteError
from gannets.training.line import line_of
from gannets.training.lock import Lock
from gannets.training.loop import Step, played
from gannets.training.notation import Vocabulary
from gannets.training.parallel import same_everywhere
from gannets.training.recipe import Recipe
from gannets.training.recorder import Recorder, kept
from gannets.training.rollback import Rollback
from gannets.training.run import Run, new_directory
from gannets.training.state import State
from gannets.training.watch import Watch
from gannets.training.window import Window

__all__ = ["Training"]


class Training:
    """A game that is being recorded. Iterating over it plays on, writing the run as it goes.

    The run's directory is locked from the beginning until the last step, or until `close`. Of a
    group of processes the first writes the run, and the others play along.
    """

    def __init__(self, state: State, run: Run | None, lock: Lock | None = None) -> None:
        self.state = state
        self._lock = lock
        self.recipe = state.recipe
        self._writes = Recorder(run, state)
        self.pictures = self._writes.pictures
        self.line: dict[str, Any] | None = None
        """The last line of metrics."""
        self.speed = 0.0
        """Updates a second since the last line of metrics."""
        self.watch = Watch(state, self._writes)
        """What is seen of the game, what was measured, and whether that ends it."""
        self._window = Window(state.group)
        self._saved = -1
        self._since = (time.perf_counter(), state.step)

    @classmethod
    def start(
        cls,
        recipe: Recipe,
        *,
        out: str | Path | None = None,
        device: str | torch.device = "auto",
        names: Vocabulary | None = None,
        group: Group = ALONE,
    ) -> Training:
        """A new run of `recipe`. Nothing is written before data and nets are known to fit."""
        state = State(recipe, device=device, group=group)
        origin = warmed(state)
        training = cls._begin(state, out=out, names=names, parent=origin)
        if origin is not None:
            training.log(f"begins in weights of step {origin['step']} of {origin['path']}")
            training.save()  # from here on the other run is not needed
        return training

    @classmethod
    def resume(
        cls,
        path: str | Path,
        *,
        steps: int | None = None,
        device: str | torch.device = "auto",
        names: Vocabulary | None = None,
        group: Group = ALONE,
    ) -> Training:
        """Take up the run in `path` at its last checkpoint; `steps` gives it a larger budget.

        Whatever stands in the way of equal bits is refused, or said in a `RunWarning`.
        """
        run = Run(path, names=names)
        recipe = run.recipe if steps is None else run.extended(steps)
        if group.rank > 0:
            state = State(recipe, device=device, group=group)
            training = cls(state, None)
            training._load(followed(run, state))
            training._take_up()
            return training
        with kept(run):
            lock = Lock(run.path)
            state = State(recipe, device=device, group=group)
            checkpoint, notes = taken_up(run, state)
            training = cls(state, run, lock)
            training._load(checkpoint)
            run.rewind(state.step)
            run.extend(recipe.steps)
            for note in notes:
                run.log(note)
                warnings.warn(note, RunWarning, stacklevel=2)
            run.log(f"resumed at step {state.step} on {state.device}")
            if checkpoint is None:
                training._writes.draw_first()
            else:
                training._writes.save_model()
            training._take_up()
        return training

    @classmethod
    def branch(
        cls,
        parent: str | Path,
        recipe: Recipe,
        *,
        out: str | Path | None = None,
        device: str | torch.device = "auto",
        names: Vocabulary | None = None,
        group: Group = ALONE,
    ) -> Training:
        """A new run, of another recipe, that goes on from the last checkpoint of the run `parent`.

        The parent is only read. What it is, is noted in the new run's `environment.json`.
        """
        state = State(recipe, device=device, group=group)
        before = Run(parent, names=names)
        checkpoint = ancestor(before, state)
        state.load(checkpoint.tensors, checkpoint.counters)
        origin = origin_of(before, checkpoint)
        training = cls._begin(state, out=out, names=names, parent=origin)
        training.log(f"goes on from step {checkpoint.step} of {parent}")
        training.save()  # from here on it is resumed from its own
        return training

    @classmethod
    def _begin(
        cls,
        state: State,
        *,
        out: str | Path | None,
        names: Vocabulary | None,
        parent: dict[str, Any] | None = None,
    ) -> Training:
        if state.group.rank > 0:
            return cls(state, None)
        path = Path(out) if out is not None else new_directory("runs", state.recipe.name)
        run = Run.create(path, state.recipe, names=names)
        with kept(run):
            training = cls(state, run, Lock(run.path))
            write_environment(
                run.path, device=state.device, fingerprint=state.source.fingerprint, parent=parent
            )
            run.log(f"started on {state.device}")
            for note in state.notes:
                run.log(note)
            training._writes.draw_first()
        return training

    @property
    def run(self) -> Run:
        """The run's directory, which the first process of a group writes alone."""
        if self._writes.run is None:
            raise StoppedError("Only the first process of a group has the run's directory.")
        return self._writes.run

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self._writes.run is not None

    @property
    def finding(self) -> Finding | None:
        """What the probes so far say of the game."""
        return self.watch.finding

    def __iter__(self) -> Iterator[Step]:
        rollback = Rollback(self.state, self._window, self.watch.prober)
        while True:
            try:
                yield from self._played(rollback)
                break
            except NonFiniteError as error:
                if not self._taken_back(rollback, error):
                    break
        self.log(self.watch.ended or f"finished at step {self.state.step}")
        self.close()

    def _played(self, rollback: Rollback) -> Iterator[Step]:
        recipe, state = self.recipe, self.state
        if state.step == 0:
            self._evaluate(rollback)
        self.watch.heed()
        for step in () if self.watch.ended else played(state):
            self._window.add(step.losses)
            if step.index % recipe.record_every == 0:
                self._record()
            self.watch.look()
            if recipe.sample_every and step.index % recipe.sample_every == 0:
                self._writes.draw()
            if recipe.evaluation and step.index % recipe.evaluation.every == 0:
                self._evaluate(rollback)
            if recipe.checkpoint_every and step.index % recipe.checkpoint_every == 0:
                self.save()
                rollback.remember()
            yield step
            if self.watch.ended:
                break
        self.save()

    def _taken_back(self, rollback: Rollback, error: NonFiniteError) -> bool:
        """Go back to what was last saved; where that was done enough, raise, or end the game."""
        try:
            note = rollback.go_back(error)
        except NonFiniteError:
            self.watch.note_failure(error)
            if self.watch.ended is None:
                raise
            return False
        self._since = (time.perf_counter(), self.state.step)
        self.watch.rewind()
        self._writes.rewind()
        self.log(note)
        return True

    def save(self) -> None:
        """Write a checkpoint and the model as they are now, unless that has been done."""
        state = self.state
        if self._saved == state.step:
            return
        state.guard.left_out()
        same_everywhere(state.tensors(), state.group)
        self._window.agree()
        if self.leads:
            tensors = {**state.tensors(), **self._window.tensors()}
            if self.watch.prober is not None:
                tensors |= self.watch.prober.begun.tensors()
            counters = {**state.counters(), "window": self._window.counters()}
            self._writes.checkpoint(tensors, counters)
        self._saved = state.step

    def close(self) -> None:
        """Let another process write to the run."""
        if self._lock is not None:
            self._lock.release()

    def log(self, line: str) -> None:
        """Add a dated line to the run's log, where this process writes it."""
        self._writes.log(line)

    def _load(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None:
            return
        state = self.state
        state.load(checkpoint.tensors, checkpoint.counters)
        sums = checkpoint.tensors.get("window")
        sums = None if sums is None else sums.to(state.device)
        self._window.load(sums, checkpoint.counters["window"])
        if self.watch.prober is not None:
            self.watch.prober.begun.load(checkpoint.tensors)
        self._saved = state.step
        self._since = (time.perf_counter(), state.step)

    def _evaluate(self, rollback: Rollback) -> None:
        """Measure, keep the checkpoint if it is the best so far, and see whether to go on.

        What was measured is kept before the checkpoint that it makes the best: a run that is killed
        between the two makes both again.
        """
        if self.watch.measure():
            self.save()
            rollback.remember()
        self.watch.conclude(saved=self._saved)

    def _take_up(self) -> None:
        self.watch.take_up(self._writes.run, saved=self._saved)

    def _record(self) -> None:
        self.state.guard.left_out()
        if not self.state.group.alone:
            same_everywhere(self.state.tensors(), self.state.group)
        line = line_of(self.state, self._window.means())
        self._writes.line(line)
        self.line = line
        now = time.perf_counter()
        before, step = self._since
        self.speed = (self.state.step - step) / max(now - before, 1e-9)
        self._since = (now, self.state.step)
