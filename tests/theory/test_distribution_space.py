"""Proposition 2 of Goodfellow et al. 2014: descent in distribution space converges to p_data."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.theory import (
    criterion,
    descend,
    generator_gradient,
    kl,
    local_rate,
    mirror_step,
    optimal_logit,
    total_variation,
    value_from_logits,
)

LOG4 = math.log(4)


def random_masses(k: int, seed: int, spread: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(k, generator=generator, dtype=torch.float64)).softmax(0)


@settings(max_examples=50)
@given(st.integers(2, 8), st.integers(0, 2**31), st.floats(0.01, 1.0), st.floats(0.1, 5))
def test_the_criterion_never_increases_and_obeys_its_rate(
    k: int, seed: int, step_size: float, spread: float
) -> None:
    """C(p_t) + log 4 <= KL(p_data || p_0) / (η t) for every t and every η <= 1."""
    p_data, start = random_masses(k, seed, spread), random_masses(k, seed + 1, spread)
    path = descend(p_data, start, step_size=step_size, steps=20)
    assert bool((path.criterion.diff() <= 1e-14).all())
    t = torch.arange(1, 21, dtype=torch.float64)
    bound = kl(p_data, start) / (step_size * t)
    assert bool((path.criterion[1:] + LOG4 <= bound + 1e-13).all())
    assert bool((path.p_g.sum(1) - 1).abs().max() < 1e-13)
    assert torch.equal(path.p_g[0], start)


@pytest.mark.parametrize("step_size", [0.25, 0.5, 1.0, 1.5])
def test_convergence_is_linear_at_the_predicted_rate(step_size: float) -> None:
    """Near p_data the error shrinks by 1 - η/2 a step and C + log 4 by its square."""
    p_data, start = random_masses(6, 0), random_masses(6, 1)
    rate = local_rate(step_size)
    steps = round(math.log(1e-5) / math.log(rate))
    path = descend(p_data, start, step_size=step_size, steps=steps)
    errors = (path.p_g - p_data).abs().sum(1)
    assert errors[-1] < 1e-4
    assert (errors[-1] / errors[-2]).item() == pytest.approx(rate, rel=1e-3)
    excess = path.criterion + LOG4
    middle = steps * 3 // 4  # close to p_data, far above rounding
    assert (excess[middle + 1] / excess[middle]).item() == pytest.approx(rate**2, rel=0.05)


def test_zeros_of_the_data_are_learned() -> None:
    """p_g starts everywhere and leaves the outcomes that data never show."""
    p_data = torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=torch.float64)
    start = torch.tensor([0.01, 0.09, 0.4, 0.5], dtype=torch.float64)
    path = descend(p_data, start, step_size=1.0, steps=80)
    assert total_variation(path.p_g[-1], p_data) < 1e-9
    assert path.criterion[-1].item() == pytest.approx(-LOG4, abs=1e-9)
    # Off the data D* = 0 has no gradient; on it (1 - D*) = 1/2 doubles the odds: 2^-η a step.
    odds = path.p_g[-1, 2] / path.p_g[-2, 2]
    assert odds.item() == pytest.approx(0.5, rel=1e-6)


@settings(max_examples=50)
@given(st.integers(2, 6), st.integers(0, 2**31), st.floats(0.1, 8))
def test_the_derivative_at_the_optimum_is_a_subgradient(k: int, seed: int, spread: float) -> None:
    """C(p') >= V(p', D*_p) = C(p) + <log(1 - D*_p), p' - p>, equal at p' = p (Proposition 2)."""
    p_data, p_g, other = (random_masses(k, seed + i, spread) for i in range(3))
    gradient = generator_gradient(p_data, p_g)
    tangent = criterion(p_data, p_g) + gradient @ (other - p_g)
    held = value_from_logits(p_data, other, logits=optimal_logit(p_data.log(), p_g.log()))
    torch.testing.assert_close(held, tangent, rtol=0, atol=1e-13)
    assert criterion(p_data, other) >= tangent - 1e-13
    if total_variation(other, p_g) > 0.01 and p_data.min() > 1e-3:
        assert criterion(p_data, other) > tangent


def test_the_fixed_points_are_the_data() -> None:
    p_data = random_masses(5, 3)
    torch.testing.assert_close(mirror_step(p_data, p_data, step_size=0.7), p_data)
    moved = mirror_step(p_data, random_masses(5, 4), step_size=0.7)
    assert total_variation(moved, random_masses(5, 4)) > 0.01


def test_too_long_a_step_can_increase_the_criterion() -> None:
    """The guarantee ends somewhere: η = 5 > 4 overshoots, |1 - η/2| > 1."""
    assert local_rate(5.0) == 1.5
    p_data = random_masses(4, 0)
    near = p_data + 1e-4 * torch.tensor([1, -1, 1, -1], dtype=torch.float64)
    path = descend(p_data, near, step_size=5.0, steps=3)
    errors = (path.p_g - p_data).abs().sum(1)
    assert (errors[1] / errors[0]).item() == pytest.approx(1.5, rel=0.01)
    assert path.criterion[3] > path.criterion[0]


def test_bad_input_is_refused_in_sentences() -> None:
    p = torch.tensor([0.5, 0.5], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"step_size=0.0 must be positive"):
        mirror_step(p, p, step_size=0.0)
    with pytest.raises(ValueError, match="positive wherever p_data is"):
        mirror_step(p, torch.tensor([0.0, 1.0], dtype=torch.float64), step_size=1.0)
    with pytest.raises(ValueError, match="steps=-1 must be 0 or more"):
        descend(p, p, step_size=1.0, steps=-1)
