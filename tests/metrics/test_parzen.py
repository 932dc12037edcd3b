"""Parzen windows: exact sums, the 2014 protocol, and its pathology shown on digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.parzen import (
    GRID,
    Parzen,
    centroids,
    choose_sigma,
    parzen_log_likelihood,
)
from tests.metrics.helpers import compare
from tests.reference.metrics_parzen import parzen


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.01, 0.3, 5.0])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_log_likelihood_is_the_sum_of_its_terms(sigma: float, offset: float) -> None:
    samples, points = normal(40, 6) + offset, normal(15, 6, seed=1) + offset
    found = parzen_log_likelihood(samples=samples, points=points, sigma=sigma)
    right = parzen(samples.numpy(), points.numpy(), sigma)
    # Coordinates of 1e4 are themselves known to 1e-12; over sigma² = 1e-4 that makes 1e-7.
    np.testing.assert_allclose(found.numpy(), right, rtol=1e-9, atol=1e-9 if not offset else 1e-6)


def test_one_sample_at_one_point_is_a_gaussian_at_its_mean() -> None:
    x = torch.full((1, 784), 0.7)
    value = parzen_log_likelihood(samples=x, points=x, sigma=0.2)
    assert float(value) == pytest.approx(-784 * math.log(0.2 * math.sqrt(2 * math.pi)), rel=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, points = normal(50, 3), normal(30, 3, seed=1)
    whole = parzen_log_likelihood(samples=samples, points=points, sigma=0.4)
    sigmas = choose_sigma(samples=samples, points=points, sigmas=GRID)
    monkeypatch.setattr("gannets.metrics.distances.BUDGET", 170)
    parts = parzen_log_likelihood(samples=samples, points=points, sigma=0.4)
    torch.testing.assert_close(whole, parts, rtol=1e-12, atol=1e-12)
    again = choose_sigma(samples=samples, points=points, sigmas=GRID)
    assert again[0] == sigmas[0]
    assert again[1] == pytest.approx(sigmas[1], rel=1e-12)


def test_the_grid_of_2014() -> None:
    np.testing.assert_allclose(GRID, np.logspace(-1, 0, 10), rtol=1e-14)


def test_sigma_by_one_distance_matrix_is_sigma_by_ten_scores() -> None:
    samples, points = normal(60, 5), normal(40, 5, seed=1)
    sigma, means = choose_sigma(samples=samples, points=points, sigmas=GRID)
    slow = [
        float(parzen_log_likelihood(samples=samples, points=points, sigma=g).mean()) for g in GRID
    ]
    assert means == pytest.approx(slow, rel=1e-10)
    assert sigma == GRID[int(np.argmax(slow))]


def test_in_784_dimensions_sums_stay_exact() -> None:
    """scikit-learn's KernelDensity with its own settings is off by hundreds of nats here."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(320, 784, generator=generator, dtype=torch.float64)
    samples, points = images[:300], images[300:]
    found = parzen_log_likelihood(samples=samples, points=points, sigma=0.2)
    right = parzen(samples.numpy(), points.numpy(), 0.2)
    assert float((found - torch.from_numpy(right)).abs().max()) / 784 < 1e-6


