"""A game that is recorded: the loop, plus a run's directory that is written as it goes."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gannets.diagnosis import Finding, Probe
from gannets.errors import RunWarning, StoppedError
from gannets.game import ALONE, PLAYERS, Group
from gannets.training.checkpoint import Checkpoint
from gannets.training.continuation import ancestor, followed, origin_of, taken_up, warmed
from gannets.training.environment import write_environment
from gannets.training.evaluation import Evaluated
from gannets.training.finite import NonFiniteError
from gannets.training.lock import Lock
from gannets.training.loop import Step, played
from gannets.training.model import Model
from gannets.training.monitor import Monitor
from gannets.training.notation import Vocabulary
from gannets.training.parallel import same_everywhere
from gannets.training.pictures import Pictures
from gannets.training.prober import Prober
from gannets.training.recipe import Recipe
from gannets.training.rollback import Rollback
from gannets.training.run import Run, model_card, new_directory
from gannets.training.state import State
from gannets.training.window import Window

__all__ = ["Training", "train"]


def train(
    recipe: Recipe,
    *,
    out: str | Path | None = None,
    device: str | torch.device = "auto",
) -> Run:
    """Play `recipe`, recorded in the directory `out` (by default the next one below `runs/`)."""
    training = Training.start(recipe, out=out, device=device)
    for _ in training:
        pass
    return training.run


class Training:
    """A game that is being recorded. Iterating over it plays on, writing the run as it goes.

    The run's directory is locked from the beginning until the last step, or until `close`. Of a
    group of processes the first writes the run, and the others play along.
    """

    def __init__(self, state: State, run: Run | None, lock: Lock | None = None) -> None:
        self.state = state
        self._run = run
        self._lock = lock
        self.recipe = state.recipe
        self.pictures = Pictures(state)
        self.line: dict[str, Any] | None = None
        """The last line of metrics."""
        self.ended: str | None = None
        """Why the game ends before its last step, where it does."""
        self.speed = 0.0
        """Updates a second since the last line of metrics."""
        evaluation = state.recipe.evaluation
        self._monitor = None if evaluation is None else Monitor(state, evaluation)
        probing = state.recipe.probing if run is not None else None
        self._prober = None if probing is None else Prober(state, probing)
        self.finding: Finding | None = None
        """What the probes so far say of the game."""
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
            training._log(f"begins in weights of step {origin['step']} of {origin['path']}")
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
            training._take_up_evaluations()
            return training
        with _kept(run):
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
                training._draw_first()
            else:
                training._save_model()
            training._take_up_evaluations()
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
        training._log(f"goes on from step {checkpoint.step} of {parent}")
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
        with _kept(run):
            training = cls(state, run, Lock(run.path))
            write_environment(
                run.path, device=state.device, fingerprint=state.source.fingerprint, parent=parent
            )
            run.log(f"started on {state.device}")
            for note in state.notes:
                run.log(note)
            training._draw_first()
        return training

    @property
    def run(self) -> Run:
        """The run's directory, which the first process of a group writes alone."""
        if self._run is None:
            raise StoppedError("Only the first process of a group has the run's directory.")
        return self._run

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self._run is not None

    @property
    def evaluated(self) -> list[Evaluated]:
        """What was measured so far, oldest first."""
        return [] if self._monitor is None else self._monitor.evaluated

    @property
    def decisive(self) -> str:
        """The estimate by which the best checkpoint is known."""
        return "" if self._monitor is None else self._monitor.key

    def __iter__(self) -> Iterator[Step]:
        rollback = Rollback(self.state, self._window)
        while True:
            try:
                yield from self._played(rollback)
                break
            except NonFiniteError as error:
                self._note_failure(error)
                note = rollback.go_back(error)
                self._since = (time.perf_counter(), self.state.step)
                for twin in (self._monitor, self._prober):
                    if twin is not None:
                        twin.rewind()
                if self.leads:
                    with _kept(self.run):
                        self.run.rewind(self.state.step)
                self._log(note)
        self._log(self.ended or f"finished at step {self.state.step}")
        self.close()

    def _played(self, rollback: Rollback) -> Iterator[Step]:
        recipe, state = self.recipe, self.state
        if state.step == 0:
            self._evaluate(rollback)
        for step in () if self.ended else played(state):
            self._window.add(step.losses)
            if step.index % recipe.record_every == 0:
                self._record()
            self._probe()
            if recipe.sample_every and step.index % recipe.sample_every == 0:
                self._draw()
            if recipe.evaluation and step.index % recipe.evaluation.every == 0:
                self._evaluate(rollback)
            if recipe.checkpoint_every and step.index % recipe.checkpoint_every == 0:
                self.save()
                rollback.remember()
            yield step
            if self.ended:
                break
        self.save()

    def save(self) -> None:
        """Write a checkpoint and the model as they are now, unless that has been done."""
        state = self.state
        if self._saved == state.step:
            return
        state.check()
        same_everywhere(state.tensors(), state.group)
        self._window.agree()
        if self.leads:
            with _kept(self.run):
                tensors = {**state.tensors(), **self._window.tensors()}
                if self._prober is not None:
                    tensors |= self._prober.tensors()
                counters = {**state.counters(), "window": self._window.counters()}
                self.run.save_checkpoint(tensors, counters)
                self._save_model()
        self._saved = state.step

    def close(self) -> None:
        """Let another process write to the run."""
        if self._lock is not None:
            self._lock.release()

    @property
    def model(self) -> Model:
        """The generator to sample from, as it is now."""
        recipe = self.recipe
        return Model(self.state.generator, recipe.nets.generator, recipe.prior, self.state.space)

    def _load(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None:
            return
        state = self.state
        state.load(checkpoint.tensors, checkpoint.counters)
        sums = checkpoint.tensors.get("window")
        sums = None if sums is None else sums.to(state.device)
        self._window.load(sums, checkpoint.counters["window"])
        if self._prober is not None:
            self._prober.load(checkpoint.tensors)
        self._saved = state.step
        self._since = (time.perf_counter(), state.step)

    def _save_model(self) -> None:
        card = model_card(self.recipe, self.state.step)
        self.model.save_pretrained(self.run.path / "model", card=card)

    def _log(self, line: str) -> None:
        if self.leads:
            with _kept(self.run):
                self.run.log(line)

    def _evaluate(self, rollback: Rollback) -> None:
        """Measure, keep the checkpoint if it is the best so far, and see whether to go on.

        What was measured is kept before the checkpoint that it makes the best: a run that is killed
        between the two makes both again.
        """
        monitor = self._monitor
        if monitor is None:
            return
        if self.leads and monitor.due:
            report = monitor.measure(self.model)
            with _kept(self.run):
                self.run.save_evaluation(self.state.step, report)
        if self._agreed(monitor.best is not None):
            self.save()
            rollback.remember()
        self._conclude(monitor)

    def _conclude(self, monitor: Monitor) -> None:
        """What follows from the last evaluation, if it is of the game as it is now."""
        if self.leads and (best := monitor.best) is not None and self._saved == self.state.step:
            with _kept(self.run):
                self.run.mark_best(self.state.step, best.value, best.key)
                card = model_card(self.recipe, self.state.step)
                self.model.save_pretrained(self.run.path / "model-best", card=card)
        why = monitor.reached
        if self._agreed(why is not None):
            self.ended = f"stopped at step {self.state.step}: {why}"

    def _probe(self) -> None:
        """Look at the game where that is due, keep what was seen, and ask what it says."""
        prober = self._prober
        if prober is None or (probe := prober.look()) is None:
            return
        with _kept(self.run):
            self.run.add_probe(probe)
        self.finding = prober.finding

    def _take_up_evaluations(self) -> None:
        """What was seen and measured before the run was left, and what follows from it."""
        if self._prober is not None:
            self._prober.probes = self.run.probes()
            self.finding = self._prober.finding
        if self._monitor is not None:
            if self.leads:
                self._monitor.evaluated = self.run.evaluations()
            self._conclude(self._monitor)

    def _agreed(self, decision: bool) -> bool:
        """What the first process has decided; the others have False."""
        if self.state.group.alone:
            return decision
        said = torch.tensor([int(decision and self.leads)], device=self.state.device)
        return bool(self.state.group.total([said])[0])

    def _draw_first(self) -> None:
        self.pictures.save_reals(self.run.path / "samples" / "reals.png")
        self._draw()

    def _draw(self) -> None:
        if self.leads:
            with _kept(self.run):
                self.pictures.save(self.run.path / "samples" / f"{self.state.step:06d}.png")

    def _record(self) -> None:
        self.state.check()
        if not self.state.group.alone:
            same_everywhere(self.state.tensors(), self.state.group)
        means = self._window.means()
        self._stop_unless_finite(means)
        line: dict[str, Any] = {"step": self.state.step}
        for player in PLAYERS:
            prefix = f"{player} "
            line[player] = {
                k.removeprefix(prefix): v for k, v in means.items() if k.startswith(prefix)
            }
        line["rates"] = {player: self.state.movers[player].rates() for player in PLAYERS}
        if self.leads:
            with _kept(self.run):
                self.run.record(line)
        self.line = line
        now = time.perf_counter()
        before, step = self._since
        self.speed = (self.state.step - step) / max(now - before, 1e-9)
        self._since = (now, self.state.step)

    def _note_failure(self, error: NonFiniteError) -> None:
        """Keep, as a probe, that the game's numbers ceased to be finite, and where that began."""
        if self._prober is None or self.recipe.rollbacks:
            return
        probe = Probe(step=self.state.step, n=0, failed=f"{error.where} ({error.player})")
        with _kept(self.run):
            self.run.add_probe(probe)

    def _stop_unless_finite(self, means: dict[str, float]) -> None:
        for player in PLAYERS:
            for name, mean in means.items():
                if name.startswith(player) and not math.isfinite(mean):
                    half = self.state.movers[player].rates().get("lr", 0.0) / 2
                    raise StoppedError(
                        f"The loss {name!r} became {mean} before step {self.state.step}. The last "
                        "checkpoint is kept; try a lower learning rate: "
                        f"--set optimizers.{player}.lr={half:g}."
                    )


@contextmanager
def _kept(run: Run) -> Iterator[None]:
    """A disk that is full or gone stops the run; what was saved before is whole."""
    try:
        yield
    except OSError as error:
        raise StoppedError(
            f"{error.filename or run.path} cannot be written ({error.strerror or error}); the "
            f"last checkpoint is kept in {run.store.folder}: make room, then resume {run.path}."
        ) from error
