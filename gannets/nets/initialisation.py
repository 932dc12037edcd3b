"""How weights begin: one layer's weight and bias, set in place.

They draw from torch's global generator, which `gannets.nets.build` lends them (`game.seeded`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from gannets.errors import InputError

__all__ = ["Biased", "Init", "NormalInit", "SparseInit", "TorchInit", "UniformInit", "each"]


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


@dataclass(frozen=True)
class SparseInit:
    """Each unit has `inputs` incoming weights N(0, std^2), of inputs drawn at random; others are 0.

    Biases 0. Martens (2010), section 5: so many active inputs give a unit's activation the same
    spread however wide the layer below. `sparse_init` of the 2014 authors' library, std 1.
    """

    inputs: int = 15
    std: float = 1.0

    def __post_init__(self) -> None:
        if self.inputs < 1 or not self.std > 0:
            raise InputError(
                f"SparseInit takes inputs >= 1 and std > 0, not {self.inputs} and {self.std}."
            )

    def __call__(self, layer: nn.Module) -> None:
        """Draw each unit's inputs without replacement, then their weights."""
        weight = cast(Tensor, layer.weight)
        with torch.no_grad():
            weight.zero_()
            rows = weight.view(len(weight), -1)
            if rows.shape[1] < self.inputs:
                raise InputError(
                    f"SparseInit(inputs={self.inputs}) is for layers of at least as many inputs, "
                    f"and this one has {rows.shape[1]}: ask for fewer."
                )
            for row in rows:
                chosen = torch.randperm(rows.shape[1])[: self.inputs]
                row[chosen] = self.std * torch.randn(self.inputs, dtype=row.dtype)
        _clear_bias(layer)


@dataclass(frozen=True)
class Biased:
    """Weights as `weights` has them, every bias `bias`: sigmoids that begin mostly off, at -2."""

    weights: Init
    bias: float

    def __call__(self, layer: nn.Module) -> None:
        """Draw the weight, fill the bias."""
        self.weights(layer)
        bias = getattr(layer, "bias", None)
        if bias is not None:
            nn.init.constant_(bias, self.bias)


def each(init: Init | tuple[Init, ...], layers: int, net: str) -> tuple[Init, ...]:
    """One start for each of `layers` layers, from one for all or a tuple of them."""
    inits = init if isinstance(init, tuple) else (init,) * layers
    if len(inits) != layers:
        raise InputError(
            f"{net} has {layers} layers with weights, its last included, but {len(inits)} inits: "
            "give one for all, or one for each."
        )
    return inits


def _clear_bias(layer: nn.Module) -> None:
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)
