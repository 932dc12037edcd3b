"""p(x) = Σ_j w_j p_j(x), of any densities of one dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import (
    Density,
    check_count,
    check_points,
    check_positive,
    delivered,
)


@dataclass(frozen=True)
class Mixture:
    """Σ_j w_j p_j; `weights` (default: equal) are positive and are divided by their sum.

    ValueError for no component, unequal dimensions, or a weight that is not positive.
    """

    components: tuple[Density, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what is not one mixture."""
        dimensions = {component.dimension for component in self.components}
        if len(dimensions) != 1:
            raise ValueError(
                f"the components have the dimensions {sorted(dimensions)}: give one or more "
                "components of one dimension."
            )
        if self.weights is not None:
            if len(self.weights) != len(self.components):
                raise ValueError(
                    f"{len(self.weights)} weights for {len(self.components)} components: give one "
                    "for each."
                )
            for weight in self.weights:
                check_positive(weight=weight)

    @property
    def dimension(self) -> int:
        return self.components[0].dimension

    @property
    def shares(self) -> Float[Tensor, " k"]:
        """The weights, with sum 1, float64."""
        weights = self.weights or (1.0,) * len(self.components)
        shares = torch.tensor(weights, dtype=torch.float64)
        return shares / shares.sum()

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """The components' modes: centres of the parts, near the mixture's if these are apart."""
        return torch.cat([component.modes for component in self.components])

    @property
    def scale(self) -> float:
        parts = zip(self.shares.tolist(), self.components, strict=True)
        return math.sqrt(sum(share * component.scale**2 for share, component in parts))

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        check_count(n)
        x = torch.empty(n, self.dimension, dtype=torch.float64, device=generator.device)
        shares = self.shares.to(generator.device)
        draws = torch.rand(n, generator=generator, dtype=shares.dtype, device=generator.device)
        which = torch.searchsorted(shares.cumsum(0)[:-1], draws, right=True)
        for j, component in enumerate(self.components):
            here = which == j
            x[here] = component.sample(int(here.sum()), generator)
        return delivered(x, dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        return self._joint(x).logsumexp(1)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        joint = self._joint(x)
        somewhere = (joint > -torch.inf).any(1, keepdim=True)
        posterior = joint.where(somewhere, 0).softmax(1).where(somewhere, 0)
        scores = torch.stack([component.score(x) for component in self.components], dim=1)
        return torch.einsum("nk,nkd->nd", posterior, scores)

    def _joint(self, x: Tensor) -> Tensor:
        """The joint logarithms log w_j p_j(x_i), (n, k)."""
        check_points(x, self.dimension)
        parts = [component.log_density(x) for component in self.components]
        return torch.stack(parts, dim=1) + self.shares.log().to(x)
