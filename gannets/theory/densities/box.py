"""p(x) = 1 / Π (high - low) on a box, 0 outside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_points, delivered, uniform


@dataclass(frozen=True)
class Box:
    """The uniform distribution on [low_1, high_1] x ... x [low_d, high_d].

    ValueError for unequal lengths or an empty box. `scale` is its rms standard deviation.
    """

    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Refuse an empty box."""
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError(
                f"low={self.low} and high={self.high} must have one number a dimension each."
            )
        if not all(a < b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(f"low={self.low} must be below high={self.high} in every dimension.")

    @property
    def dimension(self) -> int:
        return len(self.low)

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """None: (0, d)."""
        return torch.empty(0, self.dimension, dtype=torch.float64)

    @property
    def scale(self) -> float:
        return math.sqrt(sum(side**2 for side in self._sides()) / 12 / self.dimension)

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        u = uniform(n, self.dimension, generator)
        return delivered(self._row(u, self.low) + self._row(u, self._sides()) * u, dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        check_points(x, self.dimension)
        inside = ((x >= self._row(x, self.low)) & (x <= self._row(x, self.high))).all(1)
        log_volume = sum(math.log(side) for side in self._sides())
        return torch.where(inside, torch.full_like(x[:, 0], -log_volume), -torch.inf)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        check_points(x, self.dimension)
        return torch.zeros_like(x)

    def _sides(self) -> tuple[float, ...]:
        return tuple(b - a for a, b in zip(self.low, self.high, strict=True))

    @staticmethod
    def _row(x: Tensor, numbers: tuple[float, ...]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64).to(x)
