"""Stacked MNIST: 1,000 modes read off channel by channel, with both floors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gannets.data.idx import read_idx
from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.histograms import Histogram
from gannets.metrics.stacked import PROTOCOL, StackedModes, stack, triples
from tests.metrics.helpers import compare


@dataclass(frozen=True)
class Brightness:
    """A perfect classifier of images whose brightness is the class, a tenth a class."""

    classes: int = 10
    id: str = "brightness"

    def probabilities(self, x: Tensor) -> Tensor:
        assert x.shape[1] == 1
        y = (x.flatten(1).mean(1) * 10 - 0.5).round().long()
        return torch.nn.functional.one_hot(y, self.classes).float()


def grey(per_class: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images of 2 x 2 of brightness (y + 1/2) / 10 and noise that keeps the class."""
    y = torch.arange(10).repeat(per_class)
    noise = torch.rand(len(y), 1, 2, 2, generator=torch.Generator().manual_seed(seed)) - 0.5
    return (y[:, None, None, None] + 0.5 + 0.8 * noise) / 10, y


def measured(real: Tensor, fake: Tensor) -> dict[str, Estimate]:
    return {e.key: e for e in StackedModes()(compare(real, fake, classifier=Brightness()))}


def test_stacking_keeps_every_channel_s_class() -> None:
    x, y = grey(3)
    images, modes = stack(x, y, stream=Stream(0, "stack"), n=500)
    assert images.shape == (500, 3, 2, 2)
    read = torch.stack([(images[:, c].mean((1, 2)) * 10 - 0.5).round() for c in range(3)], 1)
    assert torch.equal(read.long() @ torch.tensor([100, 10, 1]), modes)
    # A set without the last class has the same modes.
    _, few = stack(x[y < 4], y[y < 4], stream=Stream(0, "stack"), n=500)
    assert int(few.max()) == 333
    again, _ = stack(x, y, stream=Stream(0, "stack"), n=500)
    assert torch.equal(images, again)


def test_a_perfect_sampler_gets_the_floor() -> None:
    x, y = grey(40)
    real, _ = stack(x, y, stream=Stream(0, "real"), n=2000)
    fake, modes = stack(x, y, stream=Stream(0, "fake"), n=PROTOCOL)
    found = measured(real, fake)
    kl, count = found["stacked_kl"], found["stacked_modes"]
    assert kl.floor is not None
    # (K - 1)/2N to first order; the next is (K² - 1)/12N² = 0.6 % of it.
    assert kl.floor == pytest.approx(0.0192, abs=0.0002)
    # The standard deviation of chi² / 2N with 999 degrees is sqrt(2 * 999) / 2N = 0.00086.
    assert kl.value == pytest.approx(kl.floor, abs=4 * 0.00086)
    assert kl.p is not None
    assert kl.p > 0.01
    assert count.value == 1000
    assert count.floor == pytest.approx(1000, abs=1e-6)
    assert [note[:11] for note in count.notes] == ["No interval"]
    counts = torch.bincount(modes, minlength=1000)
    uniform = torch.full((1000,), 1e-3, dtype=torch.float64)
    assert kl.value == pytest.approx(Histogram(counts, uniform).kl)


def test_a_generator_of_one_digit_has_one_mode() -> None:
    x, y = grey(40)
    real, _ = stack(x, y, stream=Stream(0, "real"), n=2000)
    fake, _ = stack(x[y == 4], y[y == 4], stream=Stream(0, "fake"), n=300)
    found = measured(real, fake)
    assert found["stacked_modes"].value == 1
    assert found["stacked_kl"].value == pytest.approx(math.log(1000))
    # Of 300 samples a perfect generator has 1000 (1 - 0.999^300) = 259 triples.
    assert found["stacked_modes"].floor == pytest.approx(1000 * (1 - 0.999**300))
    assert found["stacked_kl"].p == 1 / 1000
    assert any("26,000" in note for note in found["stacked_kl"].notes)


def test_data_that_are_not_uniform_are_said_to_be() -> None:
    x, y = grey(40)
    keep = (y != 7) | (torch.arange(len(y)) < 100)
    real, _ = stack(x[keep], y[keep], stream=Stream(0, "real"), n=20_000)
    found = measured(real, real.flip(0)[:5000])
    assert any("not uniform themselves" in note for note in found["stacked_kl"].notes)
    assert found["stacked_kl"].details["real"]["modes"] > 980


def test_triples_are_counted_for_any_number_of_classes() -> None:
    counts = triples(torch.tensor([[0, 1, 2], [0, 1, 2], [2, 2, 2]]), 3)
    assert len(counts) == 27
    assert (counts[5], counts[26], counts.sum()) == (2, 1, 3)


def test_what_is_missing_is_said() -> None:
    x, y = grey(2)
    real, _ = stack(x, y, stream=Stream(0, "real"), n=10)
    with pytest.raises(Unmeasurable, match="classifier of single channels"):
        StackedModes()(compare(real, real))
    with pytest.raises(Unmeasurable, match="3 channels"):
        StackedModes()(compare(x, x, classifier=Brightness()))
    with pytest.raises(InputError, match="at least one"):
        stack(x[:0], y[:0], stream=Stream(0, "none"), n=4)


@dataclass(frozen=True)
class Linear:
    """Softmax regression on the pixels."""

    weight: Tensor
    classes: int = 10
    id: str = "linear"

    def probabilities(self, x: Tensor) -> Tensor:
        return (_with_one(x) @ self.weight).softmax(1)


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x.flatten(1), torch.ones(len(x), 1)], 1)


@pytest.mark.slow
def test_mnist_itself_has_all_modes(shared_data: Callable[[str], Path]) -> None:
    """Real digits, a classifier trained in seconds: its errors and the digits' own frequencies."""
    folder = shared_data("mnist")
    x = torch.from_numpy(read_idx(folder / "train-images-idx3-ubyte.gz"))[:, None].float() / 255
    y = torch.from_numpy(read_idx(folder / "train-labels-idx1-ubyte.gz")).long()
    a, target = _with_one(x[:20_000]), torch.nn.functional.one_hot(y[:20_000], 10).float()
    weight = torch.linalg.solve(a.T @ a + 10 * torch.eye(785), a.T @ target)
    classifier = Linear(weight)
    right = classifier.probabilities(x[20_000:]).argmax(1) == y[20_000:]
    assert float(right.float().mean()) > 0.8
    real, _ = stack(x[20_000:40_000], y[20_000:40_000], stream=Stream(0, "real"), n=4000)
    fake, _ = stack(x[40_000:], y[40_000:], stream=Stream(0, "fake"), n=PROTOCOL)
    found = {e.key: e for e in StackedModes()(compare(real, fake, classifier=classifier))}
    assert found["stacked_modes"].value == 1000
    # 0.0192 for chance and, three channels of it, what the classifier's classes are uneven by.
    share = torch.bincount(classifier.probabilities(x[40_000:]).argmax(1), minlength=10) / 20_000
    uneven = 3 * float((share * (share * 10).log()).sum())
    assert found["stacked_kl"].value == pytest.approx(0.0192 + uneven, abs=0.006)
