"""The spaces the nets map between."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Space"]


@dataclass(frozen=True, eq=False)
class Space:
    """What a net must know of data and prior to be built: G maps latent (x classes) to event."""

    event: tuple[int, ...]
    """Shape of one sample: (features,) or (channels, height, width)."""
    latent: int
    """Dimension of z."""
    classes: int | None = None
    """Number of classes where the joint is conditional, else None."""
    bounds: tuple[float, float] | None = None
    """The interval that holds every value of the data by construction (images), or None."""
    mean: Tensor | None = None
    """Mean of the training data, of the event's shape."""
