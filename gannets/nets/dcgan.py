"""Deep convolutional nets for images of any size. Radford et al. (2016), section 3 and figure 1.

Strided convolutions and no pooling; batch normalisation, but not on G's output and D's input; ReLU
in G, leaky ReLU in D; weights N(0, 0.02^2), gains N(1, 0.02^2). Each stage doubles the side:
4x4x1024, 8x8x512, 16x16x256, 32x32x128, 64x64x3 for `DCGAN(width=128, kernel=5)`, the paper's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, cast

from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.activation import LEAKY_SLOPE
from gannets.nets.initialisation import Init, NormalInit
from gannets.nets.inputs import check_call, check_image
from gannets.nets.layers import ClassConcat, ConditionalBatchNorm2d, Projection, spectral
from gannets.nets.output import Output, check_logit, check_output

__all__ = ["DCGAN", "DCGANDiscriminator", "DCGANGenerator"]

Layer = TypeVar("Layer", bound=nn.Module)
BASE = 4  # the side from which images are grown, about
WIDEST = 8  # the most that a stage is wider than `width`


@dataclass(frozen=True)
class DCGAN:
    """A convolutional net, for images of any height, width and number of channels.

    With classes, G's batch normalisation is conditional (a G without it sees e(y) behind z), and D
    has a projection.
    """

    width: int = 64
    """Channels at half the image's side; twice as many each time it halves, up to 8 times that."""
    kernel: int = 4
    """Side of the convolutions: 5 in the paper, 4 in most code after it."""
    batch_norm: bool = True
    """Off in a critic with a gradient penalty, where each sample must be judged by itself."""
    spectral_norm: bool = False
    """Miyato et al. (2018): normalise all weights. Without batch_norm in D, this is SNGAN's."""
    output: str = "auto"
    """Of the generator: auto, linear, tanh or sigmoid, see `gannets.nets.output.Output`."""
    init: Init = NormalInit(0.02)
    """Of weights and biases."""

    def __post_init__(self) -> None:
        check_output(self.output)
        if self.width < 1:
            raise InputError(f"DCGAN.width must be at least 1, not {self.width}.")
        if self.kernel < 2:
            raise InputError(
                f"DCGAN.kernel must be at least 2, not {self.kernel}: with stride 2, a smaller one "
                "skips pixels."
            )

    def generator(self, space: Space) -> DCGANGenerator:
        """G: z, (m, latent), to images, (m, channels, height, width)."""
        return DCGANGenerator(self, space)

    def discriminator(self, space: Space) -> DCGANDiscriminator:
        """D: images, (m, channels, height, width), to logits, (m,)."""
        return DCGANDiscriminator(self, space)


