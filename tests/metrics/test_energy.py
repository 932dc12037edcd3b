"""The energy distance: definition, closed form, null, degenerate sets."""

from __future__ import annotations

import math

import pytest
import torch

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.energy import Energy, _pairs, energy_distance
from gannets.theory.gaussians import Moments, gaussian_energy
from tests.metrics.helpers import compare
from tests.reference import metrics_kernels as oracle


def test_energy_is_the_mean_over_pairs() -> None:
    stream = Stream(0, "tests/energy")
    x, y = stream.normal(6, 3).double(), stream.normal(9, 3).double()
    expected = oracle.unbiased(x.numpy(), y.numpy(), oracle.minus_distance)
    # A distance is the root of a square exact to 1e-15.
    assert energy_distance(real=x, fake=y) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("d", "shift", "sigma"),
    [
        pytest.param(1, 0.7, 1.5, id="the line: .27005"),
        pytest.param(4, 0.4, 1.0, id="shift"),
        pytest.param(20, 0.0, 1.2, id="scale"),
    ],
)
def test_closed_form_of_gaussians(d: int, shift: float, sigma: float) -> None:
    """Within 4 of its own standard errors of the truth, and that error is small beside it."""
    stream = Stream(1, "tests/energy")
    comparison = compare(stream.normal(2000, d), shift + sigma * stream.normal(2000, d))
    (estimate,) = Energy()(comparison)
    p = Moments.isotropic(torch.zeros(d, dtype=torch.float64), 1.0)
    q = Moments.isotropic(torch.full((d,), shift, dtype=torch.float64), sigma)
    truth = float(gaussian_energy(p, q))
    if d == 1:
        assert truth == pytest.approx(0.27005, abs=5e-6)
    assert estimate.interval is not None
    error = (estimate.interval[1] - estimate.interval[0]) / 3.92
    assert error < truth / 4
    assert abs(estimate.value - truth) < 4 * error
    assert estimate.p == pytest.approx(1e-3)


def test_two_points_have_all_of_their_distance() -> None:
    (estimate,) = Energy()(compare(torch.zeros(9, 2), torch.full((8, 2), 3.0)))
    assert estimate.value == pytest.approx(2 * math.sqrt(18))
    assert estimate.details["share_of_distance"] == pytest.approx(1.0)
    assert estimate.p is not None
    assert estimate.p < 0.01


@pytest.mark.parametrize("offset", [pytest.param(1e3, id="1e3"), pytest.param(1e7, id="1e7")])
def test_translation_leaves_it_alone(offset: float) -> None:
    stream = Stream(2, "tests/energy")
    x, y = stream.normal(50, 3).double(), stream.normal(40, 3).double() + 1
    moved = energy_distance(real=x + offset, fake=y + offset)
    # 1e7 leaves 9 digits of a double's 16.
    assert moved == pytest.approx(energy_distance(real=x, fake=y), abs=1e-7)


def test_rotation_leaves_it_alone_and_scale_scales_it() -> None:
    stream = Stream(3, "tests/energy")
    x, y = stream.normal(50, 3).double(), stream.normal(40, 3).double() + 1
    turn = torch.linalg.qr(stream.normal(3, 3).double()).Q
    value = energy_distance(real=x, fake=y)
    assert energy_distance(real=x @ turn, fake=y @ turn) == pytest.approx(value, rel=1e-10)
    assert energy_distance(real=7 * x, fake=7 * y) == pytest.approx(7 * value, rel=1e-10)


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        pytest.param(torch.zeros(6, 2), torch.zeros(4, 2), id="constant and equal"),
        pytest.param(torch.eye(2), torch.eye(2), id="two a side"),
        pytest.param(torch.eye(3).repeat(4, 1), torch.eye(3).repeat(9, 1), id="duplicates"),
    ],
)
def test_equal_sets_are_not_told_apart(real: torch.Tensor, fake: torch.Tensor) -> None:
    (estimate,) = Energy()(compare(real, fake))
    assert estimate.value <= 1e-9
    assert estimate.p is not None
    assert estimate.p > 0.5


def test_order_does_not_matter() -> None:
    stream = Stream(4, "tests/energy")
    x, y = stream.normal(30, 3), stream.normal(40, 3)
    assert Energy()(compare(x, y)) == Energy()(compare(x.flip(0), y.flip(0)))


def test_settings_that_measure_nothing_are_refused() -> None:
    for settings in ({"largest": 1}, {"permutations": 0}):
        with pytest.raises(InputError, match="Energy takes"):
            Energy(**settings)


def test_null_is_calibrated_and_a_shift_is_seen() -> None:
    """200 repeats at 10 %: 20 ± 4.2, 3.5 of which are allowed. `slow` has the fine one."""
    assert 6 <= _rejections(200, 0.1, shift=0.0, seed=5) <= 35
    # A shift of 0.5 in each of 3 dimensions, at n = 60 and 40: power near 1.
    assert _rejections(40, 0.1, shift=0.5, seed=6) >= 32


@pytest.mark.slow
def test_null_is_calibrated_at_five_percent() -> None:
    """1,500 repeats: 5 % ± 1.1 % at two deviations, within 3-7 %."""
    assert 45 <= _rejections(1500, 0.05, shift=0.0, seed=7) <= 105


def _rejections(repeats: int, level: float, *, shift: float, seed: int) -> int:
    stream = Stream(seed, "tests/energy")
    ps = []
    for i in range(repeats):
        comparison = compare(stream.normal(60, 3), stream.normal(40, 3) + shift, seed=i)
        (estimate,) = Energy(permutations=99)(comparison)
        assert estimate.p is not None
        ps.append(estimate.p)
    return sum(p <= level + 1e-9 for p in ps)


def test_the_interval_holds_the_distance_near_and_far() -> None:
    """The exact distance of N(0, 1) and N(s, 1) is 2 E|2^½ Z + s| - 4/π^½; 300 repeats, n = 60.

    95 % less three standard errors is 91.2 %; the value ± 1.96 standard errors holds it in 84 %.
    """
    for s in (0.3, 1.0):
        mean = 2 * (s * math.erf(s / 2) + 2 / math.sqrt(math.pi) * math.exp(-s * s / 4))
        truth, held = mean - 4 / math.sqrt(math.pi), 0
        stream = Stream(11, f"tests/energy/{s}")
        for _ in range(300):
            interval = _pairs(stream.normal(60, 1).double(), stream.normal(60, 1) + s).interval
            assert interval is not None
            held += interval[0] <= truth <= interval[1]
        assert held / 300 >= 0.912


def test_the_bias_is_that_of_the_mean_over_all_pairs() -> None:
    stream = Stream(12, "tests/energy/bias")
    x, y = stream.normal(30, 2).double(), stream.normal(21, 2).double() + 1
    sums = _pairs(x, y)
    every = 2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean()
    assert sums.value + sums.bias == pytest.approx(float(every), rel=1e-9)


@pytest.mark.parametrize("apart", [0.0, 1e-9, 1e-4])
def test_nearly_equal_sets_have_an_interval_no_wider_than_chance_makes_it(apart: float) -> None:
    """That of independent sets of the same size, 0.1 to each side; equal ones had one of 70,000."""
    stream = Stream(21, "tests/energy")
    x, y = stream.normal(80, 3), stream.normal(80, 3)
    (near,), (other,) = Energy()(compare(x, x + apart)), Energy()(compare(x, y))
    assert near.interval is not None
    assert other.interval is not None
    width, usual = (high - low for low, high in (near.interval, other.interval))
    # Centred elsewhere and so of another slope: of the same order is what is to be shown.
    assert width < 2 * usual
