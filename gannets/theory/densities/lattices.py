"""Equal Gaussians on a circle or a square lattice, the standard tests of mode coverage.

Ring and grid as in Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018 (PacGAN).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_positive, delivered, normal
from gannets.theory.densities.smoothing import log_smoothed, smoothed_score


class _EqualModes:
    """Equal Gaussians N(c_j, sigma² I) in the plane, their centres given by `_centres`."""

    sigma: float

    def _centres(self) -> Float[Tensor, "k d"]:
        raise NotImplementedError

    @property
    def dimension(self) -> int:
        return 2

    @property
    def scale(self) -> float:
        return self.sigma

    @cached_property
    def modes(self) -> Float[Tensor, "k d"]:
        return self._centres()

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        noise = normal(n, self.dimension, generator)
        modes = self.modes
        which = torch.randint(len(modes), (n,), generator=generator, device=generator.device)
        return delivered(noise.mul_(self.sigma).add_(modes.to(noise)[which]), dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        weights = _equal(self.modes)
        return log_smoothed(x, centres=self.modes, log_weights=weights, sigma=self.sigma)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        weights = _equal(self.modes)
        return smoothed_score(x, centres=self.modes, log_weights=weights, sigma=self.sigma)


@dataclass(frozen=True)
class Ring(_EqualModes):
    """`count` equal Gaussians N(c_j, sigma² I), c_j = radius (cos 2πj/count, sin 2πj/count)."""

    count: int = 8
    radius: float = 1.0
    sigma: float = 0.05

    def __post_init__(self) -> None:
        """Refuse an empty ring."""
        check_positive(count=self.count, radius=self.radius, sigma=self.sigma)

    def _centres(self) -> Float[Tensor, "k d"]:
        angles = 2 * math.pi * torch.arange(self.count, dtype=torch.float64) / self.count
        return self.radius * torch.stack([angles.cos(), angles.sin()], dim=1)


@dataclass(frozen=True)
class Grid(_EqualModes):
    """side x side equal Gaussians N(c_j, sigma² I), `spacing` apart, centred at the origin.

    The default is the 25 Gaussians on {-4, -2, 0, 2, 4}².
    """

    side: int = 5
    spacing: float = 2.0
    sigma: float = 0.05

    def __post_init__(self) -> None:
        """Refuse an empty grid."""
        check_positive(side=self.side, spacing=self.spacing, sigma=self.sigma)

    def _centres(self) -> Float[Tensor, "k d"]:
        axis = torch.arange(self.side, dtype=torch.float64) - (self.side - 1) / 2
        return self.spacing * torch.cartesian_prod(axis, axis)


def _equal(modes: Tensor) -> Tensor:
    return torch.full_like(modes[:, 0], -math.log(len(modes)))
