"""The real sets: published counts, means and deviations; the digits' fixed parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets.data import Digits, Images, TensorSource
from gannets.data.catalogue import SETS, data_dir
from gannets.data.digits import parts

CPU = torch.device("cpu")
Shared = Callable[[str], Path]


def load(name: str, split: str, shared_data: Shared) -> TensorSource:
    with data_dir(shared_data(name).parent):
        return Images(name, split=split, bounds=(0.0, 1.0)).load(seed=0, device=CPU)


# LeCun et al. (1998) for the counts of MNIST, Xiao et al. (2017) for Fashion-MNIST; the means and
# deviations are those that every loader normalises by.
@pytest.mark.parametrize(
    ("name", "mean", "deviation", "train", "test"),
    [
        (
            "mnist",
            0.1307,
            0.3081,
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        ),
        ("fashion_mnist", 0.2860, 0.3530, [6000] * 10, [1000] * 10),
    ],
)
def test_the_named_sets_are_what_was_published(
    name: str,
    mean: float,
    deviation: float,
    train: list[int],
    test: list[int],
    shared_data: Shared,
) -> None:
    source = load(name, "train", shared_data)
    x, y = source.all()
    assert x.shape == (60000, 1, 28, 28)
    assert y is not None
    assert torch.bincount(y).tolist() == train
    assert round(float(x.mean(dtype=torch.float64)), 4) == mean
    assert round(float(x.double().std()), 4) == deviation
    assert float(source.mean.double().mean()) == pytest.approx(float(x.double().mean()), rel=1e-6)
    assert (source.shape, source.classes, source.bounds) == ((1, 28, 28), 10, (0.0, 1.0))
    held_out = load(name, "test", shared_data)
    labels = held_out.all()[1]
    assert labels is not None
    assert torch.bincount(labels).tolist() == test


def test_slices_of_mnist_lie_end_to_end(shared_data: Shared) -> None:
    whole = load("mnist", "train", shared_data)
    first, rest = (
        load("mnist", split, shared_data) for split in ("train[:50000]", "train[50000:]")
    )
    assert (len(first), len(rest)) == (50000, 10000)
    for i, (source, j) in {0: (first, 0), 49999: (first, -1), 50000: (rest, 0)}.items():
        x, y = whole.rows(torch.tensor([i]))
        other, label = source.rows(torch.tensor([j % len(source)]))
        assert torch.equal(x, other)
        assert y is not None
        assert label is not None
        assert torch.equal(y, label)


def test_a_folder_of_the_same_files_is_the_same_data(shared_data: Shared) -> None:
    named = load("mnist", "test", shared_data)
    folder = Images(str(shared_data("mnist")), split="test", bounds=(0.0, 1.0))
    assert folder.load(seed=0, device=CPU).fingerprint == named.fingerprint
    with data_dir(shared_data("mnist")):  # the folder of the set itself will do
        again = Images("mnist", split="test", bounds=(0.0, 1.0)).load(seed=0, device=CPU)
    assert again.fingerprint == named.fingerprint


def test_the_catalogue_knows_the_sizes_of_its_files(shared_data: Shared) -> None:
    for name, dataset in SETS.items():
        for file in dataset.files:
            assert (shared_data(name) / file.name).stat().st_size == file.size


# ---- digits


def test_the_digits_are_parted_evenly_and_completely() -> None:
    from sklearn.datasets import load_digits

    held = load_digits()
    sources = [
        Digits(split, bounds=(0.0, 16.0)).load(seed=0, device=CPU)
        for split in ("train", "validation", "test")
    ]
    assert [len(source) for source in sources] == [1197, 300, 300]
    for source in sources[1:]:
        y = source.all()[1]
        assert y is not None
        assert torch.bincount(y).tolist() == [30] * 10
    rows = [
        np.column_stack([x.reshape(len(x), 64).numpy(), y])
        for x, y in (source.all() for source in sources)
    ]
    # No image is lost, doubled or changed: all 1,797 are different (see the next line).
    expected = np.unique(np.column_stack([held.data, held.target]), axis=0)
    assert len(expected) == 1797
    assert np.array_equal(np.unique(np.concatenate(rows), axis=0), expected)


def test_the_parts_of_the_digits_follow_from_the_pixels_alone() -> None:
    from sklearn.datasets import load_digits

    held = load_digits()
    images, target = held.images.astype(np.uint8), held.target
    shuffled = np.random.default_rng(0).permutation(len(images))
    assert np.array_equal(
        parts(images[shuffled], target[shuffled]), parts(images, target)[shuffled]
    )
    # Neither do they change from one release to the next.
    prints = {
        split: Digits(split).load(seed=0, device=CPU).fingerprint[:16]
        for split in ("train", "validation", "test")
    }
    assert prints == FINGERPRINTS


def test_the_held_out_digits_are_like_the_others() -> None:
    # Parts chosen without regard to the writer are exchangeable: the mean ink of 600 images lies
    # within 4 standard errors of the mean of 1,197.
    ink = {
        split: Digits(split).load(seed=0, device=CPU).all()[0].mean((1, 2, 3)).double()
        for split in ("train", "validation", "test")
    }
    held_out = torch.cat([ink["validation"], ink["test"]])
    error = (ink["train"].var() / 1197 + held_out.var() / 600).sqrt()
    assert (ink["train"].mean() - held_out.mean()).abs() < 4 * error


FINGERPRINTS = {
    "train": "745dfa97752540e4",
    "validation": "7b95ccf73bc4a453",
    "test": "dcdbbd18e2c4bf46",
}
