"""Relativistic games: D does not say how real a sample is, but how much more real than another.

Jolicoeur-Martineau (2018), "The relativistic discriminator"; D(x) and D(G(z)) are logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from gannets.objectives.logits import check_logits, check_pairs, log_ratio, needed
from gannets.theory.divergences import jensen_shannon

__all__ = ["RelativisticAverage", "RpGAN"]


@dataclass(frozen=True)
class RpGAN:
    """Relativistic pairing: D: E softplus(-(D(x) - D(G(z)))), G: E softplus(-(D(G(z)) - D(x))).

    The relativistic standard GAN of Jolicoeur-Martineau (2018), named so by Sun et al. (2020); the
    objective of R3GAN (Huang et al. 2024, eq. 2). The i-th real sample is paired with the i-th fake
    one, both drawn independently. The gradient of G's loss in a fake logit is
    -(1 - sigmoid(fake - real))/m: a fake is pushed until it beats the real sample of its pair.

    D tells the pair (x, x~) from the pair (x~, x), so D* = log p_data/p_g, up to a constant, and
    the loss left is log 2 - JSD(p_data × p_g, p_g × p_data).
    """

    generator_sees_real: ClassVar[bool] = True
    paired: ClassVar[bool] = True

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E softplus(D(G(z)) - D(x))."""
        check_pairs(real, fake)
        return softplus(fake - real).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E softplus(D(x) - D(G(z)))."""
        real = needed(real)
        check_pairs(real, fake)
        return softplus(real - fake).mean()

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """The logit of p_data / (p_data + p_g), log p_data/p_g; any constant may be added."""
        return log_ratio(p_data, p_g)

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """-JSD(p_data × p_g, p_g × p_data) + log 2, in [0, log 2], over all pairs of outcomes."""
        pairs = torch.outer(p_data, p_g)
        return math.log(2) - jensen_shannon(pairs.flatten(), pairs.T.flatten())


@dataclass(frozen=True)
class RelativisticAverage:
    """RaGAN: how much more real than the average of the other side (Jolicoeur-Martineau 2018).

    With real' = D(x) - E D(G(z)) and fake' = D(G(z)) - E D(x), D: E softplus(-real') +
    E softplus(fake'); G the same with the roles exchanged. The means are those of the batch, and
    gradients flow through them. It has no D* outcome by outcome, so it is not a solved objective.
    """

    generator_sees_real: ClassVar[bool] = True
    separable: ClassVar[bool] = False
    """It is no mean over samples: a batch cannot be judged in pieces."""

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E softplus(-real') + E softplus(fake')."""
        check_logits(real, fake)
        return softplus(fake.mean() - real).mean() + softplus(fake - real.mean()).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E softplus(real') + E softplus(-fake')."""
        real = needed(real)
        check_logits(real, fake)
        return softplus(real - fake.mean()).mean() + softplus(real.mean() - fake).mean()
