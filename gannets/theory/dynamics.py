"""w_{t+1} - w* ≈ M (w_t - w*): an update near an equilibrium is a linear operator, with a rate.

J = v'(w*) is the Jacobian of the game's field v = (∇_θ L_G, ∇_φ L_D) where v(w*) = 0. The rate is
the spectral radius of M, the factor of the distance per step: below 1 the update converges to w*,
above 1 it does not (Ostrowski). In continuous time dw/dt = -v, so that the eigenvalues in papers
(Mescheder et al. 2018) are those of -J: stable when all real parts are negative.

Two learning rates: put them into J, diag(lr_G ..., lr_D ...) J, and take lr = 1.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from gannets.theory.games import Field, Point, Scalar

Square: TypeAlias = Float[Tensor, "w w"]


def jacobian(field: Field, point: Point) -> Square:
    """J = v'(point), by reverse-mode autograd."""
    matrix: Tensor = torch.func.jacrev(field)(point)
    return matrix


def flow_eigenvalues(jacobian: Square) -> Complex[Tensor, " w"]:
    """The eigenvalues of dw/dt = -v near the equilibrium, those of -J, by real then imaginary part.

    Real parts below 0: attracted. All zero: a centre, neither attracted nor repelled (first order).
    """
    values: Tensor = torch.linalg.eigvals(-_square(jacobian))
    order = sorted(range(len(values)), key=lambda i: (values[i].real.item(), values[i].imag.item()))
    return values[order]


def spectral_radius(operator: Square) -> Scalar:
    """ρ(M) = max |λ|: lim |M^t w|^{1/t} for almost every w."""
    values: Tensor = torch.linalg.eigvals(_square(operator))
    return values.abs().max()


def simultaneous_operator(jacobian: Square, lr: float) -> Square:
    """I - lr J: w <- w - lr v(w), both players at once."""
    return _identity(jacobian) - lr * jacobian


def alternating_operator(jacobian: Square, lr: float, *, split: int, k: int = 1) -> Square:
    """(I - lr P_G J) (I - lr P_D J)^k: k steps of D, then one of G, who sees the new D.

    Algorithm 1 of Goodfellow et al. 2014. θ = w[:split]. With k = 1 the order of the players does
    not change the eigenvalues. ValueError unless 0 < split < size and k >= 1.
    """
    identity = _identity(jacobian)
    if not 0 < split < len(identity) or k < 1:
        raise ValueError(
            f"split={split} and k={k}: split must leave parameters to both players, from 1 to "
            f"{len(identity) - 1}, and k must be at least 1."
        )
    of_generator = (torch.arange(len(identity), device=jacobian.device) < split)[:, None]
    generator_step = identity - lr * jacobian.where(of_generator, 0)
    discriminator_step = identity - lr * jacobian.where(~of_generator, 0)
    discriminator_steps: Tensor = torch.linalg.matrix_power(discriminator_step, k)
    return generator_step @ discriminator_steps


def extragradient_operator(jacobian: Square, lr: float) -> Square:
    """I - lr J + lr² J²: w <- w - lr v(w - lr v(w)) (Korpelevich 1976)."""
    return _identity(jacobian) - lr * jacobian + lr**2 * jacobian @ jacobian


def optimistic_operator(jacobian: Square, lr: float) -> Float[Tensor, "twice twice"]:
    """[[I - 2 lr J, lr J], [I, 0]] on (w_t, w_{t-1}): w <- w - 2 lr v_t + lr v_{t-1}.

    Optimistic gradient descent (Daskalakis et al. 2018).
    """
    identity = _identity(jacobian)
    now = torch.cat([identity - 2 * lr * jacobian, lr * jacobian], dim=1)
    return torch.cat([now, torch.cat([identity, torch.zeros_like(identity)], dim=1)])


def consensus_operator(jacobian: Square, lr: float, *, gamma: float) -> Square:
    """I - lr (J + γ JᵀJ): w <- w - lr (v + γ Jᵀ v) (Mescheder et al. 2017)."""
    return _identity(jacobian) - lr * (jacobian + gamma * jacobian.T @ jacobian)


def simultaneous_rate(jacobian: Square, lr: float) -> Scalar:
    """= max |1 - lr λ|; for λ = ±i it is √(1 + lr²), above 1: the simultaneous game spirals out."""
    return spectral_radius(simultaneous_operator(jacobian, lr))


def alternating_rate(jacobian: Square, lr: float, *, split: int, k: int = 1) -> Scalar:
    """Of the xy game (k = 1) 1 for lr <= 2: closed orbits, neither converging nor diverging."""
    return spectral_radius(alternating_operator(jacobian, lr, split=split, k=k))


def extragradient_rate(jacobian: Square, lr: float) -> Scalar:
    """= max |1 - lr λ + lr² λ²|; for λ = ±i it is √((1 - lr²)² + lr²), below 1 for lr < 1."""
    return spectral_radius(extragradient_operator(jacobian, lr))


def optimistic_rate(jacobian: Square, lr: float) -> Scalar:
    """Of the companion matrix; for λ = ±i below 1 for lr < 1/√3."""
    return spectral_radius(optimistic_operator(jacobian, lr))


def consensus_rate(jacobian: Square, lr: float, *, gamma: float) -> Scalar:
    """For λ = ±i √((1 - lr γ)² + lr²)."""
    return spectral_radius(consensus_operator(jacobian, lr, gamma=gamma))


def _identity(jacobian: Tensor) -> Tensor:
    return torch.eye(len(_square(jacobian)), dtype=jacobian.dtype, device=jacobian.device)


def _square(matrix: Tensor) -> Tensor:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.numel():
        raise ValueError(f"the matrix has shape {tuple(matrix.shape)}: it must be square.")
    return matrix
