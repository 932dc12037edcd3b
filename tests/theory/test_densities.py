"""Every density against itself: integral 1, score, samples, and what each one is known for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gannets.theory import (
    Box,
    Density,
    Dirac,
    GaussLegendre,
    Grid,
    Mixture,
    Normal,
    ParallelLines,
    Ring,
    Spirals,
    TwoMoons,
)

TILTED = Normal((0.5, -1.0), covariance=((0.5, 0.3), (0.3, 0.4)))
# A density, and a rule whose box holds it and whose panels are short against its noise.
SMOOTH: list[tuple[Density, GaussLegendre]] = [
    (Normal(0.7, 1.5), GaussLegendre((-14.0,), (15.0,), panels=32)),
    (TILTED, GaussLegendre((-6.0, -7.0), (7.0, 5.0), panels=20, order=8)),
    (
        Normal((0.0, 1.0), (0.3, 2.0)),
        GaussLegendre((-3.0, -15.0), (3.0, 17.0), panels=20, order=8),
    ),
    (
        Mixture((Normal(-2.0, 0.5), Normal(1.0, 1.0)), (3.0, 7.0)),
        GaussLegendre((-9.0,), (11.0,), panels=40),
    ),
    (
        Mixture((TILTED, Mixture((Normal((3.0, 3.0), 0.4), Normal((3.0, 0.0), 0.4))))),
        GaussLegendre((-6.0, -7.0), (7.0, 7.0), panels=24, order=8),
    ),
    (Ring(count=5, sigma=0.2), GaussLegendre((-2.5, -2.5), (2.5, 2.5), panels=16, order=8)),
    (
        Grid(side=3, spacing=1.5, sigma=0.25),
        GaussLegendre((-3.5, -3.5), (3.5, 3.5), panels=20, order=8),
    ),
    (TwoMoons(noise=0.25), GaussLegendre((-3.0, -2.5), (4.0, 3.0), panels=16, order=8)),
    (
        Spirals(arms=3, turns=0.6, radius=1.5, noise=0.25),
        GaussLegendre((-3.5, -3.5), (3.5, 3.5), panels=20, order=8),
    ),
]
BOXES: list[tuple[Density, GaussLegendre]] = [
    (
        Box((-1.0, 0.0), (2.0, 0.5)),
        GaussLegendre((-2.0, -0.5), (3.0, 1.0), panels=30, order=4),
    ),
    (
        Mixture((Box((0.0,), (1.0,)), Normal(2.0, 0.5))),
        GaussLegendre((-3.0,), (7.0,), panels=100, order=8),
    ),
]
SINGULAR: list[Density] = [Dirac((1.0, -2.0)), ParallelLines(0.5)]
ALL = [density for density, _ in SMOOTH + BOXES] + SINGULAR
with_rule = pytest.mark.parametrize(("density", "rule"), SMOOTH + BOXES, ids=lambda a: repr(a)[:40])
smooth = pytest.mark.parametrize("density", [d for d, _ in SMOOTH], ids=lambda a: repr(a)[:40])
every = pytest.mark.parametrize("density", ALL, ids=lambda a: repr(a)[:40])

STATISTICS = [
    lambda x: x[:, 0],
    lambda x: x[:, -1],
    lambda x: x[:, 0].square(),
    lambda x: x[:, 0] * x[:, -1],
    lambda x: (3 * x[:, 0]).cos(),
    lambda x: (2 * x[:, -1] - x[:, 0]).sin(),
]


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@with_rule
def test_integral_is_one_and_samples_follow_the_density(
    density: Density, rule: GaussLegendre
) -> None:
    """Six statistics and the entropy by quadrature, against 10,000 samples within 4.5 errors."""
    points, weights = rule.nodes()
    masses = weights * density.log_density(points).exp()
    assert masses.sum().item() == pytest.approx(1, abs=1e-9)
    x = density.sample(10_000, stream())
    negative_entropy = -(torch.special.entr(masses) + masses * weights.log()).sum()  # E log p
    checks = [(density.log_density(x), negative_entropy)]
    checks += [(f(x), (masses * f(points)).sum()) for f in STATISTICS]
    for values, exact in checks:
        error = max(4.5 * values.std().item() / math.sqrt(len(x)), 1e-9)
        assert values.mean().item() == pytest.approx(exact.item(), abs=error)


@smooth
def test_score_is_the_gradient(density: Density) -> None:
    """Also far from the mass, where every term of a sum underflows outside log-sum-exp."""
    near = density.sample(20, stream(1))
    x = torch.cat([near, 12 * near + 10]).requires_grad_()
    (gradient,) = torch.autograd.grad(density.log_density(x).sum(), x)
    torch.testing.assert_close(density.score(x.detach()), gradient, rtol=1e-8, atol=1e-8)
    assert bool(gradient.isfinite().all())


@smooth
def test_score_averages_to_zero(density: Density) -> None:
    """E ∇ log p = 0 (the score identity), by the density's own samples."""
    score = density.score(density.sample(5_000, stream(2)))
    error = 4.5 * score.std(0) / math.sqrt(len(score))
    assert bool((score.mean(0).abs() < error).all())


