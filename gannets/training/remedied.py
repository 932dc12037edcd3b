"""`train`: plays a recipe, and, where that is asked for, does what a finding advises.

The run that failed ends where it is. The first remedy of its finding that has not been tried is
begun as a new run: a branch from the last checkpoint, or from the beginning where what has happened
cannot be undone.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from gannets.diagnosis import Finding
from gannets.errors import InputError, RunWarning
from gannets.training.environment import note_tried, tried_before
from gannets.training.notation import Vocabulary
from gannets.training.reading import change
from gannets.training.recipe import Recipe
from gannets.training.recorded import Training
from gannets.training.run import Run
from gannets.training.watch import OnFinding, verdict

__all__ = ["Attempts", "train"]

MOST = 3
"""Remedies that are tried in a row."""
WAYS: tuple[OnFinding, ...] = ("stop", "warn", "apply")


def train(
    recipe: Recipe,
    *,
    out: str | Path | None = None,
    device: str | torch.device = "auto",
    on_finding: str | None = None,
) -> Run:
    """Play `recipe`, recorded in the directory `out` (by default the next one below `runs/`).

    `on_finding` is what to do where a finding says that going on as before is of no use, because
    the run fails, has converged or stands still: "warn" (a `RunWarning`, once for each symptom in a
    row), "stop", or "apply": end this run and, where it failed, try the remedies, at most three in
    a row, each in a run of its own, of which the last is returned. By default it is noted in
    `log.txt` alone.
    """
    way: OnFinding | None = next((way for way in WAYS if way == on_finding), None)
    if way != on_finding:
        raise InputError(f"on_finding is {on_finding!r:.60}; valid are {', '.join(WAYS)}.")
    training, attempts = Training.start(recipe, out=out, device=device), Attempts()
    while True:
        training.watch.on_finding = way
        told = "unknown"
        for _ in training:
            if way == "warn":
                told = _warned(training.finding, told)
        following = attempts.following(training)
        if following is None:
            return training.run
        training = following


def _warned(finding: Finding | None, told: str) -> str:
    """Warn where going on is of no use and that is not what was `told` before; what is told now."""
    if finding is not None and finding.settled and verdict(finding) != told:
        warnings.warn(str(finding), RunWarning, stacklevel=3)
    return verdict(finding)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A remedy that is to be tried: what every process of a group has to know of it."""

    changes: tuple[str, ...]
    why: str
    steps: int | None
    fresh: bool
    parent: str
    out: str

    def __str__(self) -> str:
        return f"{', '.join(self.changes)} ({self.why})"


class Attempts:
    """The remedies that were tried so far. Each run that tries one notes them, so that one that is
    taken up again goes on counting.
    """

    def __init__(self, names: Vocabulary | None = None) -> None:
        self._names = names
        self._tried: list[tuple[str, ...]] = []
        self._refused: list[tuple[str, ...]] = []
        self.said = ""
        """What the last one was, in words."""

    def following(self, training: Training) -> Training | None:
        """The run that tries the next remedy of what ended `training`; None where there is none.

        Of a group of processes all call it, and the first decides.
        """
        if training.watch.on_finding != "apply" or not training.watch.heeded:
            return None
        while True:
            plan = _told(self._plan(training) if training.leads else None, training)
            if plan is None:
                return None
            try:
                begun = _begun(plan, training, self._names)
            except InputError as error:
                training.log(f"{', '.join(plan.changes)} cannot be tried: {error}")
                self._refused.append(plan.changes)
                continue
            self._tried.append(plan.changes)
            if begun.leads:
                note_tried(begun.run.path, self._tried)
            self.said = str(plan)
            training.log(f"goes on in {plan.out} with {plan}")
            begun.log(f"tries what was advised to {plan.parent}: {plan}")
            begun.watch.on_finding = "apply"
            return begun

    def _plan(self, training: Training) -> _Plan | None:
        """The first remedy that has not been tried, and where."""
        finding, run = training.finding, training.run
        before = [each for each in tried_before(run.path) if each not in self._tried]
        self._tried = before + self._tried
        if finding is None or not finding.serious or len(self._tried) >= MOST:
            return None
        passed = (*self._tried, *self._refused)
        for remedy in finding.remedies:
            fresh = remedy.fresh or not run.checkpoints()
            budget = remedy.steps or training.recipe.steps
            played_out = not fresh and training.state.step >= budget
            if remedy.changes and remedy.changes not in passed and not played_out:
                return _Plan(
                    changes=remedy.changes,
                    why=remedy.why,
                    steps=remedy.steps,
                    fresh=fresh,
                    parent=str(run.path),
                    out=str(_beside(run)),
                )
        return None


def _begun(plan: _Plan, training: Training, names: Vocabulary | None) -> Training:
    recipe, device, group = training.recipe, training.state.device, training.state.group
    for assignment in plan.changes:
        recipe = change(recipe, assignment, names)
    if plan.steps is not None:
        recipe = replace(recipe, steps=plan.steps)
    if plan.fresh:
        return Training.start(recipe, out=plan.out, device=device, names=names, group=group)
    return Training.branch(
        plan.parent, recipe, out=plan.out, device=device, names=names, group=group
    )


def _beside(run: Run) -> Path:
    """The next directory beside the run's that is not there; nothing is made yet."""
    match = re.match(r"[0-9]{5,18}-", run.path.name)
    number = int(match[0][:-1]) if match else 1
    while True:
        number += 1
        name = f"{number:05d}-{run.path.name[match.end() :]}" if match else None
        path = run.path.with_name(name or f"{run.path.name}-{number}")
        if not path.exists():
            return path


def _told(plan: _Plan | None, training: Training) -> _Plan | None:
    """What the first process says; the others say nothing."""
    group, device = training.state.group, training.state.device
    if group.alone:
        return plan
    text = list(json.dumps(asdict(plan)).encode()) if plan is not None else []
    (size,) = group.total([torch.tensor([len(text)], device=device)])
    if int(size) == 0:
        return None
    letters = torch.zeros(int(size), dtype=torch.int64, device=device)
    letters[: len(text)] = torch.tensor(text, dtype=torch.int64, device=device)
    (said,) = group.total([letters])
    found = json.loads(bytes(said.tolist()).decode())
    return _Plan(**{**found, "changes": tuple(found["changes"])})
