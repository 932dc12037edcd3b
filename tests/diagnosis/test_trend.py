"""Trends against all permutations, and against scipy."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gannets.diagnosis.trend import falls, mann_p, rises, slope, won


def score(y: tuple[float, ...]) -> int:
    return sum((b > a) - (b < a) for i, a in enumerate(y) for b in y[i + 1 :])


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_p_is_the_share_of_orders_that_rise_as_much(n: int) -> None:
    scores = [score(order) for order in permutations(range(n))]
    for y in list(permutations(range(n)))[:: max(1, len(scores) // 20)]:
        exact = sum(s >= score(y) for s in scores) / len(scores)
        assert mann_p([float(v) for v in y]) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_p_is_that_of_kendalls_tau_against_time(seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=8) + 0.2 * np.arange(8)
    exact = stats.kendalltau(np.arange(8), y, alternative="greater", method="exact").pvalue
    assert mann_p(y.tolist()) == pytest.approx(exact, rel=1e-12)
    long = np.random.default_rng(seed).normal(size=30) + 0.03 * np.arange(30)
    exact = stats.kendalltau(np.arange(30), long, alternative="greater", method="exact").pvalue
    # The normal law with a correction for continuity, of 30: within .002 of the exact one.
    assert mann_p(long.tolist()) == pytest.approx(exact, abs=2e-3)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12))
def test_the_slope_is_that_of_theil_and_sen(y: list[float]) -> None:
    x = [float(i) for i in range(len(y))]
    assert slope(x, y) == pytest.approx(stats.theilslopes(y, x).slope, abs=1e-9)


def test_a_row_without_a_trend_is_said_to_rise_at_the_level() -> None:
    # Of all orders of seven at most 5 % rise; the law has steps: 3.5 % do.
    share = sum(rises([float(v) for v in y]) for y in permutations(range(7))) / 5040
    assert 0.03 < share <= 0.05


def test_falling_is_rising_turned_about() -> None:
    y = [3.0, 2.5, 2.0, 1.9, 1.0, 0.4]
    assert falls(y)
    assert not rises(y)
    assert rises(y[::-1])
    assert not rises([1.0, 2.0, 3.0])  # three are too few: 1 in 6 orders rises throughout


@given(
    st.integers(4, 12),
    st.floats(0.01, 1.5),
    st.floats(0.1, 100),
    st.floats(1, 1_000),
)
def test_what_a_line_has_won_is_its_fall_over_its_median(
    n: int, by: float, level: float, every: float
) -> None:
    steps = [every * i for i in range(n)]
    line = [level * (1 + by * (0.5 - i / (n - 1))) for i in range(n)]
    assert won(steps, line) == pytest.approx(by, rel=1e-6)
    assert won(steps, line[::-1]) == 0


def test_nothing_is_won_without_a_trend() -> None:
    assert won([0, 1, 2, 3], [3.0, 1.0, 2.0, 0.5]) == 0