def digits(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which digits were the 500 samples is not told: 1,000 for training, 400 and 397 held out."""
    x = torch.from_numpy(load_digits().data) / 16
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))]
    return x[:1000], x[1000:1400], x[1400:]


def score(samples: Tensor, validation: Tensor, test: Tensor, sigmas: Sequence[float]) -> float:
    sigma, _ = choose_sigma(samples=samples, points=validation, sigmas=sigmas)
    return float(parzen_log_likelihood(samples=samples, points=test, sigma=sigma).mean())


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_worse_samples_score_more_than_true_ones(seed: int) -> None:
    """Theis et al. 2016 on digits. The bands are the standard error of 400 test points, 0.7, of
    three digits' splits: 23.9, 28.2, 26.1 and -7.6 within 2.5; sigma is chosen to 4 %."""
    train, validation, test = digits(seed)
    fine = [10 ** (-1 + i / 60) for i in range(61)]
    mean, true = train.mean(0), train[:500]
    values = {
        "true": score(true, validation, test, fine),
        "k-means": score(centroids(train, 500, seed=seed), validation, test, fine),
        "shrunk": score(0.9 * true + 0.1 * mean, validation, test, fine),
        "mean": score(mean[None], validation, test, fine),
    }
    assert values["mean"] < 0 < values["true"] < values["shrunk"] < values["k-means"]
    for name, told in (("true", 23.9), ("k-means", 28.2), ("shrunk", 26.1), ("mean", -7.6)):
        assert values[name] == pytest.approx(told, abs=2.5), name
    # Pairs of scores are on the same points and move together: their differences are steadier.
    assert values["k-means"] - values["true"] == pytest.approx(28.2 - 23.9, abs=1.0)
    assert values["shrunk"] - values["true"] == pytest.approx(26.1 - 23.9, abs=0.6)


@pytest.mark.parametrize("protocol", ["goodfellow2014", "fine"])
def test_the_metric_reports_true_samples_and_centroids_beside(protocol: str) -> None:
    train, validation, test = digits(0)
    comparison = compare(
        train, train[:500] * 0.9 + 0.1 * train.mean(0), holdout=torch.cat([validation, test])
    )
    found = {e.key: e for e in Parzen(protocol=protocol)(comparison)}  # type: ignore[arg-type]
    assert list(found) == ["parzen", "parzen_true", "parzen_kmeans"]
    parzen_, true, kmeans = found.values()
    assert true.value < parzen_.value < kmeans.value
    assert parzen_.floor == true.value
    assert "not to be trusted" in parzen_.meaning
    assert parzen_.interval is not None
    assert parzen_.interval[0] < parzen_.value < parzen_.interval[1]
    half = (parzen_.interval[1] - parzen_.interval[0]) / 2
    assert half == pytest.approx(1.959964 * parzen_.details["error"], rel=1e-6)
    assert parzen_.n == (399, 500)  # 797 held out, the half of which sigma is chosen on
    sigma = parzen_.details["sigma"]
    assert (sigma in GRID) == (protocol == "goodfellow2014")
    assert 0.12 < sigma < 0.18


def test_true_samples_of_the_same_law_get_the_floor() -> None:
    """A perfect generator's excess is its floor's noise: within 4 of its standard errors."""
    comparison = compare(normal(600, 3), normal(300, 3, seed=1))
    ours, true, _ = Parzen()(comparison)
    assert ours.value == pytest.approx(true.value, abs=4 * ours.details["error"])


@pytest.mark.parametrize(
    ("scale", "edge"), [pytest.param(1e-4, 0.1, id="small"), pytest.param(1e3, 1.0, id="large")]
)
def test_the_edge_of_the_grid_is_told(scale: float, edge: float) -> None:
    comparison = compare(scale * normal(80, 2), scale * normal(40, 2, seed=1))
    ours = Parzen()(comparison)[0]
    assert ours.details["sigma"] == pytest.approx(edge)
    assert any("edge of the grid" in note for note in ours.notes)
    fine = Parzen(protocol="fine")(compare(1e-2 * normal(80, 2), 1e-2 * normal(40, 2, seed=1)))[0]
    assert not any("edge" in note for note in fine.notes)


def test_order_and_labels_of_rows_do_not_matter() -> None:
    real, fake = normal(60, 2), normal(40, 2, seed=1)
    first = Parzen()(compare(real, fake))
    second = Parzen()(compare(real.flip(0), fake.flip(0)))
    assert [e.to_json() for e in first] == [e.to_json() for e in second]


def test_constant_samples_and_duplicates_have_a_likelihood() -> None:
    for e in Parzen()(compare(torch.ones(20, 3), torch.ones(10, 3))):
        assert math.isfinite(e.value)


def test_too_few_are_refused() -> None:
    with pytest.raises(InputError, match="give at least 8"):
        Parzen()(compare(normal(5, 2), normal(5, 2, seed=1)))
    with pytest.raises(InputError, match="must be positive"):
        parzen_log_likelihood(samples=normal(5, 2), points=normal(5, 2), sigma=0.0)
