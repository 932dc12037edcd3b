"""GILBO against generators whose best bound is known in closed form, or by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Gaussian, Prior, Spherical, Stream, Uniform
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.gilbo import GILBO, beta_gain, normal_gain, power_spherical_gain
from tests.metrics.helpers import compare

DOUBLE = torch.float64
SMALL = GILBO(steps=300, batch=128, hidden=(64,), lr=5e-3)
HALF_NORMAL = -math.log(1 - 2 / math.pi) / 2
"""What a normal q can know of z from its sign: that of variance 1 - 2/π, .5061 of log 2 = .6931."""


@dataclass(frozen=True)
class Maps:
    prior: Prior
    f: Callable[[Tensor], Tensor]

    def latent(self, n: int, stream: Stream) -> Tensor:
        return self.prior(n, stream)

    def __call__(self, z: Tensor) -> Tensor:
        return self.f(z)


def gilbo(prior: Prior, f: Callable[[Tensor], Tensor], metric: GILBO | None = None) -> Estimate:
    x = torch.arange(40.0).view(20, 2)
    metric = metric or SMALL
    (estimate,) = metric(compare(x, x + 1, generator=Maps(prior, f)))
    return estimate


def half(estimate: Estimate) -> float:
    assert estimate.interval is not None
    return (estimate.interval[1] - estimate.interval[0]) / 2


def grid(low: float, high: float, n: int = 200_000) -> tuple[Tensor, float]:
    """Midpoints and their spacing."""
    step = (high - low) / n
    return low + step * (torch.arange(n, dtype=DOUBLE) + 0.5), step


# The densities.


@pytest.mark.parametrize("parameters", [(0.3, -0.7), (-1.0, 0.4), (0.0, 0.0)])
def test_the_normal_gain_is_of_a_density(parameters: tuple[float, float]) -> None:
    """exp(gain) p integrates to 1; the tails beyond 12 are below 1e-16."""
    z, step = grid(-12, 12)
    gain = normal_gain(z[:, None], torch.tensor([parameters], dtype=DOUBLE).expand(len(z), 2))
    p = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    assert float((gain[:, 0].exp() * p).sum() * step) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("parameters", [(0.0, 0.0), (3.0, 1.5), (4.0, 9.0)])
def test_the_beta_gain_is_of_a_density(parameters: tuple[float, float]) -> None:
    z, step = grid(-math.sqrt(3), math.sqrt(3))
    gain = beta_gain(z[:, None], torch.tensor([parameters], dtype=DOUBLE).expand(len(z), 2))
    p = 1 / (2 * math.sqrt(3))
    # a, b are not exactly 1 at (0, 0): softplus + 1e-4.
    assert float((gain[:, 0].exp() * p).sum() * step) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("d", [2, 3, 10])
@pytest.mark.parametrize("k", [-5.0, 2.0, 30.0])
def test_the_power_spherical_gain_is_of_a_density(d: int, k: float) -> None:
    """Over the uniform density it integrates to 1: an integral in t = u·v alone.

    The density of t is (1 - t²)^((d-3)/2) up to a constant; with t = cos(angle) it is
    sin(angle)^(d-2), which is smooth for all d.
    """
    angle, step = grid(0, math.pi)
    u = torch.zeros(len(angle), d, dtype=DOUBLE)
    u[:, 0], u[:, 1] = angle.cos(), angle.sin()
    parameters = torch.zeros(len(angle), d + 1, dtype=DOUBLE)
    parameters[:, 0], parameters[:, d] = 2.0, k
    gain = power_spherical_gain(math.sqrt(d) * u, parameters)[:, 0]
    weight = angle.sin().pow(d - 2)
    # The direction is divided by |v| + 1e-6, which tells in the seventh digit at k = 30.
    assert float((gain.exp() * weight).sum() / weight.sum()) == pytest.approx(1.0, abs=2e-5)
    assert step > 0


# What is known.


@pytest.mark.parametrize("prior", [Gaussian(3), Uniform(3), Spherical(3)], ids=str)
def test_is_0_where_z_is_ignored(prior: Prior) -> None:
    estimate = gilbo(prior, lambda z: torch.ones(len(z), 2))
    # What an encoder of finite steps loses by being a little off the prior.
    assert -0.02 < estimate.value < 0.005
    assert "ignore z" in estimate.meaning


@pytest.mark.parametrize("used", [1, 2, 4])
def test_grows_by_as_much_for_every_coordinate_used(used: int) -> None:
    """Signs of `used` of 4 normal coordinates: each tells log 2, of which a normal q sees .5061."""
    estimate = gilbo(Gaussian(4), lambda z: z[:, :used].sign())
    # 2 standard errors of 4,000 pairs, and .02 a coordinate for an encoder of finite steps.
    assert estimate.value < used * HALF_NORMAL + half(estimate)
    assert estimate.value > used * HALF_NORMAL - half(estimate) - 0.02 * 4
    assert estimate.details["coordinates_used"] == used
    assert estimate.details["bits"] == pytest.approx(estimate.value / math.log(2))


def test_of_the_sign_of_a_uniform_latent_is_the_best_beta_density() -> None:
    """The posterior is uniform on half the interval; the best beta density is found by search."""
    optimize = pytest.importorskip("scipy.optimize")
    u, _ = grid(0.5, 1.0, 20_000)

    def loss(raw: list[float]) -> float:
        a, b = math.exp(raw[0]), math.exp(raw[1])
        constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        return -float(((a - 1) * u.log() + (b - 1) * torch.log1p(-u)).mean()) - constant

    best = -optimize.minimize(loss, [1.0, 0.0], method="Nelder-Mead").fun
    assert 0.4 < best < math.log(2)
    estimate = gilbo(Uniform(1), torch.sign)
    assert abs(estimate.value - best) < half(estimate) * 2 + 0.01


def test_of_the_side_of_a_circle_is_the_best_power_spherical_density() -> None:
    """z on the circle, G the sign of its first coordinate: v points there, k by search."""
    angle, _ = grid(-math.pi / 2, math.pi / 2, 20_000)
    u = torch.stack([angle.cos(), angle.sin()], 1)
    direction = torch.tensor([[1.0, 0.0]], dtype=DOUBLE).expand(len(u), 2)
    best = max(
        float(power_spherical_gain(u, torch.cat([direction, torch.full((len(u), 1), k)], 1)).mean())
        for k in torch.linspace(0, 10, 200, dtype=DOUBLE).tolist()
    )
    assert 0.4 < best < math.log(2)
    estimate = gilbo(Spherical(2), lambda z: z[:, :1].sign())
    assert abs(estimate.value - best) < half(estimate) * 2 + 0.02


@pytest.mark.parametrize("levels", [2, 4])
def test_never_exceeds_the_information_there_is(levels: int) -> None:
    """A uniform latent in k equal steps: I = log k, and a beta density sees most of it."""

    def steps(z: Tensor) -> Tensor:
        return ((z / math.sqrt(3) + 1) / 2 * levels).floor()

    estimate = gilbo(Uniform(1), steps)
    assert estimate.value < math.log(levels)
    assert estimate.value > 0.7 * math.log(levels)


def test_sees_more_of_what_is_told_more_finely() -> None:
    fine, coarse = (
        gilbo(Gaussian(2), lambda z, k=k: (z * k).round()).value
        for k in (4.0, 1.0)  # type: ignore[misc]
    )
    assert fine > coarse + 1


def test_images_and_the_games_own_prior() -> None:
    """The prior is taken from the generator; images are looked at as they are."""
    estimate = gilbo(Gaussian(2), lambda z: z.sign()[:, :, None, None].expand(-1, -1, 3, 3))
    assert estimate.value == pytest.approx(2 * HALF_NORMAL, abs=0.1)
    assert estimate.name == "GILBO"


def test_neither_scale_nor_offset_of_samples_matter() -> None:
    """Samples are standardised: far and large ones tell as much, to rounding of 1e6 in single."""
    near = gilbo(Gaussian(1), lambda z: z.sign())
    far = gilbo(Gaussian(1), lambda z: 1e6 + 100 * z.sign())
    assert far.value == pytest.approx(near.value, abs=0.01)


def test_is_a_function_of_the_seed_and_leaves_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    metric = GILBO(steps=20, samples=100)
    assert (
        gilbo(Gaussian(2), torch.sin, metric).value == gilbo(Gaussian(2), torch.sin, metric).value
    )
    assert torch.equal(before, torch.random.get_rng_state())


# Refusals.


def test_needs_a_generator_and_a_known_prior() -> None:
    x = torch.randn(20, 2)
    with pytest.raises(Unmeasurable, match="give a generator"):
        GILBO()(compare(x, x + 1))
    with pytest.raises(Unmeasurable, match="Spherical"):
        gilbo(Spherical(1), torch.sin)


def test_a_prior_can_be_stated() -> None:
    metric = GILBO(prior=Uniform(2), steps=20, samples=100)
    assert gilbo(Uniform(2), torch.sin, metric).details["posterior"] == "beta"


def test_refusals_are_sentences() -> None:
    with pytest.raises(InputError, match="GILBO takes"):
        GILBO(steps=0)
    with pytest.raises(InputError, match="NaN or infinity"):
        gilbo(Gaussian(2), lambda z: z / 0)
