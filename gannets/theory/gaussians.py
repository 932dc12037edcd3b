"""Distances between Gaussians in closed form, from their means and covariances.

FD = W2² is Fréchet's (Dowson and Landau 1982; Heusel et al. 2017, eq. 6). All are exact for
singular covariances. "Isotropic" functions ask for covariances σ² I, and check it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """A mean (d,) and a covariance (d, d), symmetric and positive semi-definite."""

    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]

    def __post_init__(self) -> None:
        """Refuse what is not a mean and a symmetric covariance."""
        d = self.mean.shape[0] if self.mean.ndim == 1 else -1
        if self.covariance.shape != (d, d):
            raise ValueError(
                f"mean has shape {tuple(self.mean.shape)} and covariance "
                f"{tuple(self.covariance.shape)}: they must be (d,) and (d, d)."
            )
        covariance = self.covariance.detach()
        asymmetry = float((covariance - covariance.T).abs().max())
        scale = float(covariance.abs().max())
        if not asymmetry <= 1e3 * torch.finfo(self.covariance.dtype).eps * scale:
            raise ValueError(f"covariance differs from its transpose by {asymmetry:.3g}.")

    @staticmethod
    def isotropic(mean: Float[Tensor, " d"], sigma: float) -> Moments:
        """N(mean, σ² I); ValueError for a negative sigma."""
        if not sigma >= 0:
            raise ValueError(f"sigma={sigma} must be 0 or more.")
        eye = torch.eye(mean.shape[0], dtype=mean.dtype, device=mean.device)
        return Moments(mean, sigma**2 * eye)

    @staticmethod
    def of(samples: Float[Tensor, "n d"]) -> Moments:
        """The sample mean and the unbiased sample covariance (divisor n - 1); n >= 2."""
        if samples.ndim != 2 or samples.shape[0] < 2:
            raise ValueError(f"samples has shape {tuple(samples.shape)}: give (n, d), n >= 2.")
        mean = samples.mean(0)
        centred = samples - mean
        return Moments(mean, centred.T @ centred / (samples.shape[0] - 1))


def gaussian_kl(p: Moments, q: Moments) -> Float[Tensor, ""]:
    """KL(P || Q) = 1/2 [tr S_q⁻¹S_p + Δᵀ S_q⁻¹ Δ - d + log |S_q| / |S_p|].

    +inf where P is not absolutely continuous with respect to Q; exact when Q lives on a subspace.
    """
    difference = _difference(p, q)
    values, vectors = _spectrum(q.covariance)
    keep = values > 0
    off, basis = vectors[:, ~keep], vectors[:, keep] * values[keep].rsqrt()
    leak = (off.T @ p.covariance @ off).trace() + (off.T @ difference).square().sum()
    scale = p.covariance.trace() + difference.square().sum()
    if leak > 100 * difference.shape[0] * torch.finfo(leak.dtype).eps * scale:
        return torch.full_like(leak, math.inf)
    ratios, _ = _spectrum(basis.T @ p.covariance @ basis)
    terms = torch.where(ratios > 0, ratios - 1 - ratios.log(), math.inf)
    return (terms.sum() + (basis.T @ difference).square().sum()) / 2


def frechet(p: Moments, q: Moments) -> Float[Tensor, ""]:
    """FD = W2² = |Δ|² + tr(S_p + S_q - 2 (S_p^{1/2} S_q S_p^{1/2})^{1/2}).

    By factors S = A Aᵀ the covariance part is min_O |A - B O|² over orthogonal O (Procrustes), the
    nuclear-norm form without its cancellation: no square root of a rounding error, never negative.
    """
    difference = _difference(p, q)
    root_p, root_q = _root(p.covariance), _root(q.covariance)
    left, _, right = torch.linalg.svd(root_p.T @ root_q)
    apart: Tensor = root_p @ left - root_q @ right.T
    return difference.square().sum() + apart.square().sum()


def gaussian_energy(p: Moments, q: Moments) -> Float[Tensor, ""]:
    """Energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| (Székely and Rizzo 2013), isotropic.

    One dimension: E|N(Δ, s²)| = s √(2/π) exp(-Δ²/2s²) + Δ (1 - 2 Φ(-Δ/s)). More dimensions: the
    mean of a noncentral chi, summed as a Poisson mixture of central ones. Not differentiable.
    """
    difference = _difference(p, q).detach()
    s_p, s_q, d = float(_sigma(p).detach()), float(_sigma(q).detach()), difference.shape[0]
    across = mean_norm(
        float(torch.linalg.vector_norm(difference)), math.hypot(s_p, s_q), dimension=d
    )
    within = mean_norm(0.0, math.sqrt(2) * s_p, dimension=d)
    within += mean_norm(0.0, math.sqrt(2) * s_q, dimension=d)
    return torch.tensor(2 * across - within, dtype=difference.dtype)


def gaussian_mmd2(p: Moments, q: Moments, *, width: float) -> Float[Tensor, ""]:
    """MMD² with k(x, y) = exp(-|x-y|² / 2k²), isotropic (Gretton et al. 2012).

    M(v, Δ) = (k²/(k²+v))^{d/2} exp(-|Δ|² / 2(k²+v)) is E k(X, Y) for X - Y ~ N(Δ, v I), and
    MMD² = M(2 σ_p², 0) + M(2 σ_q², 0) - 2 M(σ_p² + σ_q², Δ).
    """
    if not width > 0:
        raise ValueError(f"width={width} must be positive.")
    difference = _difference(p, q)
    d, squared = difference.shape[0], difference.square().sum()
    v_p, v_q = _sigma(p) ** 2, _sigma(q) ** 2

    def mean_kernel(variance: Tensor, gap: Tensor) -> Tensor:
        total = width**2 + variance
        return (width**2 / total) ** (d / 2) * torch.exp(-gap / (2 * total))

    nothing = torch.zeros_like(squared)
    within = mean_kernel(2 * v_p, nothing) + mean_kernel(2 * v_q, nothing)
    return within - 2 * mean_kernel(v_p + v_q, squared)


def sliced_w2_squared(p: Moments, q: Moments) -> Float[Tensor, ""]:
    """SW2² = |Δ|²/d + (σ_p - σ_q)²: W2² of a projection, averaged over the sphere; isotropic."""
    difference = _difference(p, q)
    return difference.square().mean() + (_sigma(p) - _sigma(q)) ** 2


def linear_logit(p: Moments, q: Moments) -> tuple[Float[Tensor, " d"], Float[Tensor, ""]]:
    """The optimal discriminator of equal covariances S: logit D*(x) = slope · x + offset.

    slope = S⁻¹(m_p - m_q), offset = -slope · (m_p + m_q)/2, P the data. ValueError if the
    covariances differ.
    """
    difference = _difference(p, q)
    if not torch.allclose(p.covariance, q.covariance, rtol=1e-9, atol=0):
        raise ValueError("the covariances differ: logit D* is linear only when they are equal.")
    slope = torch.linalg.solve(p.covariance, difference)
    return slope, -slope @ (p.mean + q.mean) / 2


def mean_norm(distance: float, sigma: float, *, dimension: int) -> float:
    """E|X| for X ~ N(Δ, σ² I) in `dimension` dimensions, |Δ| = distance."""
    if sigma == 0:
        return distance
    if dimension == 1:
        z = distance / sigma
        centre = sigma * math.sqrt(2 / math.pi) * math.exp(-z * z / 2)
        return centre + distance * math.erf(z / math.sqrt(2))
    half = distance**2 / sigma**2 / 2
    width = 40 * math.sqrt(half) + 60
    j = torch.arange(max(0, math.floor(half - width)), math.ceil(half + width), dtype=torch.float64)
    log_poisson = torch.xlogy(j, torch.tensor(half, dtype=j.dtype)) - torch.lgamma(j + 1)
    chi_mean = math.sqrt(2) * _gamma_ratio(j + dimension / 2)
    return sigma * float(log_poisson.softmax(0) @ chi_mean)


def _gamma_ratio(a: Tensor) -> Tensor:
    """Γ(a + 1/2) / Γ(a); from 60 on by its asymptotic series, which does not cancel."""
    small = torch.exp(torch.lgamma(a + 0.5) - torch.lgamma(a))
    coefficients = (-1 / 8, 1 / 128, 5 / 1024, -21 / 32768, -399 / 262144)
    series = 1 + sum(c * a.pow(-n) for n, c in enumerate(coefficients, start=1))
    return torch.where(a < 60, small, a.sqrt() * series)


def _difference(p: Moments, q: Moments) -> Tensor:
    if p.mean.shape != q.mean.shape:
        raise ValueError(
            f"the dimensions are {p.mean.shape[0]} and {q.mean.shape[0]}: they must be equal."
        )
    return p.mean - q.mean


def _sigma(p: Moments) -> Tensor:
    """σ of a covariance σ² I; ValueError for any other."""
    variance = p.covariance.diagonal().mean()
    eye = torch.eye(p.mean.shape[0], dtype=p.covariance.dtype, device=p.covariance.device)
    if not torch.allclose(
        p.covariance, variance * eye, rtol=0, atol=1e-9 * float(variance.detach())
    ):
        raise ValueError(
            "the covariance is not σ² I: this closed form holds for isotropic Gaussians only."
        )
    return variance.sqrt()


def _spectrum(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (increasing, exact zeros for those that are rounding) and eigenvectors."""
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    largest = values.abs().max() if values.numel() else values.sum()
    rounding = values.shape[0] * torch.finfo(values.dtype).eps * largest
    if bool((values < -1e3 * rounding).any()):
        raise ValueError(
            f"the covariance has the eigenvalue {float(values.detach().min()):.3g}: "
            "none may be negative."
        )
    return torch.where(values > rounding, values, 0), vectors


def _root(covariance: Tensor) -> Tensor:
    """A with S = A Aᵀ."""
    values, vectors = _spectrum(covariance)
    return vectors * values.sqrt()
