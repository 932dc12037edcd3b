"""Files of reference statistics: what is read back is what was written, or a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gannets.errors import InputError
from gannets.metrics import statistics
from gannets.metrics.frechet import frechet_distance, frechet_of_moments
from gannets.metrics.moments import SampleMoments
from gannets.metrics.samples import Samples
from gannets.metrics.statistics import (
    Origin,
    build_statistics,
    load_statistics,
    origin_of,
    save_statistics,
    verify_statistics,
)
from tests.metrics.helpers import Values


@pytest.fixture
def samples() -> Samples:
    return Samples(torch.randn(1200, 6), name="the digits")


@pytest.fixture
def path(tmp_path: Path, samples: Samples) -> Path:
    file = tmp_path / "digits.safetensors"
    save_statistics(build_statistics(samples, Values(), split="test", seed=3), file)
    return file


@pytest.mark.parametrize("n", [5, 1200], ids=["n<d", "n>d"])
def test_what_is_read_gives_the_distance_of_the_samples(tmp_path: Path, n: int) -> None:
    real, fake = torch.randn(n, 6), torch.randn(800, 6) * 1.2
    file = tmp_path / "any.safetensors"
    save_statistics(build_statistics(Samples(real), Values(), split="train"), file)
    stored = load_statistics(file)
    value = frechet_of_moments(real=stored.moments, fake=SampleMoments.of(fake))
    assert value == pytest.approx(frechet_distance(real=real, fake=fake), rel=1e-9)
    assert [each.name for each in tmp_path.iterdir()] == ["any.safetensors"]


def test_order_of_samples_does_not_matter(tmp_path: Path, samples: Samples, path: Path) -> None:
    again = tmp_path / "again"
    other = Samples(samples.x[torch.randperm(1200)])
    save_statistics(build_statistics(other, Values(), split="test", seed=3), again)
    assert again.read_bytes() == path.read_bytes()


def test_description(samples: Samples, path: Path) -> None:
    about = load_statistics(path).describe()
    assert json.loads(json.dumps(about)) == about
    assert about["n"] == 1200
    assert about["d"] == 6
    assert about["reference"] == samples.fingerprint
    assert about["features"] == "values"
    assert about["split"] == "test"
    assert about["seed"] == 3


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("reference", "samples '"),
        ("features", "extractor 'values' and not 'other'"),
        ("preprocessing", "preprocessing 'as given' and not 'other'"),
        ("split", "split 'test' and not 'other'"),
    ],
)
def test_statistics_of_something_else_are_refused(
    samples: Samples, path: Path, field: str, said: str
) -> None:
    origin = origin_of(samples, Values(), split="test")
    assert load_statistics(path, expect=origin).origin == origin
    with pytest.raises(InputError) as caught:
        load_statistics(path, expect=replace(origin, **{field: "other"}))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_statistics_of_another_version_are_refused(
    samples: Samples, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "_version", lambda: "99.0")
    load_statistics(path)
    with pytest.raises(InputError, match=r"gannets .* and not 99\.0"):
        load_statistics(path, expect=origin_of(samples, Values(), split="test"))


def test_every_damaged_byte_is_noticed(path: Path) -> None:
    """A flipped bit anywhere gives a sentence; one byte in 7, and all ends that are cut off."""
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="digits"):
            load_statistics(path)
    for length in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="digits"):
            load_statistics(path)


def test_foreign_files_give_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "foreign"
    with pytest.raises(InputError, match="does not exist"):
        load_statistics(file)
    with pytest.raises(InputError, match="is no file of statistics"):
        load_statistics(tmp_path)
    file.write_text("mu, sigma")
    with pytest.raises(InputError, match="is no file of statistics"):
        load_statistics(file)
    safetensors.torch.save_file({"mu": torch.zeros(3)}, file)
    with pytest.raises(InputError, match="holds no statistics of gannets"):
        load_statistics(file)
    for text in ("[1, 2]", "{", "{}", json.dumps({"schema": 2})):
        safetensors.torch.save_file({"mu": torch.zeros(3)}, file, metadata={statistics.KEY: text})
        with pytest.raises(InputError, match="statistics"):
            load_statistics(file)


def test_writing_fails_with_a_sentence_and_leaves_the_old_file(
    path: Path, samples: Samples
) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_statistics(load_statistics(path), path.parent / "nowhere" / "file")
    save_statistics(build_statistics(samples, Values(), split="train"), path)
    assert load_statistics(path).origin.split == "train"
    assert list(path.parent.iterdir()) == [path]


class Drifted(Values):
    """An extractor that says that it is the one it was."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) * 1.001


def test_verification_computes_again(path: Path, samples: Samples) -> None:
    assert verify_statistics(path, samples, Values(), split="test").moments.n == 1200
    with pytest.raises(InputError, match="may have changed under one id"):
        verify_statistics(path, samples, Drifted(), split="test")
    with pytest.raises(InputError, match="samples '"):
        verify_statistics(path, Samples(samples.x[:-1]), Values(), split="test")


def test_origins_say_in_what_they_differ() -> None:
    origin = Origin(reference="a" * 64, features="f", preprocessing="p", split="s")
    assert origin.differs(origin) == ""
    assert origin.differs(replace(origin, split="t", features="g")) == (
        "extractor 'f' and not 'g', split 's' and not 't'"
    )
