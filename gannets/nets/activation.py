"""The nonlinearities of hidden layers, by their usual names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from gannets.errors import unknown

__all__ = ["ACTIVATIONS", "activation"]

LEAKY_SLOPE = 0.2  # Radford et al. (2016), section 4

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, LEAKY_SLOPE),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def activation(name: str) -> nn.Module:
    """The nonlinearity of that name; leaky_relu has slope 0.2."""
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()
