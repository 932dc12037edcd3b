"""The birthday paradox on supports of known size."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.estimate import Estimate
from gannets.metrics.support import SupportSize, collisions, near_duplicate, poisson_interval
from tests.metrics.helpers import compare


def normal(n: int, d: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def drawn(size: int, n: int, seed: int, weights: Tensor | None = None) -> Tensor:
    """n draws of `size` atoms."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(
        torch.ones(size) if weights is None else weights, n, replacement=True, generator=generator
    )
    return normal(size, 4, seed=999)[chosen]


def measured(real: Tensor, fake: Tensor, metric: SupportSize | None = None) -> Estimate:
    (found,) = (metric or SupportSize())(compare(real, fake))
    return found


@pytest.mark.parametrize(("size", "repeats"), [(100, 40), (1000, 40), (10_000, 60)])
def test_known_supports(size: int, repeats: int) -> None:
    n = 300
    counts, hits = [], 0
    for s in range(repeats):
        fake = drawn(size, n, seed=s)
        found = measured(drawn(size, n, seed=10_000 + s), fake, SupportSize(tau=0.0))
        counts.append(found.details["collisions"])
        assert found.interval is not None
        hits += found.interval[0] <= size <= found.interval[1]
    # n (n-1)/2 pairs, each alike with chance 1/N: unbiased; four standard errors of the mean.
    expected = n * (n - 1) / 2 / size
    assert abs(sum(counts) / repeats - expected) < 4 * math.sqrt(expected / repeats)
    # 95 % nominal, Garwood's is at least that: fewer than 85 % of 40 hit once in 200.
    assert hits / repeats >= 0.85


def test_tau_finds_exact_duplicates_by_itself() -> None:
    found = measured(drawn(1000, 300, seed=1), drawn(100, 300, seed=2))
    assert found.details["tau"] == 0
    assert found.value == pytest.approx(100, rel=0.3)
    assert found.floor == pytest.approx(1000, rel=0.6)
    assert "times as many" in found.meaning


def test_unequal_atoms_give_the_effective_number() -> None:
    weights = torch.arange(1, 101).double() ** 2
    p = weights / weights.sum()
    effective = 1 / float(p.square().sum())
    hits, repeats = 0, 60
    for s in range(repeats):
        fake = drawn(100, 300, seed=s, weights=weights)
        found = measured(drawn(100, 300, seed=500 + s), fake, SupportSize(tau=0.0))
        assert found.interval is not None
        hits += found.interval[0] <= effective <= found.interval[1]
    # Poisson alone would be too narrow: pairs share atoms. As above.
    assert hits / repeats >= 0.85


def test_no_collisions_are_a_lower_bound() -> None:
    found = measured(normal(100), normal(100, seed=1), SupportSize(tau=0.0))
    assert found.interval is not None
    low, high = found.interval
    # exp(-mean) = 0.025 at mean 3.689: 4950 pairs over that.
    assert low == pytest.approx(4950 / -math.log(0.025), rel=1e-9)
    assert high == math.inf
    assert found.value == low
    assert "at least about" in found.meaning
    assert any("lower bound" in note for note in found.notes)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["interval"][1] is None
    assert Estimate.from_json(written).interval == found.interval


def test_continuous_laws_are_measured_by_the_reals() -> None:
    same = measured(normal(500), normal(500, seed=1))
    assert same.floor is not None
    assert same.interval is not None
    assert same.interval[0] < same.floor < same.interval[1]
    collapsed = measured(normal(500), normal(500, seed=1) * 0.1)
    assert collapsed.floor is not None
    assert collapsed.value < collapsed.floor / 100
    noisy = torch.cat([normal(20, seed=3).repeat(25, 1)]) + 1e-5 * normal(500, seed=4)
    assert measured(normal(500), noisy).value == pytest.approx(500 * 499 / 2 / (20 * 300), rel=1e-9)


def test_pieces() -> None:
    x = torch.tensor([[0.0], [0.0], [1.0], [5.0]]).double()
    assert collisions(x, tau=0.0).tolist() == [1, 1, 0, 0]
    assert collisions(x, tau=1.0).tolist() == [2, 2, 2, 0]
    assert near_duplicate(x, quantile=0.0) == 0
    assert near_duplicate(x, quantile=1.0) == 4


@pytest.mark.parametrize("count", [0, 1, 7, 450, 12_497_500])
def test_poisson_interval_is_garwoods(count: int) -> None:
    chi2 = pytest.importorskip("scipy.stats").chi2
    low, high = poisson_interval(count)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * count) / 2 if count else 0, rel=1e-8)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=1e-8)


def test_one_point_and_two_samples() -> None:
    one = measured(torch.zeros(50, 2), torch.zeros(50, 2))
    assert one.value == 1
    assert one.interval is not None
    assert one.interval[0] == 1
    two = measured(normal(2), normal(2, seed=1))
    assert math.isfinite(two.value)
    with pytest.raises(InputError, match="quantile from 0 to 1"):
        SupportSize(quantile=2.0)
    with pytest.raises(InputError, match="tau >= 0"):
        SupportSize(tau=-1.0)