@every
def test_contract(density: Density) -> None:
    """A printable value; the generator is the only source of randomness; every dtype agrees."""
    assert isinstance(density, Density)
    assert eval(repr(density)) == density
    assert hash(eval(repr(density))) == hash(density)
    x = density.sample(7, stream())
    assert x.shape == (7, density.dimension)
    assert density.modes.shape[1] == density.dimension
    assert density.modes.dtype == torch.float64
    assert density.scale >= 0
    before = torch.get_rng_state()
    assert torch.equal(density.sample(7, stream()), x)
    assert torch.equal(torch.get_rng_state(), before)
    single = density.sample(7, stream(), dtype=torch.float32)
    assert torch.equal(single, x.float())
    log_density = density.log_density(single)
    assert log_density.dtype == torch.float32
    assert log_density.shape == (7,)
    assert density.sample(0, stream()).shape == (0, density.dimension)
    if not isinstance(density, Dirac):
        assert not torch.equal(density.sample(7, stream(1)), x)


def test_standard_modes() -> None:
    ring = Ring()
    assert ring.modes.shape == (8, 2)
    torch.testing.assert_close(ring.modes.norm(dim=1), torch.ones(8, dtype=torch.float64))
    torch.testing.assert_close(ring.modes[2], float64(0, 1))
    axis = [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert Grid().modes.tolist() == [[a, b] for a in axis for b in axis]
    assert Grid(side=2, spacing=1.0).modes.tolist() == [
        [-0.5, -0.5],
        [-0.5, 0.5],
        [0.5, -0.5],
        [0.5, 0.5],
    ]
    assert Dirac((1.0, 2.0)).modes.tolist() == [[1.0, 2.0]]
    assert TwoMoons().modes.shape == Spirals().modes.shape == (0, 2)
    mixture = Mixture((Normal(0.0, 3.0), Normal(5.0, 4.0)))
    assert mixture.modes.tolist() == [[0.0], [5.0]]
    assert mixture.scale == pytest.approx(math.sqrt(12.5))
    assert Normal((0.0, 0.0), (3.0, 4.0)).scale == pytest.approx(math.sqrt(12.5))
    assert Box((0.0,), (6.0,)).scale == pytest.approx(math.sqrt(3))


@pytest.mark.parametrize("density", [Ring(), Grid()], ids=repr)
def test_modes_are_shared_equally_and_high_quality_is_98_89_percent(density: Density) -> None:
    """Within 3 σ of a mode in the plane: 1 - exp(-9/2) = 98.89 %, the most a sample can have."""
    n = 100_000
    distance, which = torch.cdist(density.sample(n, stream()), density.modes).min(1)
    share = (distance < 3 * density.scale).double().mean().item()
    ceiling = 1 - math.exp(-4.5)
    assert ceiling == pytest.approx(0.9889, abs=5e-5)
    assert share == pytest.approx(ceiling, abs=4.5 * math.sqrt(ceiling * (1 - ceiling) / n))
    counts = torch.bincount(which, minlength=len(density.modes)).double()
    expected = n / len(counts)
    chi2 = ((counts - expected) ** 2 / expected).sum().item()
    freedom = len(counts) - 1
    assert abs(chi2 - freedom) < 4.5 * math.sqrt(2 * freedom)


def test_ring_is_a_mixture_and_gaussians_agree() -> None:
    ring = Ring(count=3, radius=2.0, sigma=0.3)
    mixture = Mixture(tuple(Normal(tuple(mode), 0.3) for mode in ring.modes.tolist()))
    x = 2 * torch.randn(50, 2, generator=stream(), dtype=torch.float64)
    torch.testing.assert_close(ring.log_density(x), mixture.log_density(x), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(ring.score(x), mixture.score(x), rtol=1e-9, atol=1e-9)
    diagonal = Normal((0.0, 1.0), covariance=((0.09, 0.0), (0.0, 4.0)))
    same = Normal((0.0, 1.0), (0.3, 2.0))
    torch.testing.assert_close(diagonal.log_density(x), same.log_density(x))
    torch.testing.assert_close(diagonal.moments.covariance, same.moments.covariance)
    normal = torch.distributions.MultivariateNormal(
        float64(0.5, -1.0), torch.tensor(TILTED.covariance, dtype=torch.float64)
    )
    torch.testing.assert_close(TILTED.log_density(x), normal.log_prob(x))
    assert Normal().log_density(float64(0.0)[:, None]).item() == pytest.approx(
        -0.5 * math.log(2 * math.pi)
    )


def test_two_moons_have_their_mean_and_lie_on_their_arcs() -> None:
    x = TwoMoons(noise=1e-9).sample(20_000, stream())
    error = 4.5 * x.std(0) / math.sqrt(len(x))
    assert bool(((x.mean(0) - float64(0.5, 0.25)).abs() < error).all())
    upper = (x.norm(dim=1) - 1).abs() < 1e-7
    lower = ((x - float64(1.0, 0.5)).norm(dim=1) - 1).abs() < 1e-7
    assert bool((upper ^ lower).all())
    assert bool((x[upper, 1] > -1e-7).all())
    assert bool((x[lower, 1] < 0.5 + 1e-7).all())


@pytest.mark.parametrize("noise", [0.05, 0.2])
@pytest.mark.parametrize("family", [TwoMoons, Spirals])
def test_curve_quadrature_has_converged(
    family: type[TwoMoons] | type[Spirals], noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the nodes a panel change log p by less than 1e-9 about the curve, 1e-6 at 14 σ."""
    density = family(noise=noise)
    x = density.sample(40, stream())
    x = torch.cat([x, x + 10 * noise])
    coarse = density.log_density(x)
    monkeypatch.setattr("gannets.theory.densities.curves.ORDER", 16)
    defect = (coarse - density.log_density(x)).abs()
    assert defect[:40].max() < 1e-9
    assert defect[40:].max() < 1e-6


def test_spirals_have_arms_turned_into_each_other() -> None:
    spirals = Spirals(arms=3, turns=0.7, radius=2.0, noise=1e-9)
    x = spirals.sample(3000, stream())
    t = x.norm(dim=1) / 2
    phase = torch.atan2(x[:, 1], x[:, 0]) / (2 * math.pi) - 0.7 * t
    arms = 3 * phase
    torch.testing.assert_close(arms, arms.round(), rtol=0, atol=1e-5)
    counts = torch.bincount(arms.round().long() % 3, minlength=3)
    assert bool(((counts - 1000).abs() < 4.5 * math.sqrt(3000 * 2 / 9)).all())
    assert t.square().mean().item() == pytest.approx(0.5, abs=4.5 * math.sqrt(1 / 12 / 3000))


def test_singular_distributions_say_so() -> None:
    line = ParallelLines(0.3)
    x = float64(0.3, 0.5, 0.3, 1.5, 0.2, 0.5).reshape(3, 2)
    assert line.log_density(x).tolist() == [math.inf, -math.inf, -math.inf]
    assert bool((line.log_density(line.sample(10, stream())) == math.inf).all())
    single = line.sample(10, stream(), dtype=torch.float32)
    assert bool((line.log_density(single) == math.inf).all())
    dirac = Dirac((1.0,))
    assert dirac.log_density(float64(1.0, 1.1)[:, None]).tolist() == [math.inf, -math.inf]
    for singular in (line, dirac):
        with pytest.raises(ValueError, match="has no score"):
            singular.score(singular.sample(1, stream()))
    outside = Box().log_density(float64(-0.1, 0.5, 1.1)[:, None])
    assert outside.tolist() == [-math.inf, 0.0, -math.inf]
    gap = Mixture((Box((0.0,), (1.0,)), Box((2.0,), (3.0,))))
    assert gap.log_density(float64(1.5)[:, None]).item() == -math.inf
    assert gap.score(float64(1.5)[:, None]).item() == 0


@pytest.mark.usefixtures("production")
def test_bad_input_is_refused_in_sentences() -> None:
    with pytest.raises(ValueError, match=r"give points of shape \(n, 2\)"):
        Ring().log_density(torch.zeros(3, 3))
    with pytest.raises(ValueError, match=r"give points of shape \(n, 1\)"):
        Normal().score(torch.zeros(3))
    with pytest.raises(ValueError, match="n must be 0 or more"):
        Grid().sample(-1, stream())
    with pytest.raises(ValueError, match=r"sigma=0.0 must be positive"):
        Ring(sigma=0.0)
    with pytest.raises(ValueError, match="std and covariance are both given"):
        Normal((0.0,), std=1.0, covariance=((1.0,),))
    with pytest.raises(ValueError, match="is not positive definite"):
        Normal((0.0, 0.0), covariance=((1.0, 2.0), (2.0, 1.0)))
    with pytest.raises(ValueError, match="must have 2 rows of 2 numbers"):
        Normal((0.0, 0.0), covariance=((1.0,),))
    with pytest.raises(ValueError, match="std has 3 entries and mean has 2"):
        Normal((0.0, 0.0), std=(1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"dimensions \[1, 2\]"):
        Mixture((Normal(), Ring()))
    with pytest.raises(ValueError, match="1 weights for 2 components"):
        Mixture((Normal(), Normal()), (1.0,))
    with pytest.raises(ValueError, match=r"must be below high=\(0.0,\)"):
        Box((1.0,), (0.0,))
