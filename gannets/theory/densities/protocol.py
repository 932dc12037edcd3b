"""p(x), log p(x), ∇ log p(x) and exact samples: what a known density offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Density(Protocol):
    """A distribution on R^d of which everything is known. The values are frozen and printable."""

    @property
    def dimension(self) -> int:
        """The d of R^d."""

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """The centres (k, d), float64; k = 0 where there are none (curves, boxes)."""

    @property
    def scale(self) -> float:
        """Standard deviation per coordinate of the noise about a mode or a curve.

        The root mean square where it differs between coordinates or components; 0 for a singular
        distribution.
        """

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        """Independent points (n, d), a function of the generator's state only.

        They are drawn in float64 where the generator lives and then rounded to `dtype` and moved to
        `device` (default: the generator's), so that every dtype sees the same points.
        """

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Natural logarithm of p(x); -inf off the support, +inf on that of a singular one."""

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """∇ log p(x); 0 by convention off the support; ValueError for a singular distribution."""


def check_count(n: int) -> None:
    """ValueError for a negative number of samples."""
    if n < 0:
        raise ValueError(f"n={n} samples were asked for: n must be 0 or more.")


def check_points(x: Tensor, dimension: int) -> None:
    """ValueError unless x is (n, dimension)."""
    if x.ndim != 2 or x.shape[1] != dimension:
        raise ValueError(
            f"x has shape {tuple(x.shape)}: give points of shape (n, {dimension}), one a row."
        )


def check_positive(**values: int | float) -> None:
    """ValueError for a value that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}={value} must be positive.")


def normal(n: int, d: int, generator: torch.Generator) -> Tensor:
    """Standard normal points (n, d), float64, on the generator's device."""
    check_count(n)
    return torch.randn(n, d, generator=generator, dtype=torch.float64, device=generator.device)


def uniform(n: int, d: int, generator: torch.Generator) -> Tensor:
    """Uniform points (n, d) in [0, 1), float64, on the generator's device."""
    check_count(n)
    return torch.rand(n, d, generator=generator, dtype=torch.float64, device=generator.device)


def delivered(
    x: Tensor, dtype: torch.dtype, device: torch.device | str | None
) -> Float[Tensor, "n d"]:
    """The float64 draw, rounded to `dtype` and moved to `device`."""
    return x.to(device=device, dtype=dtype)
