"""Wasserstein GAN: W1(p_data, p_g) = sup E D(x) - E D(G(z)) over D with Lipschitz constant 1.

Arjovsky et al. (2017), eq. 2 (Kantorovich-Rubinstein duality).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from gannets.objectives.logits import check_logits

__all__ = ["Wasserstein"]


@dataclass(frozen=True)
class Wasserstein:
    """D, the critic: E D(G(z)) - E D(x); G: -E D(G(z)) (Arjovsky et al. 2017, Algorithm 1).

    The objective does not bound D: over all functions the supremum is infinite, so it has no D*
    and no value. The Lipschitz condition must come from elsewhere: `GradientPenalty` among the
    discriminator's terms, the constraint `Clip`, or a spectrally normalised net. Under it, minus
    D's loss at its optimum is the distance W1, times the Lipschitz constant. The gradient of
    G's loss in a fake output is -1/m everywhere.
    """

    generator_sees_real: ClassVar[bool] = False

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E D(G(z)) - E D(x)."""
        check_logits(real, fake)
        return fake.mean() - real.mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E D(G(z))."""
        check_logits(fake)
        return -fake.mean()
