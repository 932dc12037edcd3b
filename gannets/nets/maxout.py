"""The discriminator of Goodfellow et al. (2014): maxout layers and dropout.

h_l = maxout(dropout(h_{l-1})),  logit = w^T dropout(h_L) + b.  Section 5 of the paper; the numbers
are those of the authors' code for MNIST: two layers of 240 units with 5 pieces, 80 % of x kept and
50 % of every later layer's input, weights U(-0.005, 0.005).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.initialisation import Init, UniformInit
from gannets.nets.inputs import check_call, check_positive, check_space
from gannets.nets.layers import ClassConcat, Dropout, Maxout
from gannets.nets.layers.dropout import check_keep
from gannets.nets.mlp import class_width

__all__ = ["MaxoutDiscriminator", "MaxoutMLP", "judging_layers"]


@dataclass(frozen=True)
class MaxoutMLP:
    """A discriminator of maxout layers with dropout."""

    units: tuple[int, ...] = (240, 240)
    """Maxout units of each layer."""
    pieces: int = 5
    """Linear pieces of each unit."""
    keep: tuple[float, float] = (0.8, 0.5)
    """The share of D's input that dropout keeps, and the share of every later layer's input."""
    init: Init = UniformInit(0.005)
    """Of weights and biases."""

    def __post_init__(self) -> None:
        check_positive("MaxoutMLP.units", self.units)
        if self.pieces < 1:
            raise InputError(f"MaxoutMLP.pieces must be at least 1, not {self.pieces}.")
        if len(self.keep) != 2:
            raise InputError(
                f"MaxoutMLP.keep takes two shares, of the input and of the others, not {self.keep}."
            )
        for share in self.keep:
            check_keep(share, "Each share in MaxoutMLP.keep")

    def discriminator(self, space: Space) -> MaxoutDiscriminator:
        """D: x, (m, *event), to logits, (m,)."""
        return MaxoutDiscriminator(self, space)


class MaxoutDiscriminator(nn.Module):
    """The discriminator that a `MaxoutMLP` describes. It draws its masks: see `layers.attach`."""

    judges_alone = True
    draws_random = True

    def __init__(self, net: MaxoutMLP, space: Space) -> None:
        super().__init__()
        check_space(space, "MaxoutMLP")
        self.event, self.classes = tuple(space.event), space.classes
        of_input, of_hidden = net.keep
        self.input = Dropout(of_input)
        width = math.prod(space.event)
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
        check_call(x, y, shape=self.event, classes=self.classes, net="The discriminator MaxoutMLP")
        h = self.input(x.flatten(1))
        # Behind the dropout: the class is always told.
        h = h if self.condition is None else self.condition(h, y)
        logits: Tensor = self.last(self.hidden(h)).flatten()
        return logits


def judging_layers(
    width: int, *, units: tuple[int, ...], pieces: int, keep: float, init: Init
) -> tuple[nn.Sequential, nn.Linear]:
    """Maxout layers, each followed by dropout, on `width` inputs, and the layer of the logit."""
    layers: list[nn.Module] = []
    for wide in units:
        layer = Maxout(width, wide, pieces=pieces)
        init(layer.linear)
        layers += [layer, Dropout(keep)]
        width = wide
    last = nn.Linear(width, 1)
    init(last)
    return nn.Sequential(*layers), last
