"""Distributions without a density: a point, and a segment in the plane.

`log_density` is +inf on the support and -inf off it, and `score` raises ValueError: neither is a
function to integrate. Compare them by their masses (supports disjoint: JSD = log 2) or by transport
(W1 = |θ|), which is the point of Arjovsky et al. 2017, Example 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_count, check_points, delivered, uniform


@dataclass(frozen=True)
class Dirac:
    """δ_at: all mass at one point; the data and the generator of the Dirac-GAN."""

    at: tuple[float, ...] = (0.0,)

    @property
    def dimension(self) -> int:
        return len(self.at)

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        return torch.tensor([self.at], dtype=torch.float64)

    @property
    def scale(self) -> float:
        return 0.0

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        check_count(n)
        return delivered(self.modes.to(generator.device).repeat(n, 1), dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        check_points(x, self.dimension)
        return _infinite((x == self.modes.to(x)).all(1), x)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        raise ValueError("a Dirac has no score: take Normal(mean, std) with a small std.")


@dataclass(frozen=True)
class ParallelLines:
    """(θ, U) with U uniform on [0, 1] (Arjovsky et al. 2017, Example 1).

    Against θ = 0: W1 = |θ|; JSD = log 2, TV = 1 and KL = inf for every θ ≠ 0.
    """

    theta: float = 1.0

    @property
    def dimension(self) -> int:
        return 2

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """None: (0, 2)."""
        return torch.empty(0, 2, dtype=torch.float64)

    @property
    def scale(self) -> float:
        return 0.0

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        u = uniform(n, 1, generator)
        return delivered(torch.cat([torch.full_like(u, self.theta), u], dim=1), dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        check_points(x, 2)
        on_line = x[:, 0] == torch.full_like(x[:, 0], self.theta)
        return _infinite(on_line & (x[:, 1] >= 0) & (x[:, 1] <= 1), x)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        raise ValueError("a line has no score in the plane: add noise, or use Normal.")


def _infinite(on_support: Tensor, x: Tensor) -> Tensor:
    return torch.full_like(x[:, 0], -torch.inf).masked_fill(on_support, torch.inf)
