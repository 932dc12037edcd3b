"""Tables as features: their encoding, in which a column counts as much as another."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gannets.errors import InputError
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.features.pixels import Values
from gannets.metrics.samples import Samples

__all__ = ["Tabular"]


@dataclass(frozen=True)
class Tabular:
    """The encoded rows: numeric columns standardised by the reference, categories one-hot.

    The encoding is made where the table is read (`Samples.x` of a table is encoded), once for both
    sides, so that nothing is left to be done here. Refuses what is no table.
    """

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """Nothing is fitted."""
        if real.frame is None:
            raise InputError(
                f"tabular:1 sees the rows of tables, and {real.name} are none: choose `auto`."
            )
        return Values("tabular:1", "numbers standardised by the reference, categories one-hot")
