"""The convolutional discriminator of Goodfellow et al. (2014): maxout, pooling and dropout.

h_l = pool(maxout(conv(dropout(h_{l-1})))), then dense maxout layers, logit = w^T dropout(h) + b.
The numbers are those of the authors' code for CIFAR-10, whose layers are those of Goodfellow et al.
(2013), "Maxout networks": convolutions of stride 1, and pools that cover the whole image, so that
the last ones of a row may reach over its end (sides 32, 33, 16, 15, 7, 9, 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.initialisation import Init, UniformInit
from gannets.nets.inputs import check_call, check_image, check_positive
from gannets.nets.layers import ClassConcat, Dropout, MaxoutConv2d
from gannets.nets.layers.dropout import check_keep
from gannets.nets.maxout import judging_layers
from gannets.nets.mlp import class_width

__all__ = ["MaxoutCNN", "MaxoutConvDiscriminator", "MaxoutStage"]


@dataclass(frozen=True)
class MaxoutStage:
    """A maxout convolution of stride 1, and the largest of each pool of its places."""

    channels: int
    kernel: int
    padding: int = 0
    pool: int = 1
    stride: int = 1
    """Of the pools; at most their side."""

    def __post_init__(self) -> None:
        for field in ("channels", "kernel", "pool", "stride"):
            if getattr(self, field) < 1:
                raise InputError(f"MaxoutStage.{field} must be at least 1: {getattr(self, field)}.")
        if not 0 <= self.padding < self.kernel:
            raise InputError(
                f"MaxoutStage.padding is from 0 to the kernel less 1, not {self.padding}: beyond, "
                "places would see nothing."
            )
        if self.stride > self.pool:
            raise InputError(
                f"MaxoutStage(pool={self.pool}, stride={self.stride}) leaves places out: take a "
                "stride of at most the pool."
            )


CIFAR10 = (
    MaxoutStage(32, kernel=8, padding=4, pool=4, stride=2),
    MaxoutStage(32, kernel=8, padding=3, pool=4, stride=2),
    MaxoutStage(192, kernel=5, padding=3, pool=2, stride=2),
)


@dataclass(frozen=True)
class MaxoutCNN:
    """A discriminator of images: maxout convolutions, dense maxout layers, dropout before each."""

    stages: tuple[MaxoutStage, ...] = CIFAR10
    conv_pieces: int = 2
    """Pieces of each convolution's channels."""
    units: tuple[int, ...] = (500,)
    """Maxout units of each dense layer."""
    pieces: int = 5
    """Linear pieces of each of these."""
    keep: tuple[float, float] = (0.8, 0.5)
    """The share of D's input that dropout keeps, and the share of every later layer's input."""
    init: Init = UniformInit(0.005)
    """Of weights and biases."""

    def __post_init__(self) -> None:
        if not self.stages or not all(isinstance(stage, MaxoutStage) for stage in self.stages):
            raise InputError("MaxoutCNN takes stages=(MaxoutStage(...), ...), at least one.")
        check_positive("MaxoutCNN.units", self.units)
        for field in ("conv_pieces", "pieces"):
            if getattr(self, field) < 1:
                raise InputError(f"MaxoutCNN.{field} must be at least 1: {getattr(self, field)}.")
        if len(self.keep) != 2:
            raise InputError(
                f"MaxoutCNN.keep takes two shares, of the input and of the others, not {self.keep}."
            )
        for share in self.keep:
            check_keep(share, "Each share in MaxoutCNN.keep")

    def discriminator(self, space: Space) -> MaxoutConvDiscriminator:
        """D: x, (m, channels, height, width), to logits, (m,)."""
        return MaxoutConvDiscriminator(self, space)


class CoveringPool(nn.Module):
    """The largest of each `pool` x `pool` places, in steps of `stride`, until all are covered."""

    def __init__(self, pool: int, stride: int) -> None:
        super().__init__()
        self.pool, self.stride = pool, stride

    def forward(self, x: Float[Tensor, "m c h w"]) -> Float[Tensor, "m c rows columns"]:
        """A pool is no larger than the image."""
        sides = min(self.pool, x.shape[2]), min(self.pool, x.shape[3])
        return F.max_pool2d(x, sides, self.stride, ceil_mode=True)

    def extra_repr(self) -> str:
        return f"pool={self.pool}, stride={self.stride}"


class MaxoutConvDiscriminator(nn.Module):
    """The discriminator that a `MaxoutCNN` describes. It draws its masks: see `layers.attach`."""

    judges_alone = True
    draws_random = True

    def __init__(self, net: MaxoutCNN, space: Space) -> None:
        super().__init__()
        check_image(space, "MaxoutCNN")
        self.event, self.classes = tuple(space.event), space.classes
        of_input, of_hidden = net.keep
        self.input = Dropout(of_input)
        self.convolutions = _convolutions(net, space.event[0])
        shape = _through(self.convolutions, self.event)
        width = math.prod(shape)
        self.condition = None
        if space.classes is not None:
            self.condition = ClassConcat(space.classes, class_width(space.classes))
            width += class_width(space.classes)
        self.hidden, self.last = judging_layers(
            width, units=net.units, pieces=net.pieces, keep=of_hidden, init=net.init
        )

    def forward(
        self, x: Float[Tensor, " m *event"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, " m"]:
        """Logits of x (given classes y) being data."""
        check_call(x, y, shape=self.event, classes=self.classes, net="The discriminator MaxoutCNN")
        h = self.convolutions(self.input(x)).flatten(1)
        # Behind the dropout: the class is always told.
        h = h if self.condition is None else self.condition(h, y)
        logits: Tensor = self.last(self.hidden(h)).flatten()
        return logits


def _convolutions(net: MaxoutCNN, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage in net.stages:
        layer = MaxoutConv2d(
            channels,
            stage.channels,
            kernel=stage.kernel,
            pieces=net.conv_pieces,
            padding=stage.padding,
        )
        net.init(layer.conv)
        layers += [layer, CoveringPool(stage.pool, stage.stride), Dropout(net.keep[1])]
        channels = stage.channels
    return nn.Sequential(*layers)


def _through(convolutions: nn.Sequential, event: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that one image comes out in."""
    try:
        with torch.no_grad():
            shape = tuple(convolutions.eval()(torch.zeros(1, *event)).shape[1:])
    except RuntimeError as error:
        raise InputError(
            f"MaxoutCNN has a kernel larger than what is left of images of {event[1]} x {event[2]} "
            "where it comes: take smaller kernels, smaller pools, or fewer stages."
        ) from error
    convolutions.train()  # as it was built
    return shape
