"""Precision and recall of distributions, from histograms and from samples."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.prd import PRD, f_scores, prd_curve
from tests.metrics.helpers import compare
from tests.reference import metrics_neighbours as slow

QUICK = PRD(clusters=10, runs=3, angles=201)


def normal(n: int, d: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def test_curve_is_that_of_sums() -> None:
    p, q = [0.5, 0.3, 0.2, 0.0], [0.1, 0.3, 0.0, 0.6]
    precision, recall = prd_curve(
        real=torch.tensor(p).double(), fake=torch.tensor(q).double(), angles=51
    )
    for i, theta in enumerate(torch.linspace(1e-6, math.pi / 2 - 1e-6, 51, dtype=torch.float64)):
        expected = slow.prd_points(p, q, math.tan(float(theta)))
        # p and q went through float32.
        assert (float(precision[i]), float(recall[i])) == pytest.approx(expected, abs=1e-6)


def test_equal_and_disjoint_histograms() -> None:
    p = torch.tensor([0.5, 0.5, 0.0, 0.0]).double()
    # The grid has θ = π/4, where both are 1 to rounding, as 1001 is odd.
    assert [float(f) for f in f_scores(*prd_curve(real=p, fake=p))] == pytest.approx([1, 1])
    assert [float(f) for f in f_scores(*prd_curve(real=p, fake=p.flip(0)))] == [0, 0]


def test_a_dropped_mode_costs_recall_and_an_invented_one_precision() -> None:
    both, one = torch.tensor([0.5, 0.5]).double(), torch.tensor([1.0, 0.0]).double()
    # q on half of p: the curve is α = min(1, λ/2), β = min(1/2, 1/λ); F is largest at λ = 2, where
    # α = 1, β = 1/2. F_8 = 65/2 / (64 + 1/2), F_1/8 = (1 + 1/64)/2 / (1/64 + 1/2).
    f8, f1_8 = f_scores(*prd_curve(real=both, fake=one, angles=100_001))
    assert float(f8) == pytest.approx(32.5 / 64.5, abs=1e-4)
    assert float(f1_8) == pytest.approx((65 / 128) / (33 / 64), abs=1e-4)
    other = f_scores(*prd_curve(real=one, fake=both, angles=100_001))
    assert [float(f) for f in other] == pytest.approx([float(f1_8), float(f8)], abs=1e-4)


def test_samples_of_two_modes() -> None:
    real = torch.cat([normal(200), normal(200, seed=1) + 50])
    f8, f1_8 = QUICK(compare(real, normal(400, seed=2)))
    assert (f8.key, f1_8.key) == ("prd_f8", "prd_f1_8")
    assert f8.value < 0.6
    assert f1_8.value > 0.9
    assert f8.p == pytest.approx(0.01)
    assert f8.floor is not None
    assert f8.floor > 0.9
    assert len(f8.details["precision"]) == len(f8.details["recall"]) == 101


def test_floor_and_p_of_a_perfect_generator() -> None:
    excess, rejected = [], 0
    for s in range(25):
        c = compare(normal(150, seed=2 * s), normal(150, seed=2 * s + 1), seed=s)
        f8, f1_8 = QUICK(c)
        excess.append([f8.excess, f1_8.excess])
        assert f8.p is not None
        rejected += f8.p <= 0.1
    gap = torch.tensor(excess, dtype=torch.float64)
    # Clusters are those of both sides, which brings them nearer: 0.01 beside a floor near 0.93.
    assert bool((gap.mean(0).abs() < 0.01).all())
    # 25 repeats at level 0.1: 2.5 expected, more than 8 once in 2,000.
    assert rejected <= 8


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_intervals_hold_the_mean(shift: float) -> None:
    values, intervals = [], []
    for s in range(150):
        c = compare(normal(300, seed=2 * s), normal(300, seed=2 * s + 1) + shift, seed=s)
        f8, _ = QUICK(c)
        values.append(f8.value)
        intervals.append(f8.interval)
    mean = sum(values) / len(values)
    hits = sum(i is not None and i[0] <= mean <= i[1] for i in intervals) / len(values)
    # Nominally 0.95; 150 repeats know it to 0.02, and clusters found anew are not in the interval.
    assert hits >= 0.86


def test_order_and_seed() -> None:
    real, fake = normal(100), normal(100, seed=1)
    order = torch.randperm(100)
    assert QUICK(compare(real[order], fake)) == QUICK(compare(real, fake))


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        pytest.param(torch.zeros(30, 2), torch.zeros(30, 2), id="one_point"),
        pytest.param(normal(30), normal(30), id="identical"),
    ],
)
def test_equal_sets_have_all(real: Tensor, fake: Tensor) -> None:
    for found in PRD(clusters=5, runs=2, angles=201)(compare(real, fake)):
        assert found.value == pytest.approx(1, abs=1e-9)
        assert found.interval is not None
        assert found.interval[1] <= 1


def test_too_few() -> None:
    with pytest.raises(InputError, match="4 samples make no 20 clusters"):
        PRD()(compare(normal(2), normal(2, seed=1)))
