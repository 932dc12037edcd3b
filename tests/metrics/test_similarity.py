"""MS-SSIM against loops over windows, and how alike a set of images is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.samples import Samples
from gannets.metrics.similarity import MSSSIM, ms_ssim, scales
from tests.metrics.helpers import Values, compare
from tests.reference import metrics_neighbours as slow


def images(n: int, side: int = 16, channels: int = 1, seed: int = 0) -> Tensor:
    """Smooth random images: coarse noise, enlarged."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, channels, 4, 4, generator=generator, dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")


@pytest.mark.parametrize(
    ("side", "levels"), [(8, 1), (16, 1), (22, 2), (28, 2), (45, 3), (175, 4), (176, 5), (512, 5)]
)
def test_scales(side: int, levels: int) -> None:
    # Halved levels - 1 times, 176 is 11, the window.
    assert scales(side, side) == scales(side, 2 * side) == levels


@pytest.mark.parametrize("side", [7, 16, 29, 46])
def test_ms_ssim_is_that_of_loops(side: int) -> None:
    a = images(2, side)
    b = 0.6 * a + 0.4 * images(2, side, seed=1)
    expected = [slow.ms_ssim(x[0], y[0]) for x, y in zip(a, b, strict=True)]
    # Variances about 1/2 against variances about each window's mean.
    assert ms_ssim(a, b).tolist() == pytest.approx(expected, rel=1e-9)


def test_one_where_equal_and_symmetric() -> None:
    a, b = images(3, 24, channels=3), images(3, 24, channels=3, seed=1)
    assert ms_ssim(a, a).tolist() == pytest.approx([1, 1, 1], abs=1e-12)
    # To the rounding of a sum in another order.
    assert ms_ssim(a, b).tolist() == pytest.approx(ms_ssim(b, a).tolist(), rel=1e-12)
    assert bool((ms_ssim(a, b) < 1).all())
    turned = ms_ssim(a.flip(2, 3).transpose(2, 3), b.flip(2, 3).transpose(2, 3))
    assert turned.tolist() == pytest.approx(ms_ssim(a, b).tolist(), rel=1e-9)
    grey = images(2, 24)
    assert ms_ssim(grey.repeat(1, 3, 1, 1), grey.repeat(1, 3, 1, 1).flip(0)).tolist() == (
        pytest.approx(ms_ssim(grey, grey.flip(0)).tolist(), rel=1e-12)
    )


def test_constant_images_differ_in_luminance_only() -> None:
    a, b = (torch.full((1, 1, 16, 16), grey, dtype=torch.float64) for grey in (0.2, 0.6))
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert float(ms_ssim(a, b)) == pytest.approx(expected, rel=1e-9)


def test_negatives_are_as_unlike_as_can_be() -> None:
    a = images(1, 24)
    assert float(ms_ssim(a, 1 - a)) == 0


def test_collapse_is_seen() -> None:
    real = images(200)
    (same,) = MSSSIM()(compare(real, images(200, seed=1)))
    few = images(3, seed=2).repeat(60, 1, 1, 1) + 0.001 * images(180, seed=3)
    (collapsed,) = MSSSIM()(compare(real, few.clamp(0, 1)))
    assert same.p is not None
    assert same.p > 0.01
    assert same.interval is not None
    assert same.floor is not None
    assert same.interval[0] < same.value < same.interval[1]
    assert collapsed.value > same.value + 0.2
    assert collapsed.p is not None
    assert collapsed.p < 1e-6
    assert collapsed.name == "MS-SSIM"
    assert "1 of 5 scales" in " ".join(collapsed.notes)
    assert collapsed.n == (200, 180)


def labelled(x: Tensor, y: Tensor, fake: Tensor, fake_y: Tensor) -> Comparison:
    return Comparison(real=Samples(x, y), fake=Samples(fake, fake_y), map=Values())


def test_pairs_are_of_one_class_where_there_are_labels() -> None:
    # Each class is one image: within classes all are the same, between classes they are not.
    base = images(4)
    y = torch.arange(40) % 4
    (within,) = MSSSIM()(labelled(base[y], y, base[y], y))
    (between,) = MSSSIM()(compare(base[y], base[y]))
    assert within.value == pytest.approx(1, abs=1e-12)
    assert between.value < 0.95
    assert within.details["pairs"] == 20
    with pytest.raises(InputError, match="No two"):
        MSSSIM()(labelled(base, torch.arange(4), base, torch.arange(4)))


def test_intervals_and_p() -> None:
    hits, rejected, values = [], 0, []
    for s in range(60):
        c = compare(images(60, 8, seed=2 * s), images(60, 8, seed=2 * s + 1), seed=s)
        (found,) = MSSSIM()(c)
        assert found.p is not None
        rejected += found.p <= 0.05
        values.append(found.value)
        hits.append(found.interval)
    mean = sum(values) / 60
    # At 95 %, 60 repeats hit 57 times on average, fewer than 51 once in 100; a normal's tails for
    # 30 pairs cost about 2 %. Of 60 at level 0.05, 3 are rejected, more than 9 once in 1,000.
    assert sum(i is not None and i[0] <= mean <= i[1] for i in hits) >= 51
    assert rejected <= 9


def test_few_images_and_points() -> None:
    (two,) = MSSSIM()(compare(images(2), images(2, seed=1)))
    assert two.interval is None
    assert two.p is None
    with pytest.raises(Unmeasurable, match="give samples"):
        MSSSIM()(compare(torch.rand(9, 3), torch.rand(9, 3)))
