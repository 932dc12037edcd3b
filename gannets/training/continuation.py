"""Where a run goes on from: its last checkpoint that is whole, is its own, and saw the same data.

A run that is resumed continues bit for bit, so whatever would change its bits is refused here, or,
where it cannot be helped, said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game import PLAYERS, Player
from gannets.training.checkpoint import Checkpoint
from gannets.training.environment import describe, differences, read_environment
from gannets.training.layout import check, optimizer_parts
from gannets.training.notation import show
from gannets.training.reading import read
from gannets.training.recipe import Recipe
from gannets.training.run import Run, unbounded
from gannets.training.state import State

__all__ = ["ancestor", "followed", "origin_of", "taken_up", "warmed"]


def taken_up(run: Run, state: State) -> tuple[Checkpoint | None, list[str]]:
    """The checkpoint to resume `run` from in `state`, and what there is to be said about it.

    None where the run was killed before its first. Damaged checkpoints after it are put aside. Of a
    group of processes this is the first's part; the others have theirs in `followed`.
    """
    environment = read_environment(run.path)
    notes = _environment(run, state, environment)
    run.store.tidy()

    def own(checkpoint: Checkpoint) -> None:
        _same_recipe(run, checkpoint)
        check(checkpoint, state)

    checkpoint, damaged = run.store.last(own)
    if checkpoint is None and (environment or {}).get("parent"):
        raise InputError(
            f"{run.path} was stopped before it had a checkpoint of its own: begin it again from "
            f"its parent, {environment['parent']['path']}."  # type: ignore[index]
        )
    for each in damaged:
        aside = run.store.put_aside(each.path)
        notes.append(
            f"The checkpoint {each.path.name} of {run.path} cannot be used and is put aside as "
            f"{aside.name}; the run goes on from {checkpoint.step if checkpoint else 0}. {each.why}"
        )
    _tell(-1 if checkpoint is None else checkpoint.step, state)
    return checkpoint, notes


def followed(run: Run, state: State) -> Checkpoint | None:
    """The checkpoint that the first process of the group has taken up."""
    step = _tell(0, state)
    return None if step < 0 else run.store.load(run.store.at(step))


def _tell(step: int, state: State) -> int:
    """What the first process says; the others say 0."""
    return int(state.group.total([torch.tensor([step], device=state.device)])[0])


def ancestor(parent: Run, state: State) -> Checkpoint:
    """The last whole checkpoint of `parent`, if a run of another recipe can go on from it."""
    checkpoint, damaged = parent.store.last(lambda checkpoint: None)
    if checkpoint is None:
        raise InputError(f"{parent.path} has no checkpoint to go on from: resume it first.")
    if damaged:
        raise InputError(f"The last checkpoint of {parent.path} is damaged: {damaged[0].why}")
    checkpoint = _adapted(checkpoint, parent.recipe, state)
    check(checkpoint, state)
    if state.recipe.steps <= checkpoint.step:
        raise InputError(
            f"{parent.path} is at step {checkpoint.step}, so that a budget of "
            f"{state.recipe.steps} steps leaves nothing to play: give a larger --steps."
        )
    return checkpoint


def _adapted(checkpoint: Checkpoint, before: Recipe, state: State) -> Checkpoint:
    """The checkpoint as the other recipe of a branch can take it up. Nets have to fit.

    An average that the other recipe adds begins in the generator's weights. Moments of an optimizer
    of another kind, an average or a memory that it has no use for, are left behind: an optimizer
    whose moments do not fit begins afresh.
    """
    tensors = dict(checkpoint.tensors)
    began = any(name.startswith("average.") for name in tensors)
    if state.averaged and not began:
        start = len("generator.")
        for name in [name for name in tensors if name.startswith("generator.")]:
            tensors[f"average.{name[start:]}"] = tensors[name].clone()
    elif began and not state.averaged:
        tensors = {k: v for k, v in tensors.items() if not k.startswith("average.")}
    if type(before.update) is not type(state.recipe.update):
        tensors = {k: v for k, v in tensors.items() if not k.startswith("memory.")}
    for player in PLAYERS:
        prefix = f"optimizer.{player}."
        kept = {k for k in tensors if k.startswith(prefix)}
        asked = optimizer_parts(state, player, int(checkpoint.counters[f"updates.{player}"]))
        if kept != {f"{prefix}{name}" for name in asked}:  # zeros are a start
            tensors = {k: v for k, v in tensors.items() if k not in kept}
            tensors |= {
                f"{prefix}{name}": torch.zeros(shape, dtype=dtype)
                for name, (shape, dtype) in asked.items()
            }
    return dataclasses.replace(checkpoint, tensors=tensors)


def origin_of(parent: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    """What a run's `environment.json` says of the checkpoint that it was begun from."""
    return {
        "path": str(parent.path.absolute()),
        "step": checkpoint.step,
        "sha256": checkpoint.sha256,
    }


