"""Where a game is played, and how precisely its nets compute there."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from gannets.errors import InputError

__all__ = ["Float32", "in_precision", "resolve_device"]


def resolve_device(device: str | torch.device) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, or Apple's MPS, or the CPU."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["auto", "cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise InputError(
            f"There is no device {str(device)!r} here: use {' or '.join(there)}."
        ) from error
    return chosen


def in_precision(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Where nets are asked: under autocast for "bfloat16", as they are for the others."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


class Float32:
    """A net under autocast: it computes in half precision, and what it says is single."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.judges_alone = getattr(module, "judges_alone", False)
        self.draws_random = getattr(module, "draws_random", False)

    def __call__(self, *inputs: Tensor) -> Tensor:
        output: Tensor = self._module(*inputs)
        return output.float()
