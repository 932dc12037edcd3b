"""Transposed convolution whose bias belongs to the place: y = W^T * x + b,  b (channels, h, w)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["UntiedDeconv2d", "grid_of"]


def grid_of(side: int, *, kernel: int, stride: int) -> int:
    """The least grid from which a transposed convolution covers `side` pixels."""
    return max(0, -(-(side - kernel) // stride)) + 1


class UntiedDeconv2d(nn.Module):
    """A transposed convolution onto images of one `size`, a bias for every pixel and channel.

    A grid of n places makes stride (n - 1) + kernel pixels; what goes beyond `size` is cut off at
    the bottom and on the right. `tied_b: 0` of the 2014 authors' code: where images are centred,
    each pixel has a mean of its own. The weight is (inputs, channels, kernel, kernel), the adjoint
    of a convolution's from channels to inputs.
    """

    def __init__(
        self, inputs: int, channels: int, *, size: tuple[int, int], kernel: int, stride: int
    ) -> None:
        super().__init__()
        self.size, self.stride = size, stride
        self.grid = (
            grid_of(size[0], kernel=kernel, stride=stride),
            grid_of(size[1], kernel=kernel, stride=stride),
        )
        # As torch builds such a layer.
        self.weight = nn.ConvTranspose2d(inputs, channels, kernel, stride, bias=False).weight
        self.bias = nn.Parameter(torch.zeros(channels, *size))

    def forward(
        self, x: Float[Tensor, "m inputs rows columns"]
    ) -> Float[Tensor, "m channels height width"]:
        """The images."""
        height, width = self.size
        spread = F.conv_transpose2d(x, self.weight, stride=self.stride)
        return spread[:, :, :height, :width] + self.bias
