"""What to say where memory is too small: the piece of a batch that fits, which is tried."""

from __future__ import annotations

import gc
import traceback
from dataclasses import replace

import torch

from gannets.errors import InputError, StoppedError
from gannets.game import PLAYERS
from gannets.training.state import State

__all__ = ["advice", "is_out_of_memory"]

_SAID_ON_THE_CPU = ("not enough memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was refused. On the CPU torch has no class of its own for that."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(s in str(error) for s in _SAID_ON_THE_CPU)


def advice(state: State, error: BaseException) -> StoppedError:
    """What to change, after `error`, an `is_out_of_memory`, has ended the game in `state`."""
    traceback.clear_frames(error.__traceback__)  # they hold on to what did not fit
    recipe = state.recipe
    said = f"The memory of {state.device} is too small for batches of {recipe.batch}"
    if not state.group.alone:
        return StoppedError(f"{said}: share them among more --processes, or give --micro-batch.")
    fits = _fitting(state)
    if fits is None:
        return StoppedError(f"{said}, and for smaller ones: choose smaller nets.")
    return StoppedError(
        f"{said}. Gradients in pieces of {fits} were tried and fit: add --micro-batch {fits}, "
        f"or take --batch {fits}."
    )


def _fitting(state: State) -> int | None:
    """The largest half, quarter, ... of the batch for which both gradients can be computed."""
    size = min(state.recipe.micro_batch or state.recipe.batch, state.recipe.batch)
    before, recipe = state.counters(), state.recipe
    while size > 1:
        size //= 2
        try:
            state.recipe = replace(recipe, micro_batch=size)
            for player in PLAYERS:
                state.gradient(player)
            return size
        except InputError:  # a game whose batch cannot be seen in pieces
            return None
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)
        finally:
            state.recipe = recipe
            state.draws.rewind(before)
            gc.collect()
            if state.device.type == "cuda":
                torch.cuda.empty_cache()
    return None
