"""Random convolutions: an untrained net as the eye of a measurement, with nothing to download.

A net of random weights already answers to edges, textures and where they are (Jarrett et al. 2009;
Saxe et al. 2011), and prefers no data set. Its weights are those of a stream of our own, integers
scaled by powers of two and one square root, so that they are the same bits on every machine; their
SHA-256 is checked whenever they are drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.samples import Samples

__all__ = ["RandConv", "RandConvFeatures"]

SEED = 2
FIRST, SECOND = 16, 32
"""Channels of the two layers."""
GRID = 4
PLACES = 64
"""Numbers that say where, out of SECOND x GRID x GRID by a random projection."""
TEXTURE = 8.0
"""How much a number that says how rough counts against one that says where."""
SMALLEST = 4
LEVELS = 1 << 16
AT_ONCE = 100
SHA256 = "970ef6041541e9bd15b91950b818cb503842fd6dc87f3210acfe49d9f11ffaf7"
"""Of the integers drawn, for up to 4 channels of images."""


@dataclass(frozen=True)
class RandConv:
    """64 numbers for what is where and 48 for how rough it is, of images of any size from 4x4.

    h1 = ReLU(w1 * (2x - 1)), h2 = ReLU(w2 * mean of 2x2 of h1), 3x3 kernels, edges repeated. The
    mean of h2 over a grid of 4x4 cells, projected at random, says where; the standard deviations of
    h1 and h2 over the image, channel by channel, say how rough.
    """

    def build(self, real: Samples, *, device: torch.device) -> RandConvFeatures:
        """Draw the weights, and check that they are the ones that version 1 has."""
        if not real.are_images or min(real.event[1:]) < SMALLEST:
            raise InputError(
                f"randconv:1 sees images of {SMALLEST}x{SMALLEST} pixels and more, and "
                f"{real.name} have shape {real.event}: choose `pixels` or `pca:32`."
            )
        integers = _integers(max(4, real.event[0]))
        drawn = hashlib.sha256()
        for each in (integers[0][:4], *integers[1:]):
            drawn.update(each.numpy().astype("<u2").tobytes())
        if drawn.hexdigest() != SHA256:
            raise InputError(
                "The weights of randconv:1 come out otherwise with this version of torch "
                f"(SHA-256 {drawn.hexdigest()[:8]}, not {SHA256[:8]}): its numbers would be "
                "another metric's. Choose other features, such as pca:32, and please report it."
            )
        # Apple's GPUs know no double precision.
        dtype = torch.float32 if device.type == "mps" else torch.float64
        first, second, places = (each.to(device, dtype) for each in _weights(*integers))
        return RandConvFeatures(_mixed(first, real.event[0]), second, places)


@dataclass(frozen=True, eq=False)
class RandConvFeatures:
    """The two layers and the projection, where they compute."""

    first: Float[Tensor, "16 channels 3 3"]
    second: Float[Tensor, "32 16 3 3"]
    places: Float[Tensor, "512 64"]
    id: str = "randconv:1"
    preprocessing: str = "[0,1] to [-1,1]"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: Float[Tensor, "m c h w"]) -> Float[Tensor, "m 112"]:
        """See images."""
        return torch.cat([self._see(part) for part in x.split(AT_ONCE)])

    def _see(self, x: Tensor) -> Tensor:
        x = x.to(self.first.device, self.first.dtype)
        fine = _layer(2 * x - 1, self.first)
        coarse = _layer(F.avg_pool2d(fine, 2, ceil_mode=True), self.second)
        where = F.adaptive_avg_pool2d(coarse, GRID).flatten(1) @ self.places
        rough = [h.flatten(2).std(2, correction=0) for h in (fine, coarse)]
        return torch.cat([where, *(TEXTURE * each for each in rough)], 1).double().cpu()


def _layer(x: Tensor, weight: Tensor) -> Tensor:
    return F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight))


def _integers(channels: int) -> tuple[Int64[Tensor, "channels 16 9"], Tensor, Tensor]:
    """What is drawn: whole numbers below 2^16. Those of a channel are the same for any number."""
    stream = Stream(SEED, "randconv/1")
    first = [stream.at(j).integers(LEVELS, FIRST * 9) for j in range(channels)]
    stream = Stream(SEED, "randconv/1/second")
    second = stream.integers(LEVELS, SECOND * FIRST * 9)
    places = stream.at(1).integers(LEVELS, SECOND * GRID * GRID * PLACES)
    return torch.stack(first).reshape(channels, FIRST, 9), second, places


def _weights(first: Tensor, second: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Uniform weights that keep variances: 2 / inputs before a ReLU, 1 / outputs in the last."""

    def uniform(integers: Tensor, variance: float) -> Tensor:
        # Exact: odd whole numbers of 17 bits, over a power of two.
        return (2 * integers + 1 - LEVELS).double() / LEVELS * math.sqrt(3 * variance)

    return (
        uniform(first, 2 / 9),
        uniform(second, 2 / (9 * FIRST)).reshape(SECOND, FIRST, 3, 3),
        uniform(places, 1 / PLACES).reshape(SECOND * GRID * GRID, PLACES),
    )


def _mixed(first: Tensor, channels: int) -> Tensor:
    """The kernels of the first layer for so many channels, of one variance in all."""
    kernels = first[:channels].transpose(0, 1).reshape(FIRST, channels, 3, 3)
    return kernels / math.sqrt(channels)
