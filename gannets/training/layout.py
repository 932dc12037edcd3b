"""What the checkpoint of a game must look like, so that a game can be loaded with it.

A file may be whole and still be another game's, or nobody's. The nets, averages and counters are
compared with those of the game; the optimizers' state with what a twin of each optimizer keeps
after an update of one small parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.files import not_finite
from gannets.game import PLAYERS, Player
from gannets.training.checkpoint import Checkpoint
from gannets.training.state import State

__all__ = ["check", "optimizer_parts"]

LARGEST = 2**62
Parts = dict[str, tuple[tuple[int, ...], torch.dtype]]


def check(checkpoint: Checkpoint, state: State) -> None:
    """Raise `InputError` where `state`, not yet played, cannot be loaded with the checkpoint."""
    where, counters = checkpoint.path, checkpoint.counters
    numbers = {key: value for key, value in counters.items() if key != "window"}
    _check_counters(numbers, state, checkpoint)
    window = counters.get("window")
    sums = checkpoint.tensors.get("window")
    if not _is_window(window, sums):
        raise InputError(f"{where} is damaged: its means of losses are none.")
    asked = {name: (tuple(t.shape), t.dtype) for name, t in state.tensors().items()}
    for player in PLAYERS:
        kept = optimizer_parts(state, player, int(numbers[f"updates.{player}"]))
        asked |= {f"optimizer.{player}.{name}": part for name, part in kept.items()}
    # The window of losses and a probe that was begun are no part of the game.
    own = {k: v for k, v in checkpoint.tensors.items() if k != "window"}
    given = {k: v for k, v in own.items() if not k.startswith("probe.")}
    for name, tensor in sorted(given.items()):  # a file has its tensors in no order
        want = asked.get(name) or _memory(state, name)
        if want is None:
            raise InputError(
                f"{where} does not fit the recipe: it holds {name}, for which there is no place."
            )
        shape, dtype = want
        if tuple(tensor.shape) != shape or tensor.dtype != dtype:
            raise InputError(
                f"{where} does not fit the recipe: its {name} is {tuple(tensor.shape)} of "
                f"{tensor.dtype}, and the recipe's is {shape} of {dtype}."
            )
    if missing := sorted(asked.keys() - given.keys()):
        raise InputError(f"{where} does not fit the recipe: it holds no {missing[0]}.")
    if (name_ := not_finite(given)) is not None:
        raise InputError(f"{where} cannot be gone on from: {name_} is not finite.")


def _check_counters(numbers: Mapping[str, Any], state: State, checkpoint: Checkpoint) -> None:
    asked = state.counters()
    for name in sorted(asked.keys() | numbers.keys()):
        value = numbers.get(name)
        if name not in asked or type(value) is not type(asked[name]) or not 0 <= value < LARGEST:
            raise InputError(f"{checkpoint.path} is damaged: its counter {name!r:.60} is wrong.")
    if numbers["step"] != checkpoint.step:
        raise InputError(f"{checkpoint.path} holds step {numbers['step']}, not that of its name.")


def _is_window(window: Any, sums: Tensor | None) -> bool:
    if not isinstance(window, dict) or window.keys() != {"count", "names"}:
        return False
    count, names = window["count"], window["names"]
    if not isinstance(count, int) or not isinstance(names, list) or count < 0:
        return False
    if not all(isinstance(name, str) for name in names):
        return False
    if sums is None:
        return count == 0
    finite = sums.dtype == torch.float32 and bool(torch.isfinite(sums).all())
    return count > 0 and sums.shape == (len(names),) and finite


def optimizer_parts(state: State, player: Player, updates: int) -> Parts:
    """What the player's optimizer keeps of each parameter after so many updates."""
    if updates == 0:
        return {}
    small = torch.zeros(2, 3)
    twin = state.recipe.optimizers[player].build([small])
    twin.load({}, updates - 1)
    twin.move([torch.zeros_like(small)])
    parts: Parts = {}
    for name, kept in twin.tensors().items():
        like = kept.shape == small.shape
        for index, parameter in enumerate(state.parameters[player]):
            shape = tuple(parameter.shape) if like else tuple(kept.shape)
            dtype = parameter.dtype if like else kept.dtype
            parts[f"{index}.{name.removeprefix('0.')}"] = (shape, dtype)
    return parts


def _memory(state: State, name: str) -> tuple[tuple[int, ...], torch.dtype] | None:
    """What an update rule remembers of a parameter is called `RULE.PLAYER.INDEX`."""
    match = re.fullmatch(r"memory\.\w+\.(generator|discriminator)\.([0-9]{1,9})", name)
    if match is None:
        return None
    parameters: Sequence[Tensor] = state.parameters[match[1]]  # type: ignore[index]
    if int(match[2]) >= len(parameters):
        return None
    parameter = parameters[int(match[2])]
    return tuple(parameter.shape), parameter.dtype
