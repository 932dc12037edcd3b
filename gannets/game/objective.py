"""What the players play for: a pair of pure functions of D's logits."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

__all__ = ["Objective", "Solved"]


@runtime_checkable
class Objective(Protocol):
    """The two losses of a game, each a scalar to be *minimised* by its player.

    `real` = D(x) on m samples of p_data and `fake` = D(G(z)) on m samples of p_g are logits, both
    of shape (m,): D's answer before any squashing.
    """

    generator_sees_real: ClassVar[bool]
    """Whether G's loss depends on D(x). Where it does not, D(x) is not computed for it."""

    def discriminator(
        self, real: Float[Tensor, " m"], fake: Float[Tensor, " m"]
    ) -> Float[Tensor, ""]:
        """D's loss."""
        ...

    def generator(
        self, real: Float[Tensor, " m"] | None, fake: Float[Tensor, " m"]
    ) -> Float[Tensor, ""]:
        """G's loss; `real` is None where `generator_sees_real` is False."""
        ...


@runtime_checkable
class Solved(Objective, Protocol):
    """An objective whose inner maximisation over D has a known solution.

    Both functions work elementwise on masses (or densities) at the same outcomes.
    """

    def optimal_discriminator(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, " outcomes"]:
        """The logit at which D's expected loss is least, outcome by outcome."""
        ...

    def value(
        self, p_data: Float[Tensor, " outcomes"], p_g: Float[Tensor, " outcomes"]
    ) -> Float[Tensor, ""]:
        """D's expected loss at its optimum: a divergence of p_g from p_data, up to constants."""
        ...
