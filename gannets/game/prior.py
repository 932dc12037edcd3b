"""Priors: where z comes from. Each has unit variance in every coordinate, so that they compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream

__all__ = ["Gaussian", "Prior", "Spherical", "Uniform"]


@runtime_checkable
class Prior(Protocol):
    """p_z."""

    @property
    def dimension(self) -> int:
        """The number of coordinates of z."""
        ...

    def __call__(self, n: int, random: Stream) -> Float[Tensor, "n latent"]:
        """`n` independent draws."""
        ...


@dataclass(frozen=True)
class _Latent:
    dimension: int

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise InputError(f"A prior needs a dimension >= 1, not {self.dimension}.")


@dataclass(frozen=True)
class Gaussian(_Latent):
    """N(0, I)."""

    def __call__(self, n: int, random: Stream) -> Float[Tensor, "n latent"]:
        """`n` independent draws."""
        return random.normal(n, self.dimension)


@dataclass(frozen=True)
class Uniform(_Latent):
    """U(-sqrt 3, sqrt 3) in each coordinate: `uniform` in the code of Goodfellow et al. (2014)."""

    def __call__(self, n: int, random: Stream) -> Float[Tensor, "n latent"]:
        """`n` independent draws."""
        return (random.uniform(n, self.dimension) * 2 - 1) * math.sqrt(3)


@dataclass(frozen=True)
class Spherical(_Latent):
    """Uniform on the sphere of radius sqrt(dimension): a Gaussian draw, rescaled."""

    def __call__(self, n: int, random: Stream) -> Float[Tensor, "n latent"]:
        """`n` independent draws."""
        z = random.normal(n, self.dimension)
        return z * (math.sqrt(self.dimension) / z.norm(dim=1, keepdim=True))
