"""Closed forms between Gaussians against quadrature, Monte Carlo, samples and each other."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from torch import Tensor

from gannets.theory import (
    KL,
    GaussLegendre,
    Moments,
    Normal,
    f_divergence_by_quadrature,
    frechet,
    gaussian_energy,
    gaussian_kl,
    gaussian_mmd2,
    gaussian_w2,
    linear_logit,
    mean_norm,
    optimal_logit,
    sliced_w2_squared,
    wasserstein_1d,
)

NARROW, WIDE = Normal(0.0, 1.0), Normal(0.7, 1.5)
LINE = GaussLegendre((-14.0,), (15.0,), panels=64, order=16)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random_moments(d: int, seed: int, rank: int | None = None) -> Moments:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(d, generator=generator, dtype=torch.float64)
    factor = torch.randn(d, rank or d, generator=generator, dtype=torch.float64)
    covariance = factor @ factor.T
    return Moments(mean, (covariance + covariance.T) / 2)


def test_unit_gaussians_one_apart() -> None:
    p, q = Normal(0.0).moments, Normal(1.0).moments
    assert gaussian_kl(p, q).item() == 0.5
    assert gaussian_w2(p, q).item() == 1.0
    assert frechet(p, q).item() == 1.0


def test_kl_against_quadrature_and_the_textbook() -> None:
    p, q = NARROW, WIDE
    numeric = f_divergence_by_quadrature(p.log_density, q.log_density, divergence=KL(), rule=LINE)
    assert gaussian_kl(p.moments, q.moments).item() == pytest.approx(numeric.item(), rel=1e-12)
    a, b = random_moments(4, 0), random_moments(4, 1)
    inverse = torch.linalg.inv(b.covariance)
    gap = b.mean - a.mean
    textbook = (
        (inverse @ a.covariance).trace()
        + gap @ inverse @ gap
        - 4
        + torch.logdet(b.covariance)
        - torch.logdet(a.covariance)
    ) / 2
    torch.testing.assert_close(gaussian_kl(a, b), textbook, rtol=1e-10, atol=0)
    assert gaussian_kl(a, a).item() == pytest.approx(0, abs=1e-12)


def test_kl_of_degenerate_gaussians() -> None:
    """On a common plane it is the KL in the plane; otherwise one sees what the other cannot."""
    flat = Moments(float64(0, 0, 0), torch.diag(float64(1, 1, 0)))
    inside = Moments(float64(1, 0, 0), torch.diag(float64(1, 4, 0)))
    assert gaussian_kl(inside, flat).item() == pytest.approx((1 + 4 - 1 - math.log(4)) / 2)
    turn, _ = torch.linalg.qr(random_moments(3, 2).covariance)
    turned = [
        Moments(turn @ m.mean, _symmetric(turn @ m.covariance @ turn.T)) for m in (inside, flat)
    ]
    assert gaussian_kl(*turned).item() == pytest.approx((1 + 4 - 1 - math.log(4)) / 2)
    full = Moments.isotropic(float64(0, 0, 0), 1.0)
    lifted = Moments(float64(0, 0, 0.1), flat.covariance)
    line = Moments(float64(0, 0, 0), torch.diag(float64(1, 0, 0)))
    for p, q in ((full, flat), (flat, full), (lifted, flat), (line, flat), (flat, line)):
        assert gaussian_kl(p, q).item() == math.inf


def _symmetric(matrix: Tensor) -> Tensor:
    return (matrix + matrix.T) / 2


def test_frechet_of_commuting_covariances() -> None:
    a, b = float64(1, 4, 9), float64(4, 1, 0.25)
    p, q = Moments(float64(0, 1, 2), a.diag()), Moments(float64(1, 1, 0), b.diag())
    closed = 1 + 4 + (a.sqrt() - b.sqrt()).square().sum()
    torch.testing.assert_close(frechet(p, q), closed, rtol=1e-14, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_frechet_is_the_trace_formula(seed: int) -> None:
    p, q = random_moments(5, seed), random_moments(5, seed + 100)
    values, vectors = torch.linalg.eigh(p.covariance)
    root = vectors * values.sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(_symmetric(root @ q.covariance @ root)).sqrt().sum()
    traces = p.covariance.trace() + q.covariance.trace()
    formula = (p.mean - q.mean).square().sum() + traces - 2 * cross
    torch.testing.assert_close(frechet(p, q), formula, rtol=1e-10, atol=0)
    torch.testing.assert_close(frechet(q, p), formula, rtol=1e-10, atol=0)


def test_frechet_is_exact_for_singular_covariances() -> None:
    """Rank one: (u·v) decides; the eigenvalue route loses half the digits here, 1e-8."""
    u, v = float64(1, 0, 0, 0), float64(0.6, 0.8, 0, 0)
    p = Moments(float64(0, 0, 0, 0), 4 * torch.outer(u, u))
    q = Moments(float64(0, 0, 0, 0), 9 * torch.outer(v, v))
    assert frechet(p, q).item() == pytest.approx(4 + 9 - 2 * 2 * 3 * 0.6, abs=1e-13)
    thin = random_moments(40, 3, rank=2)
    assert 0 <= frechet(thin, thin).item() < 1e-13
    dirac = Moments(thin.mean, torch.zeros_like(thin.covariance))
    torch.testing.assert_close(frechet(thin, dirac), thin.covariance.trace(), rtol=1e-13, atol=0)


def test_w2_of_gaussians_obeys_the_triangle_inequality_and_gelbrich() -> None:
    a, b, c = (random_moments(3, seed) for seed in (5, 6, 7))
    assert gaussian_w2(a, c) <= gaussian_w2(a, b) + gaussian_w2(b, c)
    x = Normal(0.0, 1.0).sample(200_000, torch.Generator().manual_seed(0))[:, 0]
    y = Normal(0.7, 1.5).sample(200_000, torch.Generator().manual_seed(1))[:, 0]
    closed = gaussian_w2(NARROW.moments, WIDE.moments).item()
    assert closed == pytest.approx(math.sqrt(0.49 + 0.25), abs=1e-15)
    assert wasserstein_1d(x, y, p=2.0).item() == pytest.approx(closed, abs=0.015)


def test_energy_in_one_dimension() -> None:
    p, q = NARROW.moments, WIDE.moments
    energy = gaussian_energy(p, q).item()
    assert energy == pytest.approx(0.27005, abs=5.1e-6)
    # Cramér: the energy distance is 2 ∫ (F - G)².
    squared = LINE.integrate(
        lambda x: (torch.special.ndtr(x[:, 0]) - torch.special.ndtr((x[:, 0] - 0.7) / 1.5)).square()
    )
    assert energy == pytest.approx(2 * squared.item(), rel=1e-12)
    assert gaussian_energy(p, p).item() == pytest.approx(0, abs=1e-15)
    points = [Moments.isotropic(float64(at), 0.0) for at in (0.0, 3.0)]
    assert gaussian_energy(*points).item() == 6.0


@pytest.mark.parametrize("dimension", [1, 2, 3, 10, 50])
@pytest.mark.parametrize(("distance", "sigma"), [(0.7, 0.5), (3.0, 1.5), (25.0, 1.0), (300.0, 1.0)])
def test_mean_norm_is_a_hypergeometric_function(
    dimension: int, distance: float, sigma: float
) -> None:
    """E|N(Δ, σ² I)| = σ √2 Γ((d+1)/2)/Γ(d/2) 1F1(-1/2; d/2; -|Δ|²/2σ²), by mpmath."""
    half_d, squared = mpmath.mpf(dimension) / 2, mpmath.mpf(distance / sigma) ** 2
    exact = sigma * mpmath.sqrt(2) * mpmath.gamma(half_d + 0.5) / mpmath.gamma(half_d)
    exact *= mpmath.hyp1f1(-0.5, half_d, -squared / 2)
    assert mean_norm(distance, sigma, dimension=dimension) == pytest.approx(float(exact), rel=1e-14)
    if dimension == 3:
        z = distance / sigma
        closed = sigma * math.sqrt(2 / math.pi) * math.exp(-z * z / 2)
        closed += (distance + sigma**2 / distance) * math.erf(z / math.sqrt(2))
        assert float(exact) == pytest.approx(closed, rel=1e-13)


def test_mean_norm_at_the_ends() -> None:
    assert mean_norm(0.0, 2.0, dimension=2) == pytest.approx(2 * math.sqrt(math.pi / 2), rel=1e-14)
    assert mean_norm(3.0, 0.0, dimension=5) == 3.0
    # Far away |X| = |Δ| + (d-1) σ²/(2|Δ|) + O(|Δ|^-3).
    assert mean_norm(2000.0, 1.0, dimension=7) == pytest.approx(2000 + 6 / 4000, abs=1e-8)


def test_energy_in_three_dimensions_by_monte_carlo() -> None:
    n = 400_000
    p, q = Normal((0.0,) * 3, 1.0), Normal((0.7, 0.0, -0.2), 1.5)
    g = torch.Generator().manual_seed(0)
    x, x_ = p.sample(n, g), p.sample(n, g)
    y, y_ = q.sample(n, g), q.sample(n, g)
    terms = 2 * (x - y).norm(dim=1) - (x - x_).norm(dim=1) - (y - y_).norm(dim=1)
    error = 4 * terms.std().item() / math.sqrt(n)
    closed = gaussian_energy(p.moments, q.moments).item()
    assert closed == pytest.approx(terms.mean().item(), abs=error)
    assert error < closed / 5


@pytest.mark.parametrize("width", [0.3, 1.0, 4.0])
def test_mmd2_in_one_dimension_by_quadrature(width: float) -> None:
    """MMD² = ∫∫ k(x, y) (p - q)(x) (p - q)(y), on a square."""
    rule = GaussLegendre((-7.0, -7.0), (8.0, 8.0), panels=50, order=8)

    def integrand(xy: Tensor) -> Tensor:
        signed = [
            NARROW.log_density(xy[:, i : i + 1]).exp() - WIDE.log_density(xy[:, i : i + 1]).exp()
            for i in (0, 1)
        ]
        kernel = torch.exp(-((xy[:, 0] - xy[:, 1]) ** 2) / (2 * width**2))
        return kernel * signed[0] * signed[1]

    closed = gaussian_mmd2(NARROW.moments, WIDE.moments, width=width).item()
    assert closed == pytest.approx(rule.integrate(integrand).item(), abs=1e-6)
    assert closed > 1e-3
    assert gaussian_mmd2(WIDE.moments, WIDE.moments, width=width).item() == 0


def test_mmd2_in_three_dimensions_by_monte_carlo() -> None:
    n, width = 400_000, 1.2
    p, q = Normal((0.0,) * 3, 1.0), Normal((0.7, 0.0, -0.2), 1.5)
    g = torch.Generator().manual_seed(0)
    x, x_ = p.sample(n, g), p.sample(n, g)
    y, y_ = q.sample(n, g), q.sample(n, g)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a - b).square().sum(1) / (2 * width**2))

    terms = kernel(x, x_) + kernel(y, y_) - 2 * kernel(x, y)
    closed = gaussian_mmd2(p.moments, q.moments, width=width).item()
    error = 4 * terms.std().item() / math.sqrt(n)
    assert closed == pytest.approx(terms.mean().item(), abs=error)
    assert error < closed / 5


def test_sliced_w2_is_the_mean_over_directions() -> None:
    p = Moments.isotropic(float64(1.0, -2.0, 0.5), 0.8)
    q = Moments.isotropic(float64(0.0, 1.0, 0.0), 2.0)
    # Exact for the sphere: an average over the axes is one over any rotation of them.
    along_axes = [
        frechet(Normal(a, 0.8).moments, Normal(b, 2.0).moments).item()
        for a, b in zip(p.mean.tolist(), q.mean.tolist(), strict=True)
    ]
    assert sliced_w2_squared(p, q).item() == pytest.approx(sum(along_axes) / 3, rel=1e-13)
    one = Moments.isotropic(float64(1.0), 0.8), Moments.isotropic(float64(3.0), 2.0)
    torch.testing.assert_close(sliced_w2_squared(*one), frechet(*one))


def test_equal_covariances_have_a_linear_optimal_logit() -> None:
    covariance = ((2.0, 0.3), (0.3, 0.5))
    real = Normal((1.0, 0.0), covariance=covariance)
    fake = Normal((-0.5, 2.0), covariance=covariance)
    slope, offset = linear_logit(real.moments, fake.moments)
    x = 3 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = optimal_logit(real.log_density(x), fake.log_density(x))
    torch.testing.assert_close(x @ slope + offset, exact, rtol=1e-11, atol=1e-11)
    with pytest.raises(ValueError, match="linear only when they are equal"):
        linear_logit(real.moments, Normal((0.0, 0.0)).moments)


def test_moments_of_samples() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moments = Moments.of(x)
    torch.testing.assert_close(moments.covariance, x.T.cov())
    torch.testing.assert_close(moments.mean, x.mean(0))


@pytest.mark.usefixtures("production")
def test_bad_input_is_refused_in_sentences() -> None:
    eye = torch.eye(2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"must be \(d,\) and \(d, d\)"):
        Moments(float64(0, 0, 0), eye)
    with pytest.raises(ValueError, match="differs from its transpose by 1"):
        Moments(float64(0, 0), eye + torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="none may be negative"):
        frechet(Moments(float64(0, 0), -eye), Moments(float64(0, 0), eye))
    with pytest.raises(ValueError, match="the dimensions are 2 and 1"):
        frechet(Moments(float64(0, 0), eye), Normal(0.0).moments)
    with pytest.raises(ValueError, match="isotropic Gaussians only"):
        gaussian_energy(random_moments(2, 0), Moments(float64(0, 0), eye))
    with pytest.raises(ValueError, match=r"width=0.0 must be positive"):
        gaussian_mmd2(NARROW.moments, WIDE.moments, width=0.0)
    with pytest.raises(ValueError, match="n >= 2"):
        Moments.of(eye[:1])
