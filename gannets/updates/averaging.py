"""Averages of the generator's weights, whose samples are better than those of any single step's.

w_avg <- beta w_avg + (1 - beta) w,  beta = 2^(-batch / half_life).  Yazici et al. (2019); the
half-life in images and its ramp are those of Karras et al. (2020).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gannets.errors import InputError

__all__ = ["Average", "Averaged"]


@dataclass(frozen=True)
class Average:
    """An exponential moving average that forgets half in `half_life` images.

    In the beginning the half-life is at most `ramp` times the images seen so far (None: no ramp),
    so that the average does not drag the first weights along.
    """

    half_life: float
    ramp: float | None = 0.05

    def __post_init__(self) -> None:
        if self.half_life <= 0:
            raise InputError(f"Average takes a half_life > 0 images, not {self.half_life}.")
        if self.ramp is not None and self.ramp <= 0:
            raise InputError(f"Average takes a ramp > 0 or None, not {self.ramp}.")

    def beta(self, *, batch: int, images: int) -> float:
        """The weight of the past for an update of `batch` images after `images` images."""
        half_life = self.half_life
        if self.ramp is not None:
            half_life = min(half_life, images * self.ramp)
        return 0.5 ** (batch / half_life) if half_life > 0 else 0.0

    def build(self, module: nn.Module) -> Averaged:
        """The stateful twin: a copy of `module` that will hold the average."""
        return Averaged(self, module)


class Averaged:
    """The average of a module's parameters; its buffers are those of the last update."""

    def __init__(self, average: Average, module: nn.Module) -> None:
        self._average = average
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self._followed = module
        self._weights: list[Tensor] = list(module.parameters())
        self._means: list[Tensor] = list(self.module.parameters())
        self._buffers = list(self.module.buffers())

    @torch.no_grad()
    def follow(self, *, batch: int, images: int) -> None:
        """Take in the module's weights after an update of `batch` images, `images` before it."""
        if not self._means:
            return
        beta = self._average.beta(batch=batch, images=images)
        torch._foreach_lerp_(self._means, self._weights, 1.0 - beta)
        if self._buffers:
            torch._foreach_copy_(self._buffers, list(self._followed.buffers()))
