"""AuthPct and the memorisation-informed FD, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.authenticity import (
    Authenticity,
    MemorisationInformed,
    authentic,
    cosine_distance,
)
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.frechet import frechet_distance
from tests.metrics.helpers import compare


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_authentic_by_its_definition() -> None:
    train, fake = normal(40, 3), normal(25, 3, seed=1)
    right = []
    for x in fake.numpy():
        to_train = np.linalg.norm(train.numpy() - x, axis=1)
        i = int(to_train.argmin())
        others = np.delete(np.linalg.norm(train.numpy() - train.numpy()[i], axis=1), i)
        right.append(bool(to_train[i] > others.min()))
    assert authentic(train=train, fake=fake).tolist() == right
    assert 0 < sum(right) < 25


def test_percent_is_percent_without_fifty_taken_off() -> None:
    train = normal(200, 3)
    value = Authenticity()(compare(normal(200, 3, seed=1), train + 1e-6, train=train))[0]
    assert value.value == 0
    far = Authenticity()(compare(normal(200, 3, seed=1), train + 50, train=train))[0]
    assert far.value == 100
    assert "cannot tell" in far.meaning


def test_new_data_get_the_floor() -> None:
    """60 repeats at 5 %: at most 10 rejections (binomial, 99.9 %); Fisher is conservative."""
    rejected = 0
    for seed in range(60):
        train, holdout, fake = (normal(80, 3, seed=3 * seed + i) for i in range(3))
        e = Authenticity()(compare(holdout, fake, train=train, holdout=holdout))[0]
        assert e.p is not None
        rejected += e.p < 0.05
    assert rejected <= 10
    copies = Authenticity()(compare(holdout, train, train=train, holdout=holdout))[0]
    assert copies.p is not None
    assert copies.p < 1e-10
    assert "copies" in copies.meaning


def test_without_a_holdout_there_is_no_floor() -> None:
    from dataclasses import replace

    comparison = replace(
        compare(normal(50, 2), normal(40, 2, seed=1), train=normal(50, 2, seed=2)), holdout=None
    )
    e = Authenticity()(comparison)[0]
    assert e.floor is None
    assert e.p is None
    with pytest.raises(Unmeasurable, match="give those as train"):
        Authenticity()(compare(normal(50, 2), normal(40, 2, seed=1)))
    with pytest.raises(InputError, match="3 or more"):
        Authenticity()(compare(normal(50, 2), normal(9, 2, seed=1), train=normal(2, 2, seed=2)))


def test_cosine_distance_by_its_definition() -> None:
    train, fake = normal(30, 4), normal(20, 4, seed=1)
    a, b = train.numpy(), fake.numpy()
    cosines = np.abs(b @ a.T) / np.linalg.norm(b, axis=1)[:, None] / np.linalg.norm(a, axis=1)
    right = (1 - cosines.max(1)).mean()
    assert cosine_distance(train=train, fake=fake) == pytest.approx(right, rel=1e-12)
    assert cosine_distance(train=train, fake=torch.zeros(2, 4)) == 1
    assert cosine_distance(train=train, fake=-3 * train) == pytest.approx(0, abs=1e-15)


def test_fd_is_multiplied_for_copies_only() -> None:
    train, holdout = normal(300, 40), normal(300, 40, seed=1)
    fake = normal(300, 40, seed=2)
    e = MemorisationInformed()(compare(train, fake, train=train, holdout=holdout))[0]
    fd = frechet_distance(real=train, fake=fake)
    assert e.details["cosine_distance"] > 0.1
    assert e.value == pytest.approx(fd, rel=1e-5)  # samples are float32
    assert e.floor == pytest.approx(e.value, rel=0.2)
    copies = train + 0.01 * fake
    e = MemorisationInformed()(compare(train, copies, train=train, holdout=holdout))[0]
    assert e.details["penalised"]
    right = frechet_distance(real=train, fake=copies) / e.details["cosine_distance"]
    assert e.value == pytest.approx(right, rel=1e-3)
