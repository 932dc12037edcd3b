"""FD against moments in a file: the distance of the samples, or a sentence on what is missing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gannets
from gannets.errors import InputError
from gannets.metrics import Frechet, Report, Samples, Statistics, build_statistics, save_statistics
from gannets.metrics.features import PCA, Pixels, RandConv
from gannets.metrics.frechet import frechet_distance, frechet_floor
from gannets.metrics.stored import _student, against_statistics, extractor_of
from tests.metrics.helpers import Values


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def stored(x: Tensor, map: Any = None, split: str = "train") -> Statistics:
    return build_statistics(Samples(x), map or Values(), split=split)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "points.safetensors"
    save_statistics(stored(normal(2000, 5)), file)
    return file


@pytest.mark.parametrize("n", [4, 300], ids=["n<d", "n>d"])
def test_it_is_the_distance_of_the_samples(n: int) -> None:
    real, fake = normal(1000, 5), 1.3 * normal(n, 5, seed=1)
    statistics = stored(real)
    e = against_statistics(statistics, Samples(fake), Values(), 0)
    assert e.value == pytest.approx(frechet_distance(real=real, fake=fake), rel=1e-9)
    assert e.name == "FD[values]"
    assert e.n == (1000, n)
    assert e.reference == Samples(real).fingerprint
    assert e.p is None
    covariance = torch.cov(real.double().T)
    assert e.floor == pytest.approx(frechet_floor(covariance, n_real=1000, n_fake=n), rel=1e-9)


def test_order_does_not_matter() -> None:
    statistics, fake = stored(normal(500, 4)), normal(200, 4, seed=1)
    first = against_statistics(statistics, Samples(fake), Values(), 3)
    assert against_statistics(statistics, Samples(fake.flip(0)), Values(), 3) == first


def test_equal_samples_are_at_0_and_others_are_told() -> None:
    real = normal(1000, 4)
    same = against_statistics(stored(real), Samples(real), Values(), 0)
    assert same.value == pytest.approx(0, abs=1e-12)
    assert "Nothing is seen" in same.meaning
    other = against_statistics(stored(real), Samples(normal(800, 4, seed=1) + 0.5), Values(), 0)
    assert other.interval is not None
    assert other.interval[0] > (other.floor or 0)
    assert "times what real samples get" in other.meaning


def test_the_interval_covers_over_the_fake_samples_alone() -> None:
    """100 sets of fakes against one reference, seeds nothing was tuned on; E[FD_n] is their mean.

    At 95 % fewer than 88 of 100 are 2 in 1,000; the jackknife errs towards too wide.
    """
    statistics, covered, values, intervals = stored(normal(500, 6, seed=900)), 0, [], []
    for seed in range(100):
        fake = 1.1 * normal(400, 6, seed=1000 + seed) + 0.2
        e = against_statistics(statistics, Samples(fake), Values(), seed)
        assert e.interval is not None
        values.append(e.value)
        intervals.append(e.interval)
    mean = sum(values) / len(values)
    covered = sum(low <= mean <= high for low, high in intervals)
    assert 88 <= covered <= 100
    widths = [high - low for low, high in intervals]
    spread = float(torch.tensor(values).std())
    # The mean half-width over 1.96 spreads: neither idle nor false.
    assert 0.85 < sum(widths) / len(widths) / (2 * 1.96 * spread) < 1.4


def test_wide_features_have_fewer_blocks_and_few_samples_none() -> None:
    fake = Samples(normal(60, 300, seed=1))
    e = against_statistics(stored(normal(400, 300)), fake, Values(), 0)
    assert e.details["blocks"] == 10
    assert any("few for 300 features" in note for note in e.notes)
    few = against_statistics(stored(normal(400, 3)), Samples(normal(6, 3, seed=1)), Values(), 0)
    assert few.interval is None
    assert any("too few for an interval" in note for note in few.notes)


def test_students_quantile_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    for degrees in (4, 9, 19):
        assert _student(degrees) == pytest.approx(stats.t(degrees).ppf(0.975), rel=5e-3)


@pytest.mark.parametrize(
    ("x", "low"),
    [
        pytest.param(torch.ones(50, 3), 1.0, id="constant fakes"),
        pytest.param(normal(50, 1).expand(50, 3), 0.1, id="rank 1"),
        pytest.param(normal(2, 3), 0.0, id="two fakes"),
    ],
)
def test_degenerate_fakes_give_numbers(x: Tensor, low: float) -> None:
    e = against_statistics(stored(normal(300, 3, seed=5)), Samples(x.clone()), Values(), 0)
    assert math.isfinite(e.value)
    assert e.value > low
    constant = stored(torch.ones(40, 3))
    e = against_statistics(constant, Samples(torch.ones(30, 3)), Values(), 0)
    assert e.value == 0
    assert e.floor == 0
    assert "Nothing is seen" in e.meaning


def test_titles_are_the_maps_own() -> None:
    """What is not the one that its id names would not be here: ids have the weights' hash."""
    real, titled = normal(50, 3), Values(id="inception:abc", titles={"FD": "FID"})
    e = against_statistics(stored(real, titled), Samples(normal(40, 3, seed=1)), titled, 0)
    assert e.name == "FID"


