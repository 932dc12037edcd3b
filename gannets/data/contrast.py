"""Global contrast normalisation of images: each has mean 0 and one length.

x' = scale (x - mean(x)) / |x - mean(x)|,  over all pixels and channels of an image: its own mean
and Euclidean norm, so that no other image enters. Goodfellow et al. (2014) train on CIFAR-10 so,
with scale 55: pixels then have a standard deviation of 55 / sqrt(3072), very nearly 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.data.checks import check_bounds
from gannets.data.source import Bounds, Data, TensorSource
from gannets.errors import InputError

__all__ = ["GlobalContrast"]

SMALLEST = 1e-8
"""A length below which an image is flat, and stays as it is but for its mean."""


@dataclass(frozen=True)
class GlobalContrast:
    """The images of `data`, each with mean 0 and Euclidean norm `scale`.

    The brightness and the contrast of an image are lost, so that there is no way back. `bounds` are
    what pictures and metrics take for black and white: 4 standard deviations at scale 55 and 3,072
    values, within which lie 99.98 % of CIFAR-10's; what lies beyond is drawn, and measured, as
    black or white. Nets see every value as it is. Whatever `bounds` the pixels of `data` are scaled
    to, the result is the same but for rounding.
    """

    data: Data
    scale: float = 55.0
    bounds: Bounds = (-4.0, 4.0)

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise InputError(f"GlobalContrast takes a scale > 0 (55 in 2014), not {self.scale}.")
        if not isinstance(self.data, Data):
            raise InputError(
                f"GlobalContrast takes data such as File(...), not a {type(self.data).__name__}."
            )

    @property
    def split(self) -> str | None:
        """That of `data`."""
        return getattr(self.data, "split", None)

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The images on `device`, as floats."""
        source = self.data.load(seed=seed, device=device)
        if source.endless or len(source.shape) != 3:
            raise InputError(
                f"GlobalContrast is for images (channels, height, width), and {self.data!s:.60} "
                f"has samples of shape {source.shape}."
            )
        x, y = source.all()
        for part in x.split(4096):  # in place: the images are there once
            part.copy_(normalised(part, self.scale))
        return TensorSource(x, y, seed=seed, bounds=self.bounds, classes=source.classes)

    def on(self, split: str) -> GlobalContrast:
        """Another split of `data`, likewise."""
        return replace(self, data=self.data.on(split))


def normalised(
    x: Float[Tensor, "n channels height width"], scale: float
) -> Float[Tensor, "n channels height width"]:
    """Each image with mean 0 and norm `scale`, computed in double precision."""
    centred = x.double() - x.double().mean((1, 2, 3), keepdim=True)
    norms = torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True)
    # The 2014 authors' library divides by norm / scale unless that is below 1e-8.
    flat = norms / scale < SMALLEST
    return (centred * torch.where(flat, 1.0, scale / norms)).to(x.dtype)
