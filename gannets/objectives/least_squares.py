"""Least squares GAN: regress D's output on a label for fake and a label for real.

Mao et al. (2017), eq. 2. D's output is used as it is, without a sigmoid. The losses keep the
paper's factor 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.objectives.logits import check_logits

__all__ = ["LeastSquares"]


@dataclass(frozen=True)
class LeastSquares:
    """D learns a on fake and b on real; G wants D to answer c (Mao et al. 2017, eq. 2).

    The gradient of G's loss in a fake output d is (d - c)/m: what D takes for more than real is
    pulled back, too. The defaults are the 0-1 coding. Where b - c = 1 and b - a = 2, say with
    a, b, c = -1, 1, 0, G's criterion at D* is half the Pearson χ² of p_data + p_g
    against 2 p_g (section 3.2).
    """

    generator_sees_real: ClassVar[bool] = False
    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

    def __post_init__(self) -> None:
        """Refuse labels that D cannot tell real from fake by."""
        if not self.a < self.b or self.c <= self.a:
            raise InputError(
                f"LeastSquares takes labels a < b for fake and real, and c > a for what G wants of "
                f"D, not a={self.a}, b={self.b}, c={self.c}."
            )

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2."""
        check_logits(real, fake)
        return ((real - self.b).square().mean() + (fake - self.a).square().mean()) / 2

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """1/2 E (D(G(z)) - c)^2."""
        check_logits(fake)
        return (fake - self.c).square().mean() / 2

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """(b p_data + a p_g) / (p_data + p_g), the expected label; a where neither has mass."""
        both = p_data + p_g
        return self.a + (self.b - self.a) * p_data / torch.where(both > 0, both, 1.0)

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """(b - a)^2/8 (2 - Σ (p_data - p_g)^2 / (p_data + p_g)), in [0, (b - a)^2/4].

        The sum is the triangular discrimination (Vincze and Le Cam), in [0, 2].
        """
        return (self.b - self.a) ** 2 / 8 * (2 - _triangular(p_data, p_g))

    def generator_value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """C(G) = 1/2 E (D*(x) - c)^2 + 1/2 E (D*(G(z)) - c)^2, what G's loss comes to at D*.

        The first expectation does not depend on G while D is held (section 3.2).
        """
        optimum = self.optimal_discriminator(p_data, p_g)
        return ((p_data + p_g) * (optimum - self.c).square()).sum() / 2


def _triangular(p: Float[Tensor, " outcomes"], q: Float[Tensor, " outcomes"]) -> Tensor:
    both = p + q
    return ((p - q).square() / torch.where(both > 0, both, 1.0)).sum()