@pytest.mark.parametrize(
    ("map", "said"),
    [
        pytest.param(Values(id="other"), "features 'values', not 'other'", id="extractor"),
        pytest.param(
            Values(preprocessing="halved"), "preprocessing 'as given', not 'halved'", id="before"
        ),
    ],
)
def test_other_maps_are_refused(map: Values, said: str) -> None:
    with pytest.raises(InputError, match=said):
        against_statistics(stored(normal(50, 3)), Samples(normal(40, 3)), map, 0)


def test_other_shapes_are_refused() -> None:
    small, large = torch.rand(30, 1, 8, 8), torch.rand(30, 1, 16, 16)
    map = RandConv().build(Samples(small), device=torch.device("cpu"))
    with pytest.raises(InputError, match=r"\(1, 16, 16\).*\(1, 8, 8\)"):
        against_statistics(stored(small, map), Samples(large), map, 0)


def test_extractors_by_name_alone() -> None:
    images = torch.rand(30, 1, 8, 8)
    for choice, x in ((RandConv(), images), (Pixels(), images), (Pixels(), normal(30, 3))):
        map = choice.build(Samples(x), device=torch.device("cpu"))
        assert extractor_of(stored(x, map)) == choice
    for name, said in (
        ("pca:4", "fitted to the reference"),
        ("tabular:1", "fitted to the reference"),
        ("classifier:1234", "weights are elsewhere"),
    ):
        with pytest.raises(InputError, match=said):
            extractor_of(stored(images, Values(id=name)))


# Through the front door


def test_the_front_door_takes_a_file(path: Path) -> None:
    fake = normal(700, 5, seed=1) * 1.2
    report = gannets.evaluate(fake=fake.numpy(), real=path)
    assert isinstance(report, Report)
    assert [e.key for e in report] == ["fd"]
    assert report["fd"].value == pytest.approx(
        frechet_distance(real=normal(2000, 5), fake=fake), rel=1e-9
    )
    assert str(path) in str(report)
    assert "2,000, train" in report.provenance["real"]
    assert Report.from_json(report.to_json()) == report
    for metrics in ("fd", ["fd"], [Frechet()], Frechet()):
        again = gannets.evaluate(fake=fake.numpy(), real=str(path), metrics=metrics)
        assert isinstance(again, Report)
        assert again["fd"] == report["fd"]


def test_generators_are_asked_for_as_many_as_there_are(path: Path) -> None:
    def generate(n: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).normal(size=(n, 5))

    report = gannets.evaluate(fake=generate, real=path)
    assert isinstance(report, Report)
    assert report["fd"].n == (2000, 2000)
    report = gannets.evaluate(fake=generate, real=path, n=300)
    assert isinstance(report, Report)
    assert report["fd"].n == (2000, 300)
    both = gannets.evaluate(fake=[generate, generate], real=path, n=300)
    assert len(both) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"metrics": "fd,prdc"}, "'prdc' needs some", id="metrics"),
        pytest.param({"metrics": "all"}, "'all' needs some", id="all"),
        pytest.param({"metrics": [Frechet(splits=9)]}, "splits=9", id="settings"),
        pytest.param({"metrics": []}, "No metric", id="none"),
        pytest.param({"features": "pca:2"}, "fitted to the reference", id="pca"),
        pytest.param({"features": PCA(2)}, "fitted to the reference", id="PCA"),
        pytest.param({"features": "pixls"}, "Did you mean 'pixels'", id="unknown"),
        pytest.param({"features": "discriminator:runs/0"}, "of one run", id="discriminator"),
        pytest.param({"features": Values(id="mine")}, "not 'mine'", id="map"),
        pytest.param({"holdout": np.zeros((9, 5))}, "no use for held-out samples", id="holdout"),
        pytest.param({"classifier": "dir"}, "no use for a classifier", id="classifier"),
    ],
)
def test_what_a_file_cannot_give_is_refused(path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        gannets.evaluate(fake=normal(100, 5).numpy(), real=path, **given)


def test_files_that_are_not_there_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        gannets.evaluate(fake=normal(100, 5).numpy(), real=path.with_name("no.safetensors"))
    with pytest.raises(InputError, match="holds no samples"):
        gannets.compare(fake=normal(100, 5).numpy(), real=path)
    with pytest.raises(InputError, match="one shape"):
        gannets.evaluate(fake=normal(100, 4).numpy(), real=path)


def test_a_map_that_was_fitted_can_be_given() -> None:
    real, fake = normal(300, 8), normal(200, 8, seed=1)
    map = PCA(3).build(Samples(real), device=torch.device("cpu"))
    report = gannets.evaluate(fake=fake.numpy(), real=stored(real, map), features=map)
    assert isinstance(report, Report)
    assert report["fd"].name == "FD[pca:3]"
    assert report["fd"].value == pytest.approx(
        frechet_distance(real=map(real), fake=map(fake)), rel=1e-9
    )
