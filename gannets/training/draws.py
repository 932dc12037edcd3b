"""Fresh batches: where each lies in the streams of random numbers, and this process's share of it.

A draw is a place, not numbers: it can be made again, for a batch that is seen in pieces and for an
update that is played once more to find where it failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gannets.data import Source
from gannets.game import ALONE, PLAYERS, Batch, Group, Net, Stream
from gannets.training.device import in_precision
from gannets.training.recipe import Recipe

__all__ = ["Draw", "Draws"]

STREAMS = ("latent", "terms", "views", *PLAYERS)
"""The players' own streams are for what their nets draw: dropout masks."""


class Draw(NamedTuple):
    """A fresh batch of all processes: where it is in the streams, its size, its data (if any)."""

    number: int
    size: int
    rows: tuple[Tensor, Tensor | None] | None
    step: int
    """How many updates the player whose turn it is has made."""


class Draws:
    """The batches of a game, of data from `source` and of latents from the recipe's prior."""

    def __init__(
        self, recipe: Recipe, source: Source, group: Group, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._recipe, self._source, self._group = recipe, source, group
        self._device, self._dtype = device, dtype
        self.random = {name: Stream(recipe.seed, name, device) for name in STREAMS}
        self._made = 0
        self._of_data = 0

    def next(self, m: int, step: int, *, data: bool) -> Draw:
        """The place of a fresh batch in every stream, and its data."""
        rows: tuple[Tensor, Tensor | None] | None = None
        if data:
            x, y = self._source.batch(self._of_data, m)
            rows = x.to(self._dtype), y
            self._of_data += 1
        self._made += 1
        return Draw(self._made - 1, m, rows, step)

    def batch(self, draw: Draw, generator: Net, piece: Group = ALONE) -> Batch:
        """This process's share of a draw, or a piece of it, and what `generator` makes of it."""
        recipe, group = self._recipe, self._group
        share = Group(group.rank * piece.size + piece.rank, group.size * piece.size)
        for stream in self.random.values():
            stream.at(draw.number, share=share)
        views = self.random["views"]
        real: tuple[Tensor, ...] = ()
        labels = None
        if draw.rows is not None:
            x, y = draw.rows
            labels = share.share(y) if recipe.joint.conditional and y is not None else None
            real = recipe.joint.real(share.share(x), labels, views, draw.step)
        z = recipe.prior(draw.size // share.size, self.random["latent"]).to(self._dtype)
        with in_precision(recipe.precision, self._device):
            fake = recipe.joint.fake(generator, z, labels, views, draw.step)
        return Batch(real, fake, z, labels, draw.step, self.random["terms"], group)

    def counters(self) -> dict[str, int]:
        """What a checkpoint holds: all random numbers are functions of these."""
        return {"draws": self._made, "real_draws": self._of_data}

    def rewind(self, counters: Mapping[str, Any]) -> None:
        """Place all streams where `counters` were taken."""
        self._made, self._of_data = counters["draws"], counters["real_draws"]
