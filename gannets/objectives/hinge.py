"""The hinge game: D is charged only for answers on the wrong side of the margin ±1.

Lim and Ye (2017); Tran et al. (2017); as used by Miyato et al. (2018), eqs. 16 and 17.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from gannets.objectives.logits import check_logits
from gannets.theory.divergences import total_variation

__all__ = ["Hinge"]


@dataclass(frozen=True)
class Hinge:
    """D: E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))); G: -E D(G(z)).

    The gradient of G's loss in a fake logit is -1/m everywhere. Between the margins D's expected
    loss is linear, so D* = sign(p_data - p_g), and what is left is 2 - 2 TV(p_data, p_g).
    """

    generator_sees_real: ClassVar[bool] = False

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))."""
        check_logits(real, fake)
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E D(G(z))."""
        check_logits(fake)
        return -fake.mean()

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """sign(p_data - p_g); where they are equal any answer in [-1, 1] is as good as 0."""
        return (p_data - p_g).sign()

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """2 - 2 TV(p_data, p_g), in [0, 2]."""
        return 2 - 2 * total_variation(p_data, p_g)
