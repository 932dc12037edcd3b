"""v(w) = (∇_θ L_G, ∇_φ L_D): the smallest games, with both losses and their field in closed form.

w = (θ, φ), G's parameters first. A player descends its own loss: w <- w - lr v(w) in discrete time,
dw/dt = -v(w) in continuous time. The Dirac-GAN (Mescheder et al. 2018, Definition 2.1): the data
are δ_0, the generator is δ_θ and D's logit is ψ x; the equilibrium is (0, 0). Here D says "real"
with a high logit, as in eq. 1 of Goodfellow et al. 2014; Mescheder's is its mirror image, ψ -> -ψ,
with the same spectrum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from gannets.theory.quadrature import gauss_hermite

Point: TypeAlias = Float[Tensor, " w"]
Scalar: TypeAlias = Float[Tensor, ""]
Field: TypeAlias = Callable[[Point], Point]
Loss: TypeAlias = Callable[[Point], Scalar]


def gradient_field(generator: Loss, discriminator: Loss, *, split: int) -> Field:
    """v(w) = (∇_θ L_G, ∇_φ L_D) by autograd, θ = w[:split], φ = w[split:]."""

    def field(w: Point) -> Point:
        of_generator = torch.func.grad(generator)(w)
        of_discriminator = torch.func.grad(discriminator)(w)
        return torch.cat([of_generator[:split], of_discriminator[split:]])

    return field


@dataclass(frozen=True)
class XYGame:
    """V(x, y) = x y, x descends and y ascends (Goodfellow 2016): v = (y, -x)."""

    def generator(self, w: Point) -> Scalar:
        """L_G = x y."""
        return w[0] * w[1]

    def discriminator(self, w: Point) -> Scalar:
        """L_D = -x y."""
        return -w[0] * w[1]

    def __call__(self, w: Point) -> Point:
        """v(w)."""
        return torch.stack([w[1], -w[0]])


@dataclass(frozen=True)
class DiracGAN:
    """The 2014 game on Diracs, saturating: V = log σ(0) + log σ(-ψθ) = -L_D = L_G."""

    def generator(self, w: Point) -> Scalar:
        """L_G = log(1 - D(θ)), up to a constant."""
        return -softplus(w[0] * w[1])

    def discriminator(self, w: Point) -> Scalar:
        """L_D = -log(1 - D(θ)), up to a constant."""
        return softplus(w[0] * w[1])

    def __call__(self, w: Point) -> Point:
        """v(w) = σ(ψθ) (-ψ, θ)."""
        theta, psi = w
        return torch.sigmoid(psi * theta) * torch.stack([-psi, theta])


@dataclass(frozen=True)
class DiracNonSaturating:
    """The non-saturating game on Diracs, L_G = -log D(θ) (Goodfellow et al. 2014, section 3)."""

    def generator(self, w: Point) -> Scalar:
        """L_G = -log D(θ)."""
        return softplus(-w[0] * w[1])

    def discriminator(self, w: Point) -> Scalar:
        """L_D = -log(1 - D(θ)), up to a constant."""
        return softplus(w[0] * w[1])

    def __call__(self, w: Point) -> Point:
        """v(w) = (-ψ σ(-ψθ), θ σ(ψθ))."""
        theta, psi = w
        logit = psi * theta
        return torch.stack([-psi * torch.sigmoid(-logit), theta * torch.sigmoid(logit)])


@dataclass(frozen=True)
class DiracWasserstein:
    """The WGAN on Diracs, without any Lipschitz constraint: L_D = ψθ = -L_G (Arjovsky 2017)."""

    def generator(self, w: Point) -> Scalar:
        """L_G = -ψθ."""
        return -w[0] * w[1]

    def discriminator(self, w: Point) -> Scalar:
        """L_D = ψθ - ψ0."""
        return w[0] * w[1]

    def __call__(self, w: Point) -> Point:
        """v(w) = (-ψ, θ)."""
        return torch.stack([-w[1], w[0]])


@dataclass(frozen=True)
class DiracInstanceNoise:
    """The 2014 game on N(0, σ²) and N(θ, σ²): Diracs seen through noise (Sønderby et al. 2017).

    The expectations are Gauss-Hermite sums of `order` nodes, exact for the Jacobian at 0.
    """

    sigma: float
    order: int = 64

    def generator(self, w: Point) -> Scalar:
        """L_G = -E softplus(ψ (θ + n))."""
        noise, weights = self._noise(w)
        return -(weights * softplus(w[1] * (w[0] + noise))).sum()

    def discriminator(self, w: Point) -> Scalar:
        """L_D = E softplus(-ψ n) + E softplus(ψ (θ + n))."""
        noise, weights = self._noise(w)
        fake = softplus(w[1] * (w[0] + noise))
        return (weights * (softplus(-w[1] * noise) + fake)).sum()

    def __call__(self, w: Point) -> Point:
        """v(w) = (-ψ E σ(ψ(θ+n)), E (θ+n) σ(ψ(θ+n)) - E n σ(-ψn))."""
        theta, psi = w
        noise, weights = self._noise(w)
        fake = torch.sigmoid(psi * (theta + noise))
        of_psi = (theta + noise) * fake - noise * torch.sigmoid(-psi * noise)
        return torch.stack([-psi * (weights * fake).sum(), (weights * of_psi).sum()])

    def _noise(self, w: Tensor) -> tuple[Tensor, Tensor]:
        noise, weights = gauss_hermite(self.order)
        return self.sigma * noise.to(w), weights.to(w)


@dataclass(frozen=True)
class DiracR1:
    """A Dirac-GAN with R1: L_D + γ/2 E_data |∇_x D|² = L_D + γ/2 ψ² (Mescheder et al. 2018)."""

    gamma: float
    field: Field = DiracGAN()

    def __call__(self, w: Point) -> Point:
        """v(w) + (0, γψ)."""
        return self.field(w) + torch.stack([torch.zeros_like(w[1]), self.gamma * w[1]])


@dataclass(frozen=True)
class Consensus:
    """v + γ ∇(|v|²/2) = v + γ Jᵀ v: consensus optimization (Mescheder et al. 2017).

    Any field; both players descend the same added loss γ/2 |v|².
    """

    gamma: float
    field: Field

    def __call__(self, w: Point) -> Point:
        """v(w) + γ J(w)ᵀ v(w)."""
        v: Tensor
        v, pull = torch.func.vjp(self.field, w)[:2]
        toward: Tensor = pull(v)[0]
        return v + self.gamma * toward
