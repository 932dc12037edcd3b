"""Proposition 2: the density of an increasing generator, and claims that fail where they should."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gannets.game import Space, Stream, seeded
from gannets.reproduce.common import Bench
from gannets.reproduce.common.monotone import (
    RULE,
    Monotone,
    MonotoneGenerator,
    Pushforward,
    measured,
)
from gannets.reproduce.proposition2 import proposition2
from gannets.theory import Normal
from gannets.training.state import State


def _generator(seed: int = 0) -> MonotoneGenerator:
    """Far from a line: steep units, of unequal heights."""
    with seeded(Stream(seed, "test")):
        net = Monotone(units=8, mean=0.3, std=0.8).generator(Space(event=(1,), latent=1))
        with torch.no_grad():
            net.log_steep.normal_(0.5, 0.5)
            net.log_height.normal_(-2.0, 0.5)
    return net


def test_without_units_it_is_a_normal() -> None:
    """G(z) = m + s h has the density N(m, s²)."""
    net = _generator()
    with torch.no_grad():
        net.log_height.fill_(-60.0)
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)[:, None]
    mean, std = net.shift.item(), net.log_scale.double().exp().item()
    exact = Normal(mean, std).log_density(x)
    # Parameters are single precision's, known exactly; the bisection ends at 1e-14.
    torch.testing.assert_close(Pushforward(net).log_density(x), exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_expectations_of_density_and_of_samples_agree(seed: int) -> None:
    """∫ f p_g = E f(G(z)): the density of the map that is sampled, of z and not of h."""
    net = _generator(seed)
    p_g = Pushforward(net)
    assert float(RULE.integrate(lambda x: p_g.log_density(x).exp())) == pytest.approx(1, abs=1e-6)
    n = 20_001
    u = (torch.arange(n) + 0.5) / n
    x = net(((2 * u - 1) * math.sqrt(3))[:, None]).detach().double()[:, 0]
    for f in (torch.sin, torch.square, lambda t: (t < 0.5).double()):
        by_density = RULE.integrate(lambda y: f(y[:, 0]) * p_g.log_density(y).exp())  # noqa: B023
        # The midpoint rule misses tails by 1/n, a step by 1/n, and Gauss-Legendre a step's panel.
        assert float(by_density) == pytest.approx(float(f(x).mean()), abs=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_it_increases_and_its_slope_is_autograds(seed: int) -> None:
    """G'(h) > 0, as autograd has it."""
    net = _generator(seed).double()
    h = torch.linspace(-5, 5, 201, dtype=torch.float64, requires_grad=True)
    x = net.transport(h[:, None])[:, 0]
    (slope,) = torch.autograd.grad(x.sum(), h)
    assert bool((slope > 0).all())
    torch.testing.assert_close(net.slope(h[:, None])[:, 0], slope, rtol=1e-10, atol=0)


def test_v_of_an_undecided_d_is_minus_log_4() -> None:
    """And C(G) is above it by 2 JSD of the two normals that a linear G makes of the data."""
    work = replace(proposition2.quick(), data=Normal(0.0, 1.0))
    state = State(work.recipe(1, seed=0), device="cpu")
    with torch.no_grad():
        for parameter in state.parameters.discriminator:
            parameter.zero_()
    criterion, value = measured(state, work.data)
    assert value == pytest.approx(-math.log(4), abs=1e-8)
    assert criterion > value + 0.1


def test_claims_fail_where_d_never_learns(tmp_path: Path) -> None:
    """With D held, more of its steps are no better, and G does not come to p_data."""
    work = replace(proposition2.quick(), ks=(1, 2), steps=30, pairs=10, discriminator_rate=0.0)
    found = [claim for claim in work(Bench(tmp_path)) if hasattr(claim, "holds")]
    failed = [claim.what for claim in found if not claim.holds]  # type: ignore[union-attr]
    assert any(what.startswith("C(G) + log 4 at the end") for what in failed)
    assert any(what.startswith("mean C(G) - V(G, D) of the game, k = 2") for what in failed)
    assert all("distribution space" not in what for what in failed)