def warmed(state: State) -> dict[str, Any] | None:
    """Let `state`, not yet played, begin as its recipe's `warm_start` says, if it says so.

    Returns what that run was, as `origin_of` does. Raises `InputError` where there is no such run,
    or where its nets do not fit.
    """
    warm = state.recipe.warm_start
    if warm is None:
        return None
    parent = Run(warm.run)
    checkpoint, damaged = parent.store.last(lambda checkpoint: None)
    if checkpoint is None:
        raise InputError(f"{parent.path} has no checkpoint to begin in: resume it first.")
    if damaged:
        raise InputError(f"The last checkpoint of {parent.path} is damaged: {damaged[0].why}")
    for player in PLAYERS:
        if (part := warm.part(player)) is not None:
            _take_over(state, player, part, checkpoint)
    if state.averaged:
        state.averaged.module.load_state_dict(state.players.generator.state_dict())
    return origin_of(parent, checkpoint)


def _take_over(state: State, player: Player, part: str, checkpoint: Checkpoint) -> None:
    """Let the part of a player that is called `part` begin as the checkpoint's player."""
    try:
        module = state.players[player].get_submodule(part)
    except AttributeError:
        there = ", ".join(name for name, _ in state.players[player].named_children())
        raise InputError(
            f"The {player} has no part {part!r} for a warm start: it has {there}; '' is all of it."
        ) from None
    prefix = f"{player}."
    given = {
        name.removeprefix(prefix): tensor
        for name, tensor in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    own = module.state_dict()
    for name in sorted(own.keys() | given.keys()):
        if _shape(own, name) != _shape(given, name):
            raise InputError(
                f"The warm start does not fit: {name} of the {player} in {checkpoint.path} is "
                f"{_shape(given, name)}, and that of the recipe's {part or player} is "
                f"{_shape(own, name)}."
            )
    module.load_state_dict(given)


def _shape(tensors: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(tensors[name].shape)) if name in tensors else "not there"


def _environment(run: Run, state: State, begun: dict[str, Any] | None) -> list[str]:
    if begun is None:
        return [
            f"{run.path / 'environment.json'} cannot be read: whether data and machine are those "
            f"that the run was begun with is not known."
        ]
    if begun.get("data_sha256") != state.source.fingerprint:
        raise InputError(
            f"The data of {run.path} are not those that it was begun with (their SHA-256 is "
            f"another): put those back, or begin a new run from it with --set data=..."
        )
    changed = differences(begun, describe(state.device))
    if not changed:
        return []
    return [f"{run.path} was begun elsewhere ({changed}): equal bits are not promised."]


def _same_recipe(run: Run, checkpoint: Checkpoint) -> None:
    """The recipe of the run is the one that the checkpoint was played by, but for its budget."""
    now = unbounded(run.recipe)
    if checkpoint.recipe == now:
        return
    try:
        before = read(checkpoint.recipe, run.names)
    except InputError:
        before = None
    if isinstance(before, Recipe) and show(before) == now:
        return  # written before recipes had all the fields that they have now
    field = _first_difference(before, run.recipe) if isinstance(before, Recipe) else "a field"
    raise InputError(
        f"{run.path / 'recipe.txt'} is not what the run was played by: {field} was changed; "
        f"put it back, or begin a new run from this one with --set."
    )


def _first_difference(before: object, now: object, where: str = "") -> str:
    """The path of the first field that differs, as --set has it: `optimizers.generator.lr`."""
    if dataclasses.is_dataclass(now) and type(before) is type(now):
        for f in dataclasses.fields(now):
            old, new = getattr(before, f.name), getattr(now, f.name)
            if show(old) != show(new) and (where or f.name != "steps"):
                return _first_difference(old, new, f"{where}.{f.name}".lstrip("."))
    if isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now):
        for i, (old, new) in enumerate(zip(before, now, strict=True)):
            if show(old) != show(new):
                return _first_difference(old, new, f"{where}[{i}]")
    return f"{where} ({show(before)!s:.60} -> {show(now)!s:.60})"
