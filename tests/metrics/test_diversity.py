"""Effective rank, spread and Vendi score: closed forms, scatter and edges."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Metric
from gannets.metrics.diversity import EffectiveRank, Spread, Vendi, effective_rank, vendi_score
from gannets.metrics.estimate import Estimate
from tests.metrics.helpers import compare


def normal(n: int, d: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def measured(metric: Metric, real: Tensor, fake: Tensor, seed: int = 0) -> Estimate:
    (found,) = metric(compare(real, fake, seed=seed))
    return found


def orthogonal(scales: list[float]) -> Tensor:
    """Points ± s_i e_i: centred, with singular values in the ratio of the scales."""
    rows = torch.diag(torch.tensor(scales).double())
    return torch.cat([rows, -rows])


def test_effective_rank_of_known_spectra() -> None:
    assert effective_rank(orthogonal([1, 1, 1, 1])) == pytest.approx(4, rel=1e-12)
    # p = (3, 1)/4.
    h = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(orthogonal([3, 1])) == pytest.approx(math.exp(h), rel=1e-12)
    line = normal(50, 1) * torch.tensor([1.0, 2.0, -1.0]).double() + 7
    assert effective_rank(line) == pytest.approx(1, abs=1e-9)
    # Fewer points than dimensions: n points span n - 1 directions.
    assert effective_rank(torch.eye(5, 40).double()) == pytest.approx(4, rel=1e-9)
    assert effective_rank(torch.full((9, 3), 0.1).double()) == 0


def test_effective_rank_is_of_the_cloud_alone() -> None:
    x = normal(60, 5) * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double()
    rotation = torch.linalg.qr(normal(5, 5, seed=1)).Q
    value = effective_rank(x)
    assert effective_rank(x @ rotation) == pytest.approx(value, rel=1e-12)
    assert effective_rank(100 * x) == pytest.approx(value, rel=1e-12)
    # Near 10^7 doubles are 2·10^-9 apart.
    assert effective_rank(x + 1e7) == pytest.approx(value, rel=1e-8)


def test_ratios_of_known_laws() -> None:
    real = normal(4000, 6)
    half = normal(4000, 6, seed=1)
    half[:, 3:] = 0
    rank, spread = measured(EffectiveRank(), real, half), measured(Spread(), real, half)
    # Three of six equal directions; the effective rank of n samples is 1 - O(d/n) of the law's.
    assert rank.value == pytest.approx(0.5, abs=0.001)
    assert spread.value == pytest.approx(0.5, abs=0.03)
    assert rank.floor == spread.floor == 1
    assert measured(Spread(), real, 2 * half).value == pytest.approx(2, abs=0.12)


def test_spread_is_a_ratio_of_unbiased_variances() -> None:
    real, fake = normal(30, 3), normal(20, 3, seed=1)
    expected = float(fake.float().double().var(0).sum() / real.float().double().var(0).sum())
    assert measured(Spread(), real, fake).value == pytest.approx(expected, rel=1e-12)


def test_vendi_counts_what_is_wholly_unlike() -> None:
    far = torch.arange(7).double()[:, None] * 1e6
    assert vendi_score(far, width=1.0) == pytest.approx(7, rel=1e-9)
    assert vendi_score(far.repeat(3, 1), width=1.0) == pytest.approx(7, rel=1e-9)
    assert vendi_score(torch.zeros(9, 2).double(), width=1.0) == pytest.approx(1, abs=1e-9)
    # Two points, kernel c between them: λ = (1 ± c)/2.
    c = math.exp(-0.5)
    h = -sum((1 + s * c) / 2 * math.log((1 + s * c) / 2) for s in (1, -1))
    two = torch.tensor([[0.0], [1.0]]).double()
    assert vendi_score(two, width=1.0) == pytest.approx(math.exp(h), rel=1e-12)


def test_vendi_beside_the_reals() -> None:
    real = normal(300)
    same, collapsed = (measured(Vendi(), real, normal(300, seed=1) * s) for s in (1.0, 0.1))
    assert same.interval is not None
    assert same.floor is not None
    # The reals' own score scatters as much.
    width = same.interval[1] - same.interval[0]
    assert abs(same.value - same.floor) < width
    assert collapsed.value < 1.5 < same.value
    assert collapsed.floor == same.floor


def _hits(metric: Metric, repeats: int, n: int) -> float:
    values, intervals = [], []
    scale = torch.tensor([1.0, 0.7, 0.5, 0.3]).double()
    for s in range(repeats):
        real, fake = normal(n, 4, 2 * s) * scale, normal(n, 4, 2 * s + 1)
        found = measured(metric, real, fake, seed=s)
        values.append(found.value)
        assert found.interval is not None
        intervals.append(found.interval)
    mean = sum(values) / repeats
    return sum(low <= mean <= high for low, high in intervals) / repeats


@pytest.mark.parametrize(
    ("metric", "n"),
    [
        pytest.param(EffectiveRank(), 200, id="effective_rank"),
        pytest.param(Spread(), 200, id="spread"),
        pytest.param(Vendi(width=2.0), 100, id="vendi"),
    ],
)
def test_intervals_hold_the_mean(metric: Metric, n: int) -> None:
    # 200 repeats at 95 %: 190 on average, outside 180 .. 199 once in 500.
    assert 0.90 <= _hits(metric, 200, n) <= 0.995


def test_edges() -> None:
    real, constant = normal(40), torch.full((40, 4), 0.1).double()
    for metric in (EffectiveRank(), Spread()):
        found = measured(metric, real, constant)
        assert found.value == 0
        assert found.interval == (0, 0)
        with pytest.raises(InputError, match="nothing can be more or less diverse"):
            measured(metric, constant, real)
    assert measured(Vendi(), real, constant).value == pytest.approx(1, abs=1e-9)
    with pytest.raises(InputError, match="give Vendi"):
        measured(Vendi(), constant, real)
    for metric in (EffectiveRank(), Spread(), Vendi()):
        assert math.isfinite(measured(metric, normal(2), normal(2, seed=1)).value)
        assert measured(metric, real, real).excess == pytest.approx(0, abs=1e-9)
