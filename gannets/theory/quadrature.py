"""∫ f(x) dx = Σ_i w_i f(x_i): composite Gauss-Legendre on a box, and Gauss-Hermite for E f(Z).

Nodes and weights come from the eigenvectors of the Jacobi matrix (Golub and Welsch 1969).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

MOST_NODES = 2**24


def gauss_legendre(order: int) -> tuple[Float[Tensor, " order"], Float[Tensor, " order"]]:
    """∫_{-1}^{1} f(t) dt = Σ w f(t), exact for polynomials of degree below 2 * order.

    Returns nodes (increasing) and weights (their sum is 2), float64. ValueError if order < 1.
    """
    k = torch.arange(1, _at_least_one("order", order), dtype=torch.float64)
    nodes, weights = _golub_welsch(k / (4 * k * k - 1).sqrt())
    return nodes, 2 * weights


def gauss_hermite(order: int) -> tuple[Float[Tensor, " order"], Float[Tensor, " order"]]:
    """E f(Z), Z ~ N(0, 1) = Σ w f(z), exact for polynomials of degree below 2 * order.

    Returns nodes (increasing) and weights (their sum is 1), float64. ValueError if order < 1.
    """
    k = torch.arange(1, _at_least_one("order", order), dtype=torch.float64)
    return _golub_welsch(k.sqrt())


@dataclass(frozen=True)
class GaussLegendre:
    """The composite Gauss-Legendre rule on the box [low_1, high_1] x ... x [low_d, high_d].

    Every axis is cut into `panels` equal panels with `order` nodes each. The error for an analytic
    integrand falls geometrically in `order`; a kink costs nothing when it lies on a panel's edge.
    `low` and `high` are tuples of equal length d; ValueError otherwise.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    panels: int = 64
    order: int = 16

    def __post_init__(self) -> None:
        """Refuse an empty box and a rule too large to hold."""
        if len(self.low) != len(self.high) or not self.low:
            raise ValueError(
                f"low has {len(self.low)} entries and high has {len(self.high)}: "
                "give one number a dimension in both, for instance low=(-8.0,), high=(8.0,)."
            )
        if not all(a < b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(f"low={self.low} must be below high={self.high} in every dimension.")
        per_axis = _at_least_one("panels", self.panels) * _at_least_one("order", self.order)
        if per_axis ** len(self.low) > MOST_NODES:
            raise ValueError(
                f"{per_axis} nodes an axis in {len(self.low)} dimensions are more than "
                f"{MOST_NODES} nodes: lower panels or order."
            )

    def nodes(self) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """The nodes (n, d) and their weights (n,), n = (panels * order)^d, float64."""
        unit, unit_weights = gauss_legendre(self.order)
        points, weights = [], []
        for low, high in zip(self.low, self.high, strict=True):
            half = (high - low) / self.panels / 2
            centres = low + half * (2 * torch.arange(self.panels, dtype=torch.float64) + 1)
            points.append((centres[:, None] + half * unit).flatten())
            weights.append((half * unit_weights).repeat(self.panels))
        box = torch.stack(torch.meshgrid(*points, indexing="ij"), dim=-1)
        products = torch.stack(torch.meshgrid(*weights, indexing="ij"), dim=-1)
        return box.flatten(end_dim=-2), products.flatten(end_dim=-2).prod(dim=-1)

    def integrate(
        self, integrand: Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]
    ) -> Float[Tensor, ""]:
        """∫ integrand(x) dx over the box; `integrand` maps points (n, d) to values (n,)."""
        points, weights = self.nodes()
        return (weights * integrand(points)).sum()


def _golub_welsch(off_diagonal: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes = eigenvalues of the Jacobi matrix, weights = squared first entries of the vectors."""
    jacobi = torch.diag(off_diagonal, 1) + torch.diag(off_diagonal, -1)
    nodes, vectors = torch.linalg.eigh(jacobi)
    nodes = (nodes - nodes.flip(0)) / 2  # both weight functions are even
    weights = vectors[0].square()
    return nodes, (weights + weights.flip(0)) / 2


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name}={value} must be at least 1.")
    return value
