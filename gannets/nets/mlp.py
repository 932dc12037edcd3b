"""Fully connected nets. G(z) = s(W_L h_{L-1} + b_L),  h_l = a(W_l h_{l-1} + b_l),  h_0 = z.

The generator of Goodfellow et al. (2014), section 5, on MNIST is
`MLP((1200, 1200), output="sigmoid", init=UniformInit(0.05), bias_from_data=True)`.
With classes, both nets see e(y) behind their input: Mirza and Osindero (2014), section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.activation import activation
from gannets.nets.initialisation import Init, TorchInit, each
from gannets.nets.inputs import check_call, check_positive, check_space
from gannets.nets.layers import ClassConcat
from gannets.nets.output import Output, check_logit, check_output

__all__ = ["MLP", "MLPDiscriminator", "MLPGenerator", "class_width"]


@dataclass(frozen=True)
class MLP:
    """A fully connected net, for samples of any shape; generator and discriminator alike."""

    hidden: tuple[int, ...] = (128, 128)
    """Units of the hidden layers; () is a linear map."""
    activation: str | tuple[str, ...] = "relu"
    """Of all layers, or of each: relu, leaky_relu, tanh, sigmoid, softplus, elu, silu, gelu."""
    output: str = "auto"
    """Of the generator: auto, linear, tanh or sigmoid, see `gannets.nets.output.Output`."""
    batch_norm: bool = False
    """Whether hidden layers are normalised over the batch, before their activation."""
    init: Init | tuple[Init, ...] = TorchInit()
    """Of weights and biases: of all layers, or of each, the last included."""
    bias_from_data: bool = False
    """Whether the generator's last bias starts where its output is the data's mean."""

    def __post_init__(self) -> None:
        check_positive("MLP.hidden", self.hidden)
        check_output(self.output)
        for name in self.activations:
            activation(name)
        if len(self.activations) != len(self.hidden):
            raise InputError(
                f"MLP has {len(self.hidden)} layers but {len(self.activations)} activations: "
                "give one name for all, or one for each."
            )
        each(self.init, len(self.hidden) + 1, "MLP")

    @property
    def activations(self) -> tuple[str, ...]:
        """One name for each hidden layer."""
        if isinstance(self.activation, tuple):
            return self.activation
        activation(self.activation)  # known, even if there is no layer to use it
        return (self.activation,) * len(self.hidden)

    @property
    def inits(self) -> tuple[Init, ...]:
        """One start for each hidden layer and the last."""
        return each(self.init, len(self.hidden) + 1, "MLP")

    def generator(self, space: Space) -> MLPGenerator:
        """G: z, (m, latent), to (m, *event)."""
        return MLPGenerator(self, space)

    def discriminator(self, space: Space) -> MLPDiscriminator:
        """D: x, (m, *event), to logits, (m,)."""
        return MLPDiscriminator(self, space)


class MLPGenerator(nn.Module):
    """The generator that an `MLP` describes."""

    def __init__(self, net: MLP, space: Space) -> None:
        super().__init__()
        check_space(space, "MLP")
        self.latent, self.event, self.classes = space.latent, tuple(space.event), space.classes
        width = space.latent
        # e(y) as wide as z: neither drowns the other.
        self.condition = ClassConcat(space.classes, width) if space.classes is not None else None
        width = 2 * width if space.classes is not None else width
        self.hidden = _hidden(net, width)
        self.last = nn.Linear(net.hidden[-1] if net.hidden else width, math.prod(space.event))
        net.inits[-1](self.last)
        self.output = Output(net.output, space.bounds, net="MLP")
        if net.bias_from_data:
            with torch.no_grad():
                self.last.bias.copy_(self.output.inverse(_mean(space)))

    def forward(
        self, z: Float[Tensor, "m latent"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, " m *event"]:
        """Samples made of z (and of classes y)."""
        check_call(z, y, shape=(self.latent,), classes=self.classes, net="The generator MLP")
        h = z if self.condition is None else self.condition(z, y)
        x: Tensor = self.output(self.last(self.hidden(h)))
        return x.reshape(len(z), *self.event)


class MLPDiscriminator(nn.Module):
    """The discriminator that an `MLP` describes."""

    def __init__(self, net: MLP, space: Space) -> None:
        super().__init__()
        check_space(space, "MLP")
        check_logit(net.output, "MLP")
        if net.bias_from_data:
            raise InputError(
                "MLP(bias_from_data=True) cannot be a discriminator: the mean of the data is where "
                "a generator's output starts, not a logit."
            )
        self.judges_alone = not (net.batch_norm and net.hidden)
        self.event, self.classes = tuple(space.event), space.classes
        width = math.prod(space.event)
        self.condition = None
        if space.classes is not None:
            self.condition = ClassConcat(space.classes, class_width(space.classes))
            width += class_width(space.classes)
        self.hidden = _hidden(net, width)
        self.last = nn.Linear(net.hidden[-1] if net.hidden else width, 1)
        net.inits[-1](self.last)

    def forward(
        self, x: Float[Tensor, " m *event"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, " m"]:
        """Logits of x (given classes y) being data."""
        check_call(x, y, shape=self.event, classes=self.classes, net="The discriminator MLP")
        h = x.flatten(1)
        h = h if self.condition is None else self.condition(h, y)
        logits: Tensor = self.last(self.hidden(h)).flatten()
        return logits


def class_width(classes: int) -> int:
    """Width of e(y) behind a discriminator's input: as many as there are classes, at most 128."""
    return min(classes, 128)


def _hidden(net: MLP, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units, name, init in zip(net.hidden, net.activations, net.inits[:-1], strict=True):
        # A bias before batch normalisation would be subtracted with the mean.
        linear = nn.Linear(width, units, bias=not net.batch_norm)
        init(linear)
        layers += [linear, *([nn.BatchNorm1d(units)] if net.batch_norm else []), activation(name)]
        width = units
    return nn.Sequential(*layers)


def _mean(space: Space) -> Tensor:
    if space.mean is None:
        raise InputError(
            "MLP(bias_from_data=True) needs the mean of the data, and this space has none: give "
            "Space(mean=...), or bias_from_data=False."
        )
    if tuple(space.mean.shape) != tuple(space.event):
        raise InputError(
            f"The mean of the data has shape {tuple(space.mean.shape)}, "
            f"but samples have shape {tuple(space.event)}."
        )
    return space.mean.detach().flatten().to("cpu", torch.get_default_dtype())
