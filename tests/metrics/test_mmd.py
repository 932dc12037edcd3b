"""MMD² with Gaussian kernels: definition, closed form, null, yardstick."""

from __future__ import annotations

import math

import pytest
import torch

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.mmd import MMD, median_distance, mmd2
from gannets.theory.gaussians import Moments, gaussian_mmd2
from tests.metrics.helpers import compare
from tests.reference import metrics_kernels as oracle


def test_mmd2_is_the_mean_over_pairs_and_widths() -> None:
    stream = Stream(0, "tests/mmd")
    x, y = stream.normal(6, 3).double(), stream.normal(5, 3).double()
    expected = sum(oracle.unbiased(x.numpy(), y.numpy(), oracle.gaussian(w)) for w in (0.7, 2.0))
    # Distances by |x|² - 2xy + |y|² are exact to 1e-15 of |x|².
    assert mmd2(real=x, fake=y, widths=(0.7, 2.0)) == pytest.approx(expected / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("d", "shift", "sigma"),
    [
        pytest.param(1, 0.7, 1.5, id="line"),
        pytest.param(3, 0.5, 1.0, id="shift"),
        pytest.param(10, 0.0, 0.8, id="scale"),
    ],
)
def test_closed_form_of_gaussians(d: int, shift: float, sigma: float) -> None:
    """Within 4 of its own standard errors of the truth, and that error is small beside it."""
    stream = Stream(1, "tests/mmd")
    comparison = compare(stream.normal(2000, d), shift + sigma * stream.normal(2000, d))
    (estimate,) = MMD()(comparison)
    p = Moments.isotropic(torch.zeros(d, dtype=torch.float64), 1.0)
    q = Moments.isotropic(torch.full((d,), shift, dtype=torch.float64), sigma)
    truth = [float(gaussian_mmd2(p, q, width=w)) for w in estimate.details["widths"]]
    assert estimate.interval is not None
    error = (estimate.interval[1] - estimate.interval[0]) / 3.92
    assert error < sum(truth) / 3 / 4
    assert abs(estimate.value - sum(truth) / 3) < 4 * error


def test_translation_and_scale_leave_the_metric_alone() -> None:
    stream = Stream(2, "tests/mmd")
    x, y = stream.normal(80, 4), stream.normal(70, 4) + 0.3
    near, far = (mmd2(real=x.double() + o, fake=y.double() + o, widths=(2.0,)) for o in (0, 1e7))
    # 1e7 keeps 9 digits of a double's 16.
    assert far == pytest.approx(near, abs=1e-7)
    (one,), (other,) = MMD()(compare(x, y)), MMD()(compare(4 * x, 4 * y))
    # The set's order is of its values' hashes, but all pairs are used: sums in another order.
    assert other.value == pytest.approx(one.value, abs=1e-12)


def test_the_yardstick_is_of_the_real_samples() -> None:
    stream = Stream(3, "tests/mmd")
    x, y = stream.normal(300, 3), stream.normal(300, 3)
    (near,), (far,) = MMD()(compare(x, y)), MMD()(compare(x, 100 * y))
    assert near.details["widths"] == far.details["widths"]


def test_median_distance() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0]])
    assert median_distance(x) == pytest.approx(2.0)
    assert median_distance(torch.full((9, 3), 0.1)) == 0.0


def test_most_real_samples_equal_is_said() -> None:
    x = torch.cat([torch.zeros(30, 2), torch.ones(3, 2)])
    (estimate,) = MMD()(compare(x, x + 1))
    assert any("Most real samples are equal" in note for note in estimate.notes)
    assert estimate.p == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("real", "fake", "p"),
    [
        pytest.param(torch.zeros(8, 2), torch.zeros(8, 2), 1.0, id="constant and equal"),
        pytest.param(torch.zeros(8, 2), torch.ones(9, 2), None, id="constant and different"),
        pytest.param(torch.eye(2), torch.eye(2), 1.0, id="identical pair"),
    ],
)
def test_degenerate_inputs(real: torch.Tensor, fake: torch.Tensor, p: float | None) -> None:
    (estimate,) = MMD()(compare(real, fake))
    assert math.isfinite(estimate.value)
    assert estimate.p is not None
    assert estimate.p == p if p is not None else estimate.p < 0.01


def test_subsampling_is_said() -> None:
    stream = Stream(4, "tests/mmd")
    (estimate,) = MMD(largest=50)(compare(stream.normal(60, 2), stream.normal(40, 2)))
    assert estimate.n == (50, 40)
    assert estimate.notes[0] == "50 of 60 real samples were used, drawn at random."


def test_settings_that_measure_nothing_are_refused() -> None:
    for settings in ({"factors": ()}, {"factors": (0.0,)}, {"largest": 1}, {"permutations": 0}):
        with pytest.raises(InputError, match="MMD takes"):
            MMD(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one width"):
        mmd2(real=torch.eye(2), fake=torch.eye(2), widths=())


def test_null_is_calibrated() -> None:
    """200 repeats at 10 %: 20 ± 4.2, 3.5 of which are allowed. `slow` has the fine one."""
    assert 6 <= _rejections(200, 0.1, seed=5) <= 35


@pytest.mark.slow
def test_null_is_calibrated_at_five_percent() -> None:
    """1,500 repeats: 5 % ± 1.1 % at two deviations, within 3-7 %."""
    assert 45 <= _rejections(1500, 0.05, seed=6) <= 105


def _rejections(repeats: int, level: float, *, seed: int) -> int:
    stream = Stream(seed, "tests/mmd")
    ps = []
    for i in range(repeats):
        comparison = compare(stream.normal(60, 3), stream.normal(40, 3), seed=i)
        (estimate,) = MMD(permutations=99)(comparison)
        assert estimate.p is not None
        ps.append(estimate.p)
    return sum(p <= level + 1e-9 for p in ps)
