"""The referee's numbers against plain loops, closed forms and other people's code."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.diagnosis import compare
from gannets.errors import InputError
from tests.reference import metrics_neighbours as slow


def normal(n: int, d: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


REAL = normal(40, 3)
FAKE = normal(40, 3, seed=1) * 0.6 + 0.4


def mean_distance(a: Tensor, b: Tensor, *, pairs: bool = False) -> float:
    d = [
        slow.distance(x, y) for i, x in enumerate(a) for j, y in enumerate(b) if not pairs or i != j
    ]
    return sum(d) / len(d)


def test_distance_is_that_of_loops() -> None:
    within = mean_distance(REAL, REAL, pairs=True)
    energy = 2 * mean_distance(REAL, FAKE) - within - mean_distance(FAKE, FAKE, pairs=True)
    # Double precision; distances come from inner products: 1e-7 of their size at worst.
    assert compare(real=REAL, fake=FAKE).distance == pytest.approx(energy / within, abs=1e-6)


def test_distance_has_the_closed_form_of_two_normals() -> None:
    # E|X - Y| of N(0, 1) and N(.7, 1.5²), Székely and Rizzo (2013): the distance is .27005, and
    # two reals are 2/√π apart. The unbiased estimate's spread over these 40 draws is .19 of its
    # mean each, .03 of the average: three of these.
    expected = 0.27005 * math.sqrt(math.pi) / 2
    drawn = [
        compare(real=normal(200, 1, 2 * i), fake=0.7 + 1.5 * normal(200, 1, 2 * i + 1)).distance
        for i in range(40)
    ]
    assert sum(drawn) / 40 == pytest.approx(expected, rel=0.09)


def test_the_distance_of_equals_is_0_on_average() -> None:
    # Unbiased: the biased one is 2/n, .04 here, of the mean distance.
    drawn = [compare(real=normal(50, 2, 2 * i), fake=normal(50, 2, 2 * i + 1)) for i in range(64)]
    mean = sum(each.distance for each in drawn) / 64
    spread = float(np.std([each.distance for each in drawn]))
    assert abs(mean) < 3 * spread / 8


def test_the_permutation_p_rejects_equals_as_often_as_it_says() -> None:
    # 250 tests at 5 %: a share has the deviation 1.4 %; these seeds are fixed.
    p = []
    for i in range(250):
        real, fake = normal(20, 2, 5000 + 2 * i), normal(20, 2, 5001 + 2 * i)
        p.append(compare(real=real, fake=fake, seed=i).distance_p)
    assert 0.03 <= sum(each <= 0.05 for each in p) / 250 <= 0.07
    # And no p is below 1 / (199 + 1).
    assert min(p) >= 1 / 200


def test_p_is_small_where_the_laws_differ() -> None:
    assert compare(real=REAL, fake=REAL + 5).distance_p == 1 / 200


def test_coverage_and_precision_are_those_of_loops_and_of_the_authors_package() -> None:
    ours = compare(real=REAL, fake=FAKE)
    theirs = slow.prdc(REAL, FAKE, 5)
    assert ours.coverage == pytest.approx(theirs["coverage"], abs=1e-12)
    assert ours.precision == pytest.approx(theirs["precision"], abs=1e-12)
    package = pytest.importorskip("prdc")
    with contextlib.redirect_stdout(io.StringIO()):
        # Its k-th nearest of a set counts the point itself, so does not need k + 1.
        other = package.compute_prdc(REAL.numpy(), FAKE.numpy(), nearest_k=5)
    assert ours.coverage == pytest.approx(other["coverage"], abs=1e-12)
    assert ours.precision == pytest.approx(other["precision"], abs=1e-12)


def test_coverage_of_a_perfect_generator_is_its_floor() -> None:
    drawn = [compare(real=normal(60, 2, 2 * i), fake=normal(60, 2, 2 * i + 1)) for i in range(50)]
    mean = sum(each.coverage for each in drawn) / 50
    # The share's deviation is .03 at n = 60, /√50 = .004: three of these.
    assert mean == pytest.approx(drawn[0].coverage_floor, abs=0.012)


@pytest.mark.parametrize("n", [25, 60])
def test_c2st_is_the_leave_one_out_accuracy_of_scikit_learns_knn(n: int) -> None:
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    real, fake = normal(n, 4, 7), normal(n, 4, 8) * 0.8 + 0.3
    k = math.isqrt(2 * n) | 1
    x, y = torch.cat([real, fake]).numpy(), np.arange(2 * n) < n
    predicted = cross_val_predict(KNeighborsClassifier(k), x, y, cv=LeaveOneOut())
    assert compare(real=real, fake=fake).c2st == pytest.approx(np.mean(predicted == y), abs=1e-12)


def test_nearest_neighbour_accuracies_are_those_of_loops() -> None:
    ours, theirs = compare(real=REAL, fake=FAKE), slow.one_nn(REAL, FAKE)
    assert ours.nearest_real == pytest.approx(theirs["real"], abs=1e-12)
    assert ours.nearest_fake == pytest.approx(theirs["fake"], abs=1e-12)


def test_spread_is_the_ratio_of_total_deviations() -> None:
    expected = math.sqrt(FAKE.numpy().var(0, ddof=1).sum() / REAL.numpy().var(0, ddof=1).sum())
    assert compare(real=REAL, fake=FAKE).spread == pytest.approx(expected, rel=1e-12)
    assert compare(real=REAL, fake=torch.zeros(40, 3)).spread == 0


def test_what_features_leave_out_is_told_by_itself() -> None:
    lengths = normal(40, 1)[:, 0].abs()
    apart = compare(real=REAL, fake=normal(40, 3, 9), beyond=(lengths, lengths + 10))
    assert apart.beyond == 1
    assert apart.told == 1
    alike = compare(real=REAL, fake=REAL + 50, beyond=(lengths, normal(40, 1, 3)[:, 0].abs()))
    # Equal laws: 1/2 but for a deviation of 1/√320 of right answers, thrice.
    assert alike.beyond == pytest.approx(0.5, abs=0.17)
    assert alike.told == alike.c2st == 1
    seen = compare(real=REAL, fake=FAKE)
    assert math.isnan(seen.beyond)
    assert seen.told == seen.c2st


def test_beyond_is_the_knn_of_one_number() -> None:
    lengths = normal(40, 1, 4)[:, 0].abs(), normal(40, 1, 5)[:, 0].abs() + 0.5
    alone = compare(real=lengths[0][:, None], fake=lengths[1][:, None])
    assert compare(real=REAL, fake=FAKE, beyond=lengths).beyond == alone.c2st


@settings(max_examples=15)
@given(
    shift=st.floats(-1e3, 1e3),
    angle=st.floats(0, 2 * math.pi),
    scale=st.floats(0.01, 100),
)
def test_nothing_depends_on_where_data_lie_how_they_are_turned_or_their_unit(
    shift: float, angle: float, scale: float
) -> None:
    real, fake = normal(30, 2, 11), normal(30, 2, 12) * 0.5
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    before = compare(real=real, fake=fake)
    after = compare(real=scale * (real @ turn) + shift, fake=scale * (fake @ turn) + shift)
    for name, value in vars(before).items():
        # The shift costs 1e3 / (.01 of scale) of 1e-16, squared distances its square.
        assert getattr(after, name) == pytest.approx(value, abs=1e-4, nan_ok=True), name


def test_no_more_of_one_side_is_used_than_of_the_other() -> None:
    assert compare(real=REAL, fake=FAKE[:25]) == compare(real=REAL[:25], fake=FAKE[:25])


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InputError, match="19 samples a side are too few"):
        compare(real=REAL, fake=FAKE[:19])


def test_identical_samples_are_judged_too() -> None:
    point = torch.zeros(30, 2)
    seen = compare(real=point, fake=point)
    assert (seen.distance, seen.coverage, seen.precision) == (0, 1, 1)
