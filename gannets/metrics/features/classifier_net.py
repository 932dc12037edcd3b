"""The net of a classifier of one's own: convolutions for images, a perceptron for points."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ClassifierNet"]

LARGEST = 64
"""Sides of images beyond this are averaged down to it, at most by whole factors."""
HIDDEN = 64
WIDTHS = (16, 32, 64, 64)
POINTS = 256


class ClassifierNet(nn.Module):
    """Samples, (m, *event), to logits, (m, classes); `hidden` are the 64 numbers before.

    Images are standardised channel by channel, go through 3x3 convolutions, each halving the sides
    down to 4 or fewer, and a layer of 64. Points go through two layers of 256 and one of 64.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, event: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.images = len(event) == 3
        self.register_buffer("mean", torch.zeros(event[0]))
        self.register_buffer("std", torch.ones(event[0]))
        if self.images:
            self.shrink = max(1, math.ceil(max(event[1:]) / LARGEST))
            blocks, width = _convolutions(event, self.shrink)
        else:
            blocks, width = _layers(event[0], (POINTS, POINTS)), POINTS
        self.body = nn.Sequential(*blocks, nn.Linear(width, HIDDEN))
        self.last = nn.Linear(HIDDEN, classes)

    def standardise(self, x: Float[Tensor, "n ..."]) -> None:
        """Take mean and deviation from the samples to fit; a constant one is only centred."""
        rows = x.transpose(0, 1).flatten(1).double()
        std = rows.std(1)
        self.mean.copy_(rows.mean(1))
        self.std.copy_(torch.where(std > 0, std, 1.0))

    def hidden(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m 64"]:
        """What the last layer sees."""
        shape = (-1, 1, 1) if self.images else (-1,)
        h = (x - self.mean.view(shape)) / self.std.view(shape)
        if self.images and self.shrink > 1:
            h = F.avg_pool2d(h, self.shrink, ceil_mode=True)
        return F.relu(self.body(h))

    def forward(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m classes"]:
        """Logits."""
        logits: Tensor = self.last(self.hidden(x))
        return logits


def _convolutions(event: tuple[int, ...], shrink: int) -> tuple[list[nn.Module], int]:
    channels, *sides = event
    sides = [math.ceil(side / shrink) for side in sides]
    blocks: list[nn.Module] = []
    for width in WIDTHS:
        blocks += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        blocks += [nn.ReLU()]
        channels = width
        if max(sides) <= 4:
            break
        blocks.append(nn.MaxPool2d(2, ceil_mode=True))
        sides = [math.ceil(side / 2) for side in sides]
    return [*blocks, nn.Flatten()], channels * math.prod(sides)


def _layers(inputs: int, widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return layers
