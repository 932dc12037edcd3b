"""A known density as data: there is no end to its samples, and no two epochs are alike."""

from __future__ import annotations

import hashlib
import sys
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gannets.data.source import Rows
from gannets.errors import InputError, unknown
from gannets.game.stream import Stream
from gannets.theory.densities import Density

__all__ = ["DensitySource"]

_BLOCK = 4096
_SPLITS = ("train", "validation", "test")


class DensitySource:
    """Independent samples of `density`, afresh at each step: a function of (seed, split, step, m).

    They are drawn on the CPU whatever the device, so that a run sees the same points on all of
    them. `rows` and `first` read another endless sequence, fixed by (seed, split).
    """

    endless = True
    bounds = None
    classes = None

    def __init__(
        self, density: Density, *, seed: int, device: torch.device, split: str = "train"
    ) -> None:
        if split not in _SPLITS:
            raise unknown("split", split, _SPLITS)
        self.density = density
        self.shape: tuple[int, ...] = (density.dimension,)
        self.device = device
        self._fresh = Stream(seed, f"data/{split}")
        self._fixed = Stream(seed, f"data/{split}/fixed")

    def __len__(self) -> int:
        return sys.maxsize

    def check(self, m: int) -> None:
        if m < 1:
            raise InputError(f"A batch of {m} holds nothing: choose a batch of 1 or more.")

    def batch(self, step: int, m: int) -> Rows:
        self.check(m)
        return self._sample(self._fresh.at(step), m), None

    def rows(self, indices: Int[Tensor, " m"]) -> Rows:
        blocks, within = torch.div(indices.cpu(), _BLOCK, rounding_mode="floor"), indices.cpu()
        needed, which = torch.unique(blocks, return_inverse=True)
        x = torch.stack([self._sample(self._fixed.at(int(block)), _BLOCK) for block in needed])
        return x[which.to(self.device), (within % _BLOCK).to(self.device)], None

    def first(self, n: int) -> Rows:
        self.check(n)
        parts = [self._sample(self._fixed.at(b), _BLOCK) for b in range(-(-n // _BLOCK))]
        return torch.cat(parts)[:n], None

    def all(self) -> Rows:
        raise InputError(f"{self.density!r} has no end: ask for the first n samples.")

    @cached_property
    def mean(self) -> Float[Tensor, "*event"]:
        """Mean of the first 65,536 samples, for the nets that start there."""
        return self.first(1 << 16)[0].mean(0)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the density's text."""
        return hashlib.sha256(repr(self.density).encode()).hexdigest()

    def _sample(self, stream: Stream, n: int) -> Tensor:
        return self.density.sample(
            n, generator=stream.generator, dtype=torch.float32, device=self.device
        )
