"""The values themselves: the features that hide nothing and forgive nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.metrics.comparison import FeatureMap
from gannets.metrics.samples import Samples

__all__ = ["Pixels", "Values"]


@dataclass(frozen=True)
class Values:
    """x as a row of numbers, under a name of its own."""

    id: str = "values"
    preprocessing: str = "as given"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m d"]:
        """Flatten each sample."""
        return x.flatten(1).double()


@dataclass(frozen=True)
class Pixels:
    """The values as they are: "pixels" of images, "values" of points.

    For points of few dimensions they are the features to choose. Of images they see every change,
    also those that no one minds: a digit moved by a pixel is far from itself.
    """

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """Nothing is fitted."""
        return Values("pixels" if real.are_images else "values")
