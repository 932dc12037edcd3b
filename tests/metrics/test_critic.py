"""JSD's lower bound: its constant, its tightness, its honesty at p = q."""

from __future__ import annotations

import math

import pytest
import torch

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.critic import CriticDivergence, divergence_bound
from tests.metrics.helpers import compare

JSD = 0.1114215
"""Of N(0, 1) and N(1, 1)."""


def test_the_constant_by_the_optimal_critic() -> None:
    """logit D*(x) = log p/q = 1/2 - x gives the JSD itself, to four standard errors of 1e-3."""
    stream = Stream(0, "tests/critic")
    x, y = stream.normal(100_000).double(), stream.normal(100_000).double() + 1
    value, error = divergence_bound(real=0.5 - x, fake=0.5 - y)
    assert error < 1.5e-3
    assert abs(value - JSD) < 4 * error


@pytest.mark.parametrize(
    ("logit", "value"),
    [
        pytest.param(0.0, 0.0, id="undecided"),
        pytest.param(50.0, math.log(2), id="perfect"),
        # softplus(50) = 50 on either side.
        pytest.param(-50.0, math.log(2) - 50, id="wrong throughout: not clipped"),
    ],
)
def test_ends_of_the_bound(logit: float, value: float) -> None:
    found, error = divergence_bound(real=torch.full((3,), logit), fake=torch.full((3,), -logit))
    assert found == pytest.approx(value)
    assert error == 0.0


def test_the_bound_on_gaussians_is_tight_and_a_bound() -> None:
    """The mean of 8 data seeds, none of which is chosen: at most JSD and at least 90 % of it, each
    but for three of the mean's standard errors. One seed alone may lie above by chance, as does the
    optimal critic's own value there.
    """
    values, squares = [], 0.0
    for seed in range(11, 19):
        stream = Stream(seed, "tests/critic")
        x, y = stream.normal(3000, 1), stream.normal(3000, 1) + 1
        (estimate,) = CriticDivergence()(compare(x, y))
        assert estimate.interval is not None
        squares += ((estimate.interval[1] - estimate.interval[0]) / 3.92) ** 2
        values.append(estimate.value)
        assert estimate.interval[0] > 0.05
        assert estimate.p is not None
        assert estimate.p < 1e-3
    mean, error = sum(values) / 8, math.sqrt(squares) / 8
    assert 0.9 * JSD - 3 * error < mean < JSD + 3 * error


@pytest.mark.parametrize("gap", [pytest.param(0.5, id="near"), pytest.param(50.0, id="far")])
def test_disjoint_supports_reach_log_2(gap: float) -> None:
    stream = Stream(4, "tests/critic")
    x, y = stream.uniform(600, 2), stream.uniform(600, 2)
    y[:, 0] += 1 + gap
    (estimate,) = CriticDivergence()(compare(x, y))
    # A logistic loss of 0.01 a side is left where training ends.
    assert estimate.value == pytest.approx(math.log(2), abs=0.01)
    assert estimate.details["accuracy"] == 1.0


def test_equal_sides_are_not_told_apart() -> None:
    """20 data seeds: at 5 % one is rejected, and 5 or more in 1 of 400."""
    stream, ps = Stream(5, "tests/critic"), []
    for seed in range(20):
        comparison = compare(stream.normal(200, 3), stream.normal(150, 3), seed=seed)
        (estimate,) = CriticDivergence(epochs=10)(comparison)
        assert estimate.interval is not None
        ps.append(estimate.p)
        assert estimate.value < 0.05
    assert sum(p <= 0.05 for p in ps if p is not None) < 5


def test_below_zero_is_noted_and_not_clipped() -> None:
    """Of 20 seeds at p = q some come out below 0: those say so, and only those."""
    stream, below = Stream(6, "tests/critic"), 0
    for seed in range(20):
        comparison = compare(stream.normal(100, 2), stream.normal(100, 2), seed=seed)
        (estimate,) = CriticDivergence(epochs=10)(comparison)
        said = any("not clipped" in note for note in estimate.notes)
        assert said == (estimate.value < 0)
        assert estimate.details["at_least"] >= 0
        below += estimate.value < 0
    assert below > 0


def test_a_difference_of_shape_is_seen() -> None:
    """A ring and a disc of equal mean and covariance."""
    stream = Stream(7, "tests/critic")
    angle = stream.uniform(2000) * 2 * math.pi
    ring = math.sqrt(2) * torch.stack([angle.cos(), angle.sin()], 1)
    (estimate,) = CriticDivergence()(compare(stream.normal(2000, 2), ring))
    assert estimate.value > 0.4


@pytest.mark.parametrize(
    ("fake", "value"),
    [
        pytest.param(torch.ones(60, 2), 0.0, id="equal"),
        pytest.param(torch.full((60, 2), 2.0), math.log(2), id="different"),
    ],
)
def test_constant_sides(fake: torch.Tensor, value: float) -> None:
    (estimate,) = CriticDivergence()(compare(torch.ones(60, 2), fake))
    assert estimate.value == pytest.approx(value, abs=0.02)


def test_order_does_not_matter() -> None:
    stream = Stream(8, "tests/critic")
    x, y = stream.normal(60, 2), stream.normal(50, 2) + 1
    metric = CriticDivergence(epochs=3)
    assert metric(compare(x, y)) == metric(compare(x.flip(0), y.flip(0)))


def test_what_cannot_be_halved_is_refused() -> None:
    with pytest.raises(InputError, match="20 samples a side or more"):
        CriticDivergence()(compare(torch.eye(19), torch.eye(19)))
    for settings in ({"largest": 3}, {"epochs": 0}, {"learning_rate": 0.0}):
        with pytest.raises(InputError, match="CriticDivergence takes"):
            CriticDivergence(**settings)
