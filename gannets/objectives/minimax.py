"""The game of 2014: min_G max_D V(D, G) = E log D(x) + E log(1 - D(G(z))), D = sigmoid(logit).

Goodfellow et al. (2014), eq. 1. Both losses here are minimised, so D's is -V, the *sum* of the two
cross entropies: at D* it is log 4 - 2 JSD, where the paper has C(G) = -log 4 + 2 JSD (Theorem 1).
The authors' code descends half of it: with plain gradient descent, its learning rate for D is twice
ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from gannets.errors import InputError
from gannets.objectives.logits import check_logits, log_ratio
from gannets.theory.optimum import criterion

__all__ = ["Minimax", "NonSaturating"]


@dataclass(frozen=True)
class Minimax:
    """G descends E log(1 - D(G(z))): eq. 1 and Algorithm 1 as written.

    The gradient of G's loss in a fake logit d is -sigmoid(d)/m: it vanishes where D is sure.
    D* = p_data / (p_data + p_g) (Proposition 1), whose logit is log p_data/p_g.
    """

    generator_sees_real: ClassVar[bool] = False

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E log D(x) - E log(1 - D(G(z))) = E softplus(-real) + E softplus(fake)."""
        check_logits(real, fake)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E log(1 - D(G(z))) = -E softplus(fake)."""
        check_logits(fake)
        return -softplus(fake).mean()

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """The logit of p_data / (p_data + p_g), log p_data/p_g (Proposition 1)."""
        return log_ratio(p_data, p_g)

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """-C(G) = log 4 - 2 JSD(p_data, p_g), in [0, log 4] (Theorem 1)."""
        return -criterion(p_data, p_g)


@dataclass(frozen=True)
class NonSaturating:
    """G descends -E log D(G(z)): the same fixed point, much stronger gradients early (section 3).

    The gradient of G's loss in a fake logit d is -(1 - sigmoid(d))/m: largest where D is sure, and
    equal to that of `Minimax` at D = 1/2. At D* the gradient of this loss in G's parameters is
    that of KL(p_g, p_data) - 2 JSD (Arjovsky and Bottou 2017, Theorem 2.5).

    `real_label` < 1 is one-sided label smoothing (Salimans et al. 2016, section 3.4): the target of
    D on data is s = `real_label` instead of 1, and D* = s p_data / (p_data + p_g).
    """

    generator_sees_real: ClassVar[bool] = False
    real_label: float = 1.0

    def __post_init__(self) -> None:
        """Refuse labels that are no probability of being real."""
        if not 0 < self.real_label <= 1:
            raise InputError(
                f"NonSaturating takes 0 < real_label <= 1 (1: no smoothing; 0.9 is usual), "
                f"not {self.real_label}."
            )

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E [s log D(x) + (1 - s) log(1 - D(x))] - E log(1 - D(G(z)))."""
        check_logits(real, fake)
        on_real = softplus(-real)
        if self.real_label < 1:  # log(1 - D) = log D - logit
            on_real = on_real + (1 - self.real_label) * real
        return on_real.mean() + softplus(fake).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E log D(G(z)) = E softplus(-fake)."""
        check_logits(fake)
        return softplus(-fake).mean()

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """The logit of s p_data / (p_data + p_g), log s p_data / ((1 - s) p_data + p_g)."""
        return log_ratio(*self._targets(p_data, p_g))

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """The cross entropy left at D*; log 4 - 2 JSD(p_data, p_g) without smoothing."""
        real, fake = self._targets(p_data, p_g)
        both = real + fake
        left = torch.xlogy(both, both) - torch.xlogy(real, real) - torch.xlogy(fake, fake)
        return left.sum()

    def _targets(self, p_data: Tensor, p_g: Tensor) -> tuple[Tensor, Tensor]:
        """The masses that D is to call real, and fake: smoothing moves (1 - s) of the data over."""
        return self.real_label * p_data, (1 - self.real_label) * p_data + p_g
