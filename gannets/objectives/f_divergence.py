"""f-GAN: any f-divergence as a game, D_f(P || Q) >= E_P[T] - E_Q[f*(T)].

Nowozin et al. (2016), eq. 4, with P the data, Q the generator and the critic T = g_f(v): g_f is the
divergence's output activation (Table 2), increasing, so that a larger logit v means real.
The members are the values of `gannets.theory`: `FGAN(KL())`, `FGAN(PearsonChi2())` and so on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.objectives.logits import check_logits, log_ratio
from gannets.theory.divergences import f_divergence
from gannets.theory.f_divergences import FDivergence, JensenShannon

__all__ = ["FGAN"]

_JENSEN_SHANNON = JensenShannon()


@dataclass(frozen=True)
class FGAN:
    """D ascends E g_f(D(x)) - E f*(g_f(D(G(z)))), eq. 6; at D* it is `divergence`(p_data, p_g).

    Saturating, G descends the same function (Algorithm 1), so that the game minimises the
    divergence. Otherwise G ascends E g_f(D(G(z))), as section 3 of Goodfellow et al. (2014) has it,
    with the same fixed point (section 3.2). `FGAN(GAN())` is `Minimax()`, and
    `FGAN(GAN(), saturating=False)` is `NonSaturating()`.
    """

    generator_sees_real: ClassVar[bool] = False
    divergence: FDivergence = _JENSEN_SHANNON
    saturating: bool = True

    def __post_init__(self) -> None:
        """Refuse a class in place of its value."""
        if isinstance(self.divergence, type):
            name = self.divergence.__name__
            raise InputError(f"FGAN takes a divergence as a value, {name}(), not the class {name}.")

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """E f*(g_f(D(G(z)))) - E g_f(D(x))."""
        check_logits(real, fake)
        charge = self.divergence.activated_conjugate(fake).mean()
        return charge - self.divergence.activation(real).mean()

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """-E f*(g_f(D(G(z)))) or, not saturating, -E g_f(D(G(z)))."""
        check_logits(fake)
        if self.saturating:
            return -self.divergence.activated_conjugate(fake).mean()
        return -self.divergence.activation(fake).mean()

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """The v with g_f(v) = f'(p_data/p_g), eq. 5."""
        return self.divergence.optimal_output(log_ratio(p_data, p_g))

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """-D_f(p_data || p_g)."""
        return -f_divergence(p_data, p_g, divergence=self.divergence)
