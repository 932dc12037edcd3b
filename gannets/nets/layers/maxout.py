"""Maxout: h_i(x) = max_j z_ij,  z_ij = x^T W_ij + b_ij,  j = 1 .. pieces.

Goodfellow et al. (2013), "Maxout networks", section 3: a unit that learns its own convex,
piecewise linear activation.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Maxout", "MaxoutConv2d"]


class Maxout(nn.Module):
    """A layer of `units` maxout units, each the largest of `pieces` linear functions.

    Unit i's pieces are the rows i * pieces .. (i + 1) * pieces - 1 of `linear`.
    """

    def __init__(self, features: int, units: int, *, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, units * pieces)
        self.pieces = pieces

    def forward(self, x: Float[Tensor, "m features"]) -> Float[Tensor, "m units"]:
        """The largest piece of every unit."""
        z: Tensor = self.linear(x).unflatten(1, (-1, self.pieces))
        return z.amax(2)


class MaxoutConv2d(nn.Module):
    """A convolution of `channels` maxout channels: the largest of `pieces` at every place.

    Channel i's pieces are the channels i * pieces .. (i + 1) * pieces - 1 of `conv`.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        *,
        kernel: int,
        pieces: int,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels * pieces, kernel, stride, padding)
        self.pieces = pieces

    def forward(
        self, x: Float[Tensor, "m inputs height width"]
    ) -> Float[Tensor, "m channels rows columns"]:
        """The largest piece of every channel, place by place."""
        z: Tensor = self.conv(x).unflatten(1, (-1, self.pieces))
        return z.amax(2)
