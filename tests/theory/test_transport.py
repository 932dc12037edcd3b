"""Optimal transport: exact answers, axioms of a metric, and Arjovsky's parallel lines."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.theory import (
    Dirac,
    Normal,
    ParallelLines,
    optimal_assignment,
    wasserstein_1d,
    wasserstein_assignment,
)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


reals = st.floats(-100, 100).map(lambda a: round(a, 6))
samples = st.lists(reals, min_size=1, max_size=7).map(lambda a: float64(*a))
powers = st.sampled_from([1.0, 1.5, 2.0, 4.0])


@settings(max_examples=60)
@given(samples, samples, samples, powers)
def test_metric_axioms(x: Tensor, y: Tensor, z: Tensor, p: float) -> None:
    """Any sizes: zero on itself in any order, symmetric, triangle; and W_p grows with p."""
    assert wasserstein_1d(x, x.flip(0), p=p) == 0
    xy = wasserstein_1d(x, y, p=p)
    torch.testing.assert_close(xy, wasserstein_1d(y, x, p=p), rtol=1e-12, atol=1e-12)
    through = wasserstein_1d(x, z, p=p) + wasserstein_1d(z, y, p=p)
    assert xy <= through * (1 + 1e-9) + 1e-9
    assert wasserstein_1d(x, y) <= xy * (1 + 1e-9) + 1e-9
    assert xy >= (x.mean() - y.mean()).abs() - 1e-9


@settings(max_examples=60)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(reals, min_size=2 * n, max_size=2 * n)), powers)
def test_sorting_is_the_best_of_all_couplings(numbers: list[float], p: float) -> None:
    n = len(numbers) // 2
    x, y = float64(*numbers[:n]), float64(*numbers[n:])
    best = min(
        sum(abs(a - b) ** p for a, b in zip(x.tolist(), order, strict=True)) / n
        for order in itertools.permutations(y.tolist())
    ) ** (1 / p)
    assert wasserstein_1d(x, y, p=p).item() == pytest.approx(best, rel=1e-12, abs=1e-12)
    assigned = wasserstein_assignment(x[:, None], y[:, None], p=p)
    assert assigned.item() == pytest.approx(best, rel=1e-12, abs=1e-12)


@settings(max_examples=60)
@given(samples, samples, powers, st.integers(1, 3), st.integers(1, 3))
def test_repeating_points_and_weighting_them_are_the_same(
    x: Tensor, y: Tensor, p: float, times: int, other: int
) -> None:
    expected = wasserstein_1d(x, y, p=p)
    repeated = wasserstein_1d(x.repeat(times), y.repeat(other), p=p)
    torch.testing.assert_close(repeated, expected, rtol=1e-7, atol=1e-7)
    counts = torch.arange(1, len(x) + 1)
    spread = wasserstein_1d(x.repeat_interleave(counts), y, p=p)
    weighted = wasserstein_1d(x, y, p=p, x_weights=counts.double())
    torch.testing.assert_close(weighted, spread, rtol=1e-7, atol=1e-7)


def test_hand_made_cases() -> None:
    assert wasserstein_1d(float64(0, 1, 3), float64(5, 6, 8)).item() == 5.0
    assert wasserstein_1d(float64(0.0), float64(-1, 1)).item() == 1.0
    assert wasserstein_1d(float64(0, 1), float64(0, 1, 1)).item() == pytest.approx(1 / 6)
    zero_weight = wasserstein_1d(float64(0, 99), float64(1.0), x_weights=float64(2, 0))
    assert zero_weight.item() == 1.0


def test_gaussians_one_apart_and_a_shift() -> None:
    """W1 = W2 = 1: exactly for the same draws shifted, nearly for independent ones."""
    x = Normal(0.0).sample(1000, torch.Generator().manual_seed(0))[:, 0]
    for p in (1.0, 2.0, 3.0):
        assert wasserstein_1d(x, x + 1, p=p).item() == pytest.approx(1, abs=1e-14)
    many = Normal(0.0).sample(200_000, torch.Generator().manual_seed(1))[:, 0]
    others = Normal(1.0).sample(100_000, torch.Generator().manual_seed(2))[:, 0]
    assert wasserstein_1d(many, others).item() == pytest.approx(1, abs=0.015)
    assert wasserstein_1d(many, others, p=2.0).item() == pytest.approx(1, abs=0.015)


def test_quantiles_of_the_normal_converge() -> None:
    """W2² between the n midpoint quantiles of N(0,1) and N(m, s²) tends to m² + (s-1)²."""
    n = 20_000
    levels = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    x = torch.special.ndtri(levels)
    measured = wasserstein_1d(x, 0.5 + 3 * x, p=2.0).item()
    assert measured == pytest.approx(math.sqrt(0.25 + 4), rel=2e-4)


@pytest.mark.parametrize("theta", [0.25, -2.0, 1e-6])
def test_parallel_lines(theta: float) -> None:
    """W1 = |θ| (Arjovsky et al. 2017, Example 1), continuous in θ where JSD jumps to log 2."""
    x = ParallelLines(0.0).sample(64, torch.Generator().manual_seed(0))
    y = ParallelLines(theta).sample(64, torch.Generator().manual_seed(0))
    shuffled = y[torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    w1 = wasserstein_assignment(x, shuffled, p=1.0)
    assert w1.item() == pytest.approx(abs(theta), rel=1e-12)


def test_diracs_are_their_distance_apart() -> None:
    g = torch.Generator()
    x, y = Dirac((0.0, 0.0)).sample(3, g), Dirac((3.0, 4.0)).sample(3, g)
    assert wasserstein_assignment(x, y).item() == 5.0


def test_assignment_finds_a_permutation_and_beats_others() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=g, dtype=torch.float64)
    order = torch.randperm(40, generator=g)
    moved = x[order] + 1e-3
    torch.testing.assert_close(moved[optimal_assignment(x, moved)], x + 1e-3)
    y = torch.randn(40, 3, generator=g, dtype=torch.float64)
    best = wasserstein_assignment(x, y, p=1.0)
    for _ in range(20):
        other = y[torch.randperm(40, generator=g)]
        assert (x - other).norm(dim=1).mean() > best


def test_gradients_follow_the_coupling() -> None:
    """∂W_1/∂x_i = sign(x_i - its partner) / n."""
    x = float64(0.0, 5.0, 2.0).requires_grad_()
    (gradient,) = torch.autograd.grad(wasserstein_1d(x, float64(1.0, 3.0, 4.0)), x)
    torch.testing.assert_close(gradient, float64(-1, 1, -1) / 3)
    unequal = float64(0.0, 5.0).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: wasserstein_1d(a, float64(1.0, 3.0, 4.1), p=2.0), (unequal,)
    )


@pytest.mark.usefixtures("production")
def test_bad_input_is_refused_in_sentences() -> None:
    x = float64(0, 1)
    with pytest.raises(ValueError, match=r"p=0.5 must be in \[1, inf\)"):
        wasserstein_1d(x, x, p=0.5)
    with pytest.raises(ValueError, match="give non-empty"):
        wasserstein_1d(x, x[:0])
    with pytest.raises(ValueError, match="one number >= 0 for each value"):
        wasserstein_1d(x, x, x_weights=float64(1, -1))
    with pytest.raises(ValueError, match="draw as many of one as of the other"):
        wasserstein_assignment(x[:, None], x[:1, None])
