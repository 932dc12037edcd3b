"""Classifier two-sample tests: level, power, and what each classifier is blind to."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.estimate import Estimate
from gannets.metrics.two_sample import C2ST, auc
from tests.metrics.helpers import compare
from tests.reference import metrics_neighbours as slow

ALL = [C2ST("knn"), C2ST("logistic"), C2ST("boosting")]
each = pytest.mark.parametrize("metric", ALL, ids=["knn", "logistic", "boosting"])


def normal(n: int, d: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def measured(metric: C2ST, real: Tensor, fake: Tensor, seed: int = 0) -> Estimate:
    (found,) = metric(compare(real, fake, seed=seed))
    return found


@each
def test_accuracy_of_the_best_classifier(metric: C2ST) -> None:
    # N(0, 1) and N(1, 1): nothing tells them apart more often than Φ(1/2) = 0.6915.
    found = measured(metric, normal(2000, 1), normal(2000, 1, seed=1) + 1)
    assert found.interval is not None
    low, high = found.interval
    # 4 standard errors of 2,000 tested, and 0.03 for what is learned from 1,000 a side.
    assert 0.6915 - 0.03 - 0.042 < found.value < 0.6915 + 0.042
    assert low < found.value < high
    assert found.p is not None
    assert found.p < 1e-10
    # AUC of two such normals: Φ(1/√2) = 0.7602, with the same allowance.
    assert found.details["auc"] == pytest.approx(0.7602, abs=0.06)
    assert found.details["tested"] == 2000
    assert found.key == f"c2st_{metric.classifier}"


def test_a_line_does_not_see_a_spread() -> None:
    real, fake = normal(600), normal(600, seed=1) * 3
    assert measured(ALL[1], real, fake).value < 0.6
    assert measured(ALL[0], real, fake).value > 0.75
    assert measured(ALL[2], real, fake).value > 0.75


@pytest.mark.parametrize(
    ("metric", "repeats"),
    [
        pytest.param(ALL[0], 200, id="knn"),
        pytest.param(ALL[1], 200, id="logistic"),
        pytest.param(ALL[2], 20, id="boosting"),
    ],
)
def test_level(metric: C2ST, repeats: int) -> None:
    ps = [
        measured(metric, normal(60, 3, 2 * s), normal(60, 3, 2 * s + 1), seed=s).p or 0.0
        for s in range(repeats)
    ]
    rejected = sum(p <= 0.05 for p in ps)
    # Of 60 tested, P(>= 37) = 0.046: conservative, 5 % at most. 200 repeats: more than 21 once in
    # 1,000; 20 repeats: more than 5 once in 3,000.
    assert rejected <= (21 if repeats == 200 else 5)


@each
def test_far_away_and_other_units(metric: C2ST) -> None:
    real, fake = normal(200), normal(200, seed=1) + 0.5
    value = measured(metric, real, fake)
    # Standardised: powers of two change nothing at all.
    scaled = measured(metric, real * 64, fake * 64)
    # The order of samples is that of their hashes, which change: only the law is the same.
    assert scaled.value == pytest.approx(value.value, abs=0.15)
    order = torch.randperm(200)
    again = measured(metric, real[order], fake)
    assert again == value


@each
def test_constant_features_and_unequal_sides(metric: C2ST) -> None:
    real = torch.cat([normal(80), torch.full((80, 1), 1e6).double()], dim=1)
    fake = torch.cat([normal(50, seed=1), torch.full((50, 1), 1e6).double()], dim=1)
    found = measured(metric, real, fake)
    assert found.n == (50, 50)
    assert "50 of 80 real samples" in found.notes[0]
    assert 0.2 < found.value < 0.8
    same = measured(metric, torch.zeros(30, 2), torch.zeros(30, 2))
    assert same.value == 0.5
    assert same.details["auc"] == 0.5


def test_copies_are_taken_for_reals() -> None:
    x = normal(1500)
    near = measured(replace(ALL[2], most=1000), x, x)
    assert near.p is not None
    assert near.p > 0.05


def test_neighbours_in_many_dimensions() -> None:
    found = measured(ALL[0], normal(40, 60), normal(40, 60, seed=1))
    assert any("60 dimensions" in note for note in found.notes)
    assert not measured(ALL[1], normal(40, 60), normal(40, 60, seed=1)).notes


def test_too_few_and_unknown() -> None:
    with pytest.raises(InputError, match="at least 10 of each"):
        measured(ALL[0], normal(2), normal(2, seed=1))
    with pytest.raises(InputError, match="not 'svm'"):
        # Types are checked in tests, so that no C2ST can be made of it here.
        C2ST.__post_init__(SimpleNamespace(classifier="svm"))  # type: ignore[arg-type]


def test_auc_is_that_of_pairs() -> None:
    scores = (normal(60, 1)[:, 0] * 2).round()
    positive = torch.arange(60) % 3 == 0
    expected = slow.area_under_curve(scores[positive].tolist(), scores[~positive].tolist())
    assert auc(scores, positive) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "repeats", "least"),
    [
        # 95 % of 200 and of 20 repeats, less three standard errors.
        pytest.param(ALL[0], 200, 0.904, id="knn"),
        pytest.param(ALL[1], 200, 0.904, id="logistic"),
        pytest.param(ALL[2], 20, 0.804, id="boosting"),
    ],
)
def test_the_interval_is_of_the_fitted_classifier(
    metric: C2ST, repeats: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its accuracy on 2,000 other samples a side, which is known to within 0.01."""
    scores = C2ST._scores
    fitted: list[tuple[Tensor, int]] = []

    def kept(self: C2ST, train: Tensor, test: Tensor, seed: int) -> Tensor:
        fitted.append((train, seed))
        return scores(self, train, test, seed)

    monkeypatch.setattr(C2ST, "_scores", kept)
    fresh = torch.cat([normal(2000, seed=10**6), normal(2000, seed=10**6 + 1) + 0.5])
    is_real = torch.arange(4000) < 2000
    held = 0
    for s in range(repeats):
        found = measured(metric, normal(100, seed=2 * s), normal(100, seed=2 * s + 1) + 0.5, seed=s)
        train, seed = fitted[-1]
        right = (scores(metric, train, fresh, seed) > 0) == is_real
        assert found.interval is not None
        held += found.interval[0] <= float(right.double().mean()) <= found.interval[1]
    assert held / repeats >= least
