"""Penalties on the slope of D, so that its answer changes no faster than it may.

All are E over samples of a function of |∇D(x)|², the squared norm of one sample's gradient over
all its axes. R1 and R2 follow the convention gamma/2 E|∇D|²: code that multiplies 10 |∇D|² has
gamma 20.

D's logit at one sample must not depend on the others (no batch normalisation in D), or there is no
gradient of *its* logit. Where D is conditional, the slope is that in x, with y held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Batch, Net, Players, input_gradient

__all__ = ["DRAGAN", "R1", "R2", "FiniteDifferenceR1", "FiniteDifferenceR2", "GradientPenalty"]

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class R1:
    """gamma/2 E|∇D(x)|² on data: Mescheder et al. (2018), eq. 9.

    With it the game converges locally where p_g = p_data is reached (Theorem 4.1). The paper's
    experiments have gamma = 10; its code multiplies 10 |∇D|², which is gamma = 20 here.
    """

    gamma: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a reward for steepness."""
        _not_negative("R1", "gamma", self.gamma)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty at the real batch."""
        return self.gamma / 2 * _squared_slope(players.discriminator, batch.real)


@dataclass(frozen=True)
class R2:
    """gamma/2 E|∇D(G(z))|² on generated samples: Mescheder et al. (2018), eq. 10."""

    gamma: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a reward for steepness."""
        _not_negative("R2", "gamma", self.gamma)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty at the generated batch."""
        return self.gamma / 2 * _squared_slope(players.discriminator, batch.fake)


@dataclass(frozen=True)
class GradientPenalty:
    """weight E(|∇D(x̂)| - 1)², x̂ = ε x + (1 - ε) G(z), ε ~ U(0, 1): Gulrajani et al. (2017), eq. 3.

    There is one ε a sample, and a sample's gradient has its own norm. One-sided, only slopes above
    1 are charged: E max(0, |∇D(x̂)| - 1)² (section 4). Conditions are those of the real batch.
    """

    weight: float = 10.0
    one_sided: bool = False

    def __post_init__(self) -> None:
        """Refuse a reward for steepness."""
        _not_negative("GradientPenalty", "weight", self.weight)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty between the real and the generated batch."""
        (real, *conditions), fake = batch.real, batch.fake[0]
        if real.shape != fake.shape:
            raise InputError(
                f"GradientPenalty joins each real sample with a generated one, so both batches "
                f"need one shape, not {tuple(real.shape)} and {tuple(fake.shape)}."
            )
        between = torch.lerp(fake, real, _one_each(batch, real))
        slope = _slope(players.discriminator, (between, *conditions))
        return self.weight * _off_one(slope, one_sided=self.one_sided)


@dataclass(frozen=True)
class DRAGAN:
    """weight E(|∇D(x̂)| - 1)² around the data: Kodali et al. (2017).

    As the authors' code has it, x̂ = x + ε `spread` std(x) u: ε ~ U(0, 1) one a sample, u ~ U(0, 1)
    one a coordinate, std(x) that of all numbers of the batch. The generator plays no part.
    """

    separable: ClassVar[bool] = False
    weight: float = 10.0
    spread: float = 0.5
    one_sided: bool = False

    def __post_init__(self) -> None:
        """Refuse a reward for steepness."""
        _not_negative("DRAGAN", "weight", self.weight)
        _not_negative("DRAGAN", "spread", self.spread)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty near the real batch."""
        real, *conditions = batch.real
        u = batch.random.uniform(*real.shape).to(real)
        mean = batch.group.mean(real.mean())
        std = batch.group.mean((real - mean).square().mean()).sqrt()
        near = real + _one_each(batch, real) * (self.spread * std) * u
        slope = _slope(players.discriminator, (near, *conditions))
        return self.weight * _off_one(slope, one_sided=self.one_sided)


@dataclass(frozen=True)
class FiniteDifferenceR1:
    """gamma/2 E((D(x + epsilon n) - D(x)) / epsilon)², n ~ N(0, I), which is R1 + O(epsilon²).

    E (n·∇D)² = |∇D|². It needs no second derivative, so it is cheaper and compiles anywhere, but
    one draw of n scatters by √2 of its expectation on each sample. With a
    smaller epsilon rounding errors grow. Lin et al. (2025), "Diffusion adversarial post-training",
    approximate R1 alike for a D too large for second derivatives.
    """

    gamma: float = 10.0
    epsilon: float = 0.01

    def __post_init__(self) -> None:
        """Refuse a reward for steepness, and a step of no length."""
        _not_negative("FiniteDifferenceR1", "gamma", self.gamma)
        _positive("FiniteDifferenceR1", "epsilon", self.epsilon)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty at the real batch."""
        return self.gamma / 2 * _squared_difference(players, batch, batch.real, self.epsilon)


@dataclass(frozen=True)
class FiniteDifferenceR2:
    """gamma/2 E((D(x̃ + epsilon n) - D(x̃)) / epsilon)², x̃ = G(z), n ~ N(0, I): R2 + O(epsilon²)."""

    gamma: float = 10.0
    epsilon: float = 0.01

    def __post_init__(self) -> None:
        """Refuse a reward for steepness, and a step of no length."""
        _not_negative("FiniteDifferenceR2", "gamma", self.gamma)
        _positive("FiniteDifferenceR2", "epsilon", self.epsilon)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The penalty at the generated batch."""
        return self.gamma / 2 * _squared_difference(players, batch, batch.fake, self.epsilon)


def _squared_slope(discriminator: Net, inputs: Inputs) -> Float[Tensor, ""]:
    """E|∇D|²: all squares of all samples, divided by the number of samples."""
    gradient = input_gradient(discriminator, inputs)
    return gradient.square().sum() / len(gradient)


def _slope(discriminator: Net, inputs: Inputs) -> Float[Tensor, " m"]:
    """|∇D| of each sample. Where it is 0 its own gradient is taken as 0, not as 0/0."""
    gradient = input_gradient(discriminator, inputs)
    slope: Tensor = torch.linalg.vector_norm(gradient.reshape(len(gradient), -1), dim=1)
    return slope


def _off_one(slope: Float[Tensor, " m"], *, one_sided: bool) -> Float[Tensor, ""]:
    excess = slope - 1
    return (excess.relu() if one_sided else excess).square().mean()


def _one_each(batch: Batch, x: Tensor) -> Tensor:
    """U(0, 1), one number a sample, of a shape that multiplies x."""
    return batch.random.uniform(len(x), *(1 for _ in x.shape[1:])).to(x)


def _squared_difference(
    players: Players[Net], batch: Batch, inputs: Inputs, epsilon: float
) -> Float[Tensor, ""]:
    x, *conditions = inputs
    shifted = x + epsilon * batch.random.normal(*x.shape).to(x)
    discriminator = players.discriminator
    difference = discriminator(shifted, *conditions) - discriminator(*inputs)
    return (difference / epsilon).square().mean()


def _not_negative(name: str, field: str, value: float) -> None:
    if not value >= 0:
        raise InputError(f"{name} takes {field} >= 0 (0 charges nothing), not {value}.")


def _positive(name: str, field: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} takes {field} > 0, not {value}.")
