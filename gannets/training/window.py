"""Means of the losses since the last line of metrics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gannets.game import PLAYERS, Group, Losses, Players

__all__ = ["Window"]


class Window:
    """Sums of the losses since the last line of metrics, kept on the device."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.count = 0
        self._names: list[str] = []
        self._sums: Tensor | None = None

    def add(self, losses: Players[Losses]) -> None:
        values = [*losses.generator.values(), *losses.discriminator.values()]
        stacked = torch.stack(values)
        if self._sums is None:
            self._names = [f"{player} {name}" for player in PLAYERS for name in losses[player]]
            self._sums = stacked
        else:
            self._sums += stacked
        self.count += 1

    def means(self) -> dict[str, float]:
        """The means over updates and processes, and begin anew."""
        assert self._sums is not None
        mean = self._group.mean(self._sums / self.count)
        means = dict(zip(self._names, mean.tolist(), strict=True))
        self.count, self._sums = 0, None
        return means

    def agree(self) -> None:
        """Make the sums so far everybody's mean, so that one process can save them."""
        if self._sums is not None:
            self._sums = self._group.mean(self._sums)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of the window."""
        return {} if self._sums is None else {"window": self._sums}

    def counters(self) -> dict[str, Any]:
        """The rest of it."""
        return {"count": self.count, "names": self._names}

    def load(self, sums: Tensor | None, counters: dict[str, Any]) -> None:
        """Take up a window that was left open."""
        self._sums = sums
        self.count = int(counters["count"])
        self._names = [str(name) for name in counters["names"]]
