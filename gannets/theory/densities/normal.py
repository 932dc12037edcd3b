"""N(m, S): log p(x) = -1/2 [(x-m)ᵀ S⁻¹ (x-m) + log |2π S|], score S⁻¹ (m - x)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_points, check_positive, delivered, normal
from gannets.theory.gaussians import Moments


@dataclass(frozen=True)
class Normal:
    """N(mean, S) in any dimension; S from `std` (one number, or one a coordinate) or `covariance`.

    A scalar `mean` is one dimension. With neither `std` nor `covariance` S is the identity.
    ValueError for both, for unequal lengths, or for an S that is not symmetric positive definite.
    """

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] | None = None
    covariance: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what is not a normal distribution."""
        d = self.dimension
        if self.covariance is not None:
            if self.std is not None:
                raise ValueError("std and covariance are both given: give one of them.")
            if [len(row) for row in self.covariance] != [d] * d:
                raise ValueError(f"covariance must have {d} rows of {d} numbers, as mean has {d}.")
            matrix = self.moments.covariance
            if int(torch.linalg.cholesky_ex(matrix).info) or not bool((matrix == matrix.T).all()):
                raise ValueError(f"covariance={self.covariance} is not positive definite.")
        elif isinstance(self.std, tuple) and len(self.std) != d:
            raise ValueError(f"std has {len(self.std)} entries and mean has {d}: give {d} or one.")
        else:
            for std in self.std if isinstance(self.std, tuple) else (self.std,):
                check_positive(std=1.0 if std is None else std)

    @property
    def dimension(self) -> int:
        return len(self.mean) if isinstance(self.mean, tuple) else 1

    @property
    def moments(self) -> Moments:
        """The mean (d,) and the covariance (d, d), float64."""
        mean = torch.tensor(self.mean, dtype=torch.float64).reshape(-1)
        if self.covariance is not None:
            return Moments(mean, torch.tensor(self.covariance, dtype=torch.float64))
        std = torch.tensor(1.0 if self.std is None else self.std, dtype=torch.float64)
        return Moments(mean, std.expand_as(mean).square().diag())

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        return self.moments.mean[None]

    @property
    def scale(self) -> float:
        return math.sqrt(float(self.moments.covariance.diagonal().mean()))

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        z = normal(n, self.dimension, generator)
        mean, factor = self._mean_and_factor(z)
        return delivered(mean + z @ factor.T, dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        mean, factor = self._mean_and_factor(x)
        whitened: Tensor = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
        log_scale = factor.diagonal().log().sum() + self.dimension * math.log(2 * math.pi) / 2
        return -whitened.square().sum(0) / 2 - log_scale

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        mean, factor = self._mean_and_factor(x)
        return torch.cholesky_solve((mean - x).T, factor).T

    def _mean_and_factor(self, x: Tensor) -> tuple[Tensor, Tensor]:
        check_points(x, self.dimension)
        moments = self.moments
        return moments.mean.to(x), torch.linalg.cholesky(moments.covariance).to(x)