class DCGANGenerator(nn.Module):
    """The generator that a `DCGAN` describes."""

    def __init__(self, net: DCGAN, space: Space) -> None:
        super().__init__()
        channels, height, width = check_image(space, "DCGAN")
        self.latent, self.classes = space.latent, space.classes
        sizes = _sizes(height, width)
        widths = _widths(net.width, len(sizes) - 1)
        inputs = space.latent
        self.condition = None
        if space.classes is not None and not net.batch_norm:
            self.condition = ClassConcat(space.classes, space.latent)
            inputs += space.latent
        self.base_shape = (widths[0], *sizes[0])
        # A bias before batch normalisation would be subtracted with the mean.
        bias = not net.batch_norm
        self.base = _begun(net, nn.Linear(inputs, math.prod(self.base_shape), bias=bias))
        outputs = (*widths[1:], channels)
        self.stages = nn.ModuleList()
        self.norms = nn.ModuleList()
        for large, before, after in zip(sizes[1:], widths, outputs, strict=True):
            self.norms.append(_norm(net, before, space.classes))
            padding, extra = _padding(large, net.kernel)
            last = len(self.stages) == len(widths) - 1
            stage = nn.ConvTranspose2d(
                before, after, net.kernel, 2, padding, extra, bias=bias or last
            )
            self.stages.append(_begun(net, stage))
        self.output = Output(net.output, space.bounds, net="DCGAN")

    def forward(
        self, z: Float[Tensor, "m latent"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, "m channels height width"]:
        """Images made of z (and of classes y)."""
        check_call(z, y, shape=(self.latent,), classes=self.classes, net="The generator DCGAN")
        h = z if self.condition is None else self.condition(z, y)
        h = self.base(h).reshape(len(z), *self.base_shape)
        for norm, stage in zip(self.norms, self.stages, strict=True):
            h = norm(h, y) if isinstance(norm, ConditionalBatchNorm2d) else norm(h)
            h = stage(h.relu())
        return cast(Tensor, self.output(h))


class DCGANDiscriminator(nn.Module):
    """The discriminator that a `DCGAN` describes."""

    def __init__(self, net: DCGAN, space: Space) -> None:
        super().__init__()
        check_logit(net.output, "DCGAN")
        channels, height, width = check_image(space, "DCGAN")
        self.event, self.classes = (channels, height, width), space.classes
        sizes = _sizes(height, width)[::-1]
        widths = (channels, *_widths(net.width, len(sizes) - 1)[::-1])
        layers: list[nn.Module] = []
        for large, (before, after) in zip(sizes[:-1], pairwise(widths), strict=True):
            normed = net.batch_norm and bool(layers)  # not on D's input
            padding, _ = _padding(large, net.kernel)
            conv = nn.Conv2d(before, after, net.kernel, 2, padding, bias=not normed)
            layers.append(_begun(net, conv))
            if normed:
                layers.append(_norm(net, after, None))
            layers.append(nn.LeakyReLU(LEAKY_SLOPE))
        self.judges_alone = not any(isinstance(layer, nn.BatchNorm2d) for layer in layers)
        self.features = nn.Sequential(*layers, nn.Flatten())
        h = widths[-1] * math.prod(sizes[-1])
        self.last = _begun(net, nn.Linear(h, 1))
        self.projection = None
        if space.classes is not None:
            self.projection = Projection(space.classes, h)
            self.projection.embedding = _begun(net, self.projection.embedding)

    def forward(
        self, x: Float[Tensor, "m channels height width"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, " m"]:
        """Logits of x (given classes y) being data."""
        check_call(x, y, shape=self.event, classes=self.classes, net="The discriminator DCGAN")
        h = self.features(x)
        logits: Tensor = self.last(h).flatten()
        return logits if self.projection is None else logits + self.projection(h, y)


def _begun(net: DCGAN, layer: Layer) -> Layer:
    """The layer with its weights as they begin."""
    net.init(layer)
    return spectral(layer) if net.spectral_norm else layer


def _norm(net: DCGAN, channels: int, classes: int | None) -> nn.Module:
    if not net.batch_norm:
        return nn.Identity()
    if classes is not None:
        return ConditionalBatchNorm2d(channels, classes)
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight, 1.0, 0.02)
    return norm


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """The sizes of the image from the base to the whole: each half the next, rounded up.

    There are as many as bring the geometric mean of the sides closest to 4, and at least two.
    """
    stages = max(1, round(math.log2(height * width / BASE**2) / 2))
    sizes = [(height, width)]
    for _ in range(stages):
        sizes.insert(0, ((sizes[0][0] + 1) // 2, (sizes[0][1] + 1) // 2))
    return sizes


def _widths(width: int, stages: int) -> tuple[int, ...]:
    """Channels from the base on, what G's last convolution reads last."""
    return tuple(width * min(2**stage, WIDEST) for stage in reversed(range(stages)))


def _padding(size: tuple[int, int], kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding p and output padding q that take ceil(n / 2) to n exactly, for both sides of `size`.

    A transposed convolution of stride 2 makes 2 (k - 1) + kernel - 2 p + q of k. With the same p, a
    convolution takes n to ceil(n / 2): the two are adjoint.
    """
    high, wide = (kernel - 2 + n % 2 for n in size)  # what 2 (k - 1) + kernel has too much
    padding = ((high + 1) // 2, (wide + 1) // 2)
    return padding, (2 * padding[0] - high, 2 * padding[1] - wide)
