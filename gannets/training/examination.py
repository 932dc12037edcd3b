"""A run as a diagnosis sees it: the probes that were recorded, or its kept checkpoints, seen anew.

A checkpoint is a state of the game: whatever a probe sees can be seen of it afterwards. For how the
players move, ten more updates are played on from there, in memory; the run itself is only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gannets.data import Source, Table
from gannets.data.arrays import Arrays
from gannets.diagnosis import Case, Finding, Probe, diagnosed
from gannets.diagnosis.order import asks
from gannets.errors import InputError
from gannets.metrics.opened import draw, opened
from gannets.metrics.samples import Samples
from gannets.theory.densities import Density
from gannets.training.begun import APART
from gannets.training.checkpoint import Checkpoints
from gannets.training.finite import NonFiniteError
from gannets.training.layout import check
from gannets.training.prober import Prober
from gannets.training.probing import Probing
from gannets.training.recipe import Recipe
from gannets.training.state import State

__all__ = ["Examination"]

CLONES = 150
"""Updates of copies of D that are trained on demand."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Examination:
    """What there is of a run, and how to look at it."""

    path: Path
    recipe: Recipe
    store: Checkpoints
    probes: Sequence[Probe]
    """Those that were recorded."""
    device: torch.device | str = "cpu"
    seed: int = 0
    """Of all that is drawn where something is looked at anew."""

    def case(self, *, against: Any = None, copies: bool = True) -> Case:
        """The run as the rules see it. `against`: other real samples than those held out, for which
        checkpoints are looked at anew; `copies`: train copies of D where a verdict hangs on them.

        Raises `InputError` where there is nothing to look at.
        """
        if against is None and self.probes:
            case = self._case(self.probes)
        else:
            case = self._case(self._seen_anew(against))
        if copies and asks(case):
            case = self._with_copies(case, against)
        return case

    def finding(self, case: Case) -> Finding:
        """What the rules say, its remedies with a budget that leaves them something to play."""
        found = diagnosed(case)
        if found.step < self.recipe.steps:
            return found
        more = found.step + self.recipe.steps
        return replace(
            found,
            remedies=tuple(
                remedy if remedy.fresh or remedy.steps else replace(remedy, steps=more)
                for remedy in found.remedies
            ),
        )

    def _case(self, probes: Sequence[Probe]) -> Case:
        endless = isinstance(self.recipe.data, Density)
        return Case(probes=tuple(probes), recipe=self.recipe, endless=endless)

    def _prober(self, state: State, against: Any) -> Prober:
        held = None if against is None else real_side(against, state, seed=self.seed)
        probing = self.recipe.probing or Probing()
        return Prober(state, probing, held=held, seed=self.seed)

    def _seen_anew(self, against: Any) -> list[Probe]:
        """A probe of every checkpoint that is kept and whole."""
        there = self.store.paths()
        if not there:
            has = "no checkpoint" if self.probes else "neither probes nor a checkpoint"
            raise InputError(
                f"{self.path} has {has}, so that there is nothing to look at: play it on with "
                f"gannets train --resume {self.path}."
            )
        state, whole = State(self.recipe, device=self.device), list[Path]()
        for path in there:
            try:
                check(self.store.load(path), state)
                whole.append(path)
            except InputError as error:
                damage = str(error)
        if not whole:
            raise InputError(f"No checkpoint of {self.path} can be looked at. The last: {damage}")
        prober = self._prober(state, against)
        return [probe for path in whole for probe in self._look(path, state, prober)]

    def _look(self, path: Path, state: State, prober: Prober) -> list[Probe]:
        checkpoint = self.store.load(path)
        state.load(checkpoint.tensors, checkpoint.counters)
        probe = prober.probe(clones=0)
        prober.note()
        try:
            for _ in range(APART):
                state.advance()
            later = prober.probe(clones=0).outputs
        except NonFiniteError as error:
            failed = f"{error.where} ({error.player})"
            return [probe, Probe(step=state.step, n=0, failed=failed)]
        if probe.outputs is None or later is None:
            return [probe]
        moved = replace(probe.outputs, move=later.move, moved=later.moved, still=later.still)
        return [replace(probe, outputs=moved)]

    def _with_copies(self, case: Case, against: Any) -> Case:
        """The case with copies of D trained against the last checkpoint, if there is one."""
        state = State(self.recipe, device=self.device)
        try:
            checkpoint, _ = self.store.last(lambda found: check(found, state))
        except InputError:  # all are damaged: what copies would tell cannot be told
            return case
        if checkpoint is None:
            return case
        state.load(checkpoint.tensors, checkpoint.counters)
        seen = self._prober(state, against).probe(clones=CLONES)
        probes = {probe.step: probe for probe in case.probes}
        probes[seen.step] = replace(probes.get(seen.step, seen), clones=seen.clones)
        return replace(case, probes=tuple(probes[step] for step in sorted(probes)))


def real_side(thing: Any, state: State, *, seed: int) -> Source:
    """Other real samples, in the units of the game's data. Raises `InputError` where they do not
    fit.
    """
    side, data = opened(thing, "real data", seed=seed), state.recipe.data
    if side.frame is not None and isinstance(data, Table):
        samples = Samples(data.schema().encode(side.frame, strict=False), None, side.name)
    else:
        samples = draw(side, None, seed=seed)
    x, bounds = samples.x, state.space.bounds
    if tuple(x.shape[1:]) != state.space.event:
        raise InputError(
            f"{side.name} has samples of shape {tuple(x.shape[1:])}, and those of the run are "
            f"{state.space.event}: give data of that shape."
        )
    if state.space.classes is not None and samples.y is None:
        raise InputError(
            f"The run's game is conditional, and {side.name} has no labels: give labelled data."
        )
    if x.ndim == 4 and bounds is not None:
        x = (x * (bounds[1] - bounds[0]) + bounds[0]).clamp(*bounds)
    return Arrays(x, samples.y, bounds=bounds).load(seed=seed, device=state.device)
