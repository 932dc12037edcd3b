"""How weights begin: one layer's weight and bias, set in place.

They draw from torch's global generator, which `gannets.nets.build` lends them (`game.seeded`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn

from gannets.errors import InputError

__all__ = ["Init", "NormalInit", "TorchInit", "UniformInit"]


@runtime_checkable
class Init(Protocol):
    """The distribution of a layer's weights before training."""

    def __call__(self, layer: nn.Module) -> None:
        """Set `layer.weight`, and `layer.bias` where there is one."""
        ...


@dataclass(frozen=True)
class TorchInit:
    """As torch builds the layer: weight and bias U(-b, b), b = 1 / sqrt(inputs of one unit)."""

    def __call__(self, layer: nn.Module) -> None:
        """Leave the layer as it was built."""


@dataclass(frozen=True)
class UniformInit:
    """Weights U(-bound, bound), biases 0: the `irange` of Goodfellow et al. (2014)."""

    bound: float

    def __post_init__(self) -> None:
        if not self.bound > 0:
            raise InputError(f"UniformInit takes a bound > 0, not {self.bound}.")

    def __call__(self, layer: nn.Module) -> None:
        """Draw the weight, clear the bias."""
        nn.init.uniform_(cast(Tensor, layer.weight), -self.bound, self.bound)
        _clear_bias(layer)


@dataclass(frozen=True)
class NormalInit:
    """Weights N(0, std^2), biases 0. Radford et al. (2016), section 4: std 0.02."""

    std: float = 0.02

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise InputError(f"NormalInit takes a std > 0, not {self.std}.")

    def __call__(self, layer: nn.Module) -> None:
        """Draw the weight, clear the bias."""
        nn.init.normal_(cast(Tensor, layer.weight), 0.0, self.std)
        _clear_bias(layer)


def _clear_bias(layer: nn.Module) -> None:
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)
