"""Distances in blocks against distances one by one, ties and far-away points included."""

from __future__ import annotations

import math

import pytest
import torch

from gannets.errors import InputError
from gannets.metrics import distances
from gannets.metrics.distances import nearest, pair_distances, squared_distances, within
from tests.reference import metrics_neighbours as slow


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("columns", [37, 600], ids=["topk", "groups"])
def test_nearest_are_the_first_of_all_sorted(columns: int) -> None:
    # 600 columns are 37 groups of 16 and 8 left over; 37 are too few for groups.
    a, b = normal(20, 3), normal(columns, 3, seed=1)
    found, numbers = nearest(a, b, k=5)
    exact = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").sort(dim=1, stable=True)
    assert torch.equal(found, exact.values[:, :5])
    assert torch.equal(numbers, exact.indices[:, :5])


def test_nearest_leaves_a_point_itself_out_but_not_its_copy() -> None:
    x = torch.tensor([[0.0], [0.0], [3.0]], dtype=torch.float64)
    found, numbers = nearest(x, x, k=1, skip_self=True)
    assert found.flatten().tolist() == [0.0, 0.0, 3.0]
    assert numbers.flatten().tolist()[:2] == [1, 0]


def test_nearest_far_from_the_origin() -> None:
    # Multiples of 2^-10 near 10^7 are exact in doubles: the differences are those near 0.
    a = (normal(50, 4) * 1024).round() / 1024
    near = nearest(a, a, k=3, skip_self=True)
    far = nearest(a + 1e7, a + 1e7, k=3, skip_self=True)
    assert torch.equal(near[0], far[0])


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, radii = normal(40, 5), normal(30, 5, seed=1), torch.full((40,), 2.0, dtype=torch.float64)
    whole = nearest(a, b, k=4)
    pairs = torch.cat([p for p, _ in within(a, b, a_radii=radii) if p is not None], dim=1)
    monkeypatch.setattr(distances, "BUDGET", 64)
    assert torch.equal(nearest(a, b, k=4)[1], whole[1])
    small = torch.cat([p for p, _ in within(a, b, a_radii=radii) if p is not None], dim=1)
    assert torch.equal(small, pairs)


def test_within_has_the_rim() -> None:
    # Every radius is the distance to some point: rounding alone would lose about half of them.
    a, b = normal(60, 7), normal(80, 7, seed=1)
    d = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    a_radii, b_radii = d[:, 11].contiguous(), d[5].contiguous()
    found = list(within(a, b, a_radii=a_radii, b_radii=b_radii))
    by_row, by_column = (torch.cat([pair[i] for pair in found], dim=1) for i in (0, 1))  # type: ignore[misc]
    assert torch.equal(by_row.T, (d <= a_radii[:, None]).nonzero())
    assert torch.equal(by_column.T, (d <= b_radii[None]).nonzero())


def test_pair_distances_are_symmetric_and_zero_for_copies() -> None:
    a, b = normal(100, 33), normal(100, 33, seed=1)
    assert torch.equal(pair_distances(a, b), pair_distances(b, a))
    assert torch.equal(pair_distances(a, a), torch.zeros(100, dtype=torch.float64))
    # 33 squares are summed in another order: a few units in the last place.
    assert float(pair_distances(a, b)[7]) == pytest.approx(slow.distance(a[7], b[7]), rel=1e-14)
    assert pair_distances(a[:0], b[:0]).shape == (0,)


def test_squared_distances_are_never_negative() -> None:
    a = normal(50, 10)
    squared = squared_distances(a, a)
    assert float(squared.min()) >= 0
    assert float(squared.diagonal().max()) <= 1e-13 * float((a * a).sum(1).max())


@pytest.mark.parametrize("k", [0, 3], ids=["none", "too_many"])
def test_neighbours_that_there_are_not(k: int) -> None:
    x = normal(3, 2)
    with pytest.raises(InputError, match="cannot be found among 2"):
        nearest(x, x, k=k, skip_self=True)


def test_infinite_radii_hold_all() -> None:
    x = normal(9, 2)
    radii = torch.full((9,), math.inf, dtype=torch.float64)
    ((pairs, other),) = within(x, x, a_radii=radii)
    assert pairs is not None
    assert pairs.shape == (2, 81)
    assert other is None
