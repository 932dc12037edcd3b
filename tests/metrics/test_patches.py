"""ProGAN's SWD: the pyramid and the distance by their definitions, and the protocol."""

from __future__ import annotations

import pytest
import torch

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.patches import (
    PatchSlicedWasserstein,
    descriptors,
    laplacian_pyramid,
    normalised,
)
from tests.metrics.helpers import compare
from tests.reference import metrics_kernels as oracle

SMALL = PatchSlicedWasserstein(patches=8, repeats=2, directions=16)


def images(seed: int, n: int, channels: int = 1, side: int = 32) -> torch.Tensor:
    return Stream(seed, "tests/patches").uniform(n, channels, side, side)


@pytest.mark.parametrize("side", [pytest.param(32, id="even"), pytest.param(33, id="odd")])
def test_the_pyramid_is_made_pixel_by_pixel(side: int) -> None:
    x = images(0, 2, 1, side).double()
    levels = laplacian_pyramid(x, 2)
    for i in range(2):
        for ours, theirs in zip(levels, oracle.pyramid(x[i, 0].numpy(), 2), strict=True):
            assert torch.allclose(ours[i, 0], torch.from_numpy(theirs), atol=1e-12)


def test_the_distance_is_that_of_the_protocol() -> None:
    stream = Stream(1, "tests/patches")
    (x, _), (y, _) = (descriptors(images(seed, 3, 3), patches=16, stream=stream) for seed in (2, 3))
    assert x.shape == (48, 3, 7, 7)
    along = SMALL._directions(147, stream)
    ours = SMALL._distance(normalised(x), normalised(y), along)
    # Single precision, as published.
    assert ours == pytest.approx(oracle.swd(x.numpy(), y.numpy(), along.numpy()), rel=1e-4)


def test_patches_are_windows_of_their_image() -> None:
    x = torch.arange(2 * 256.0).view(2, 1, 16, 16)
    (found,) = descriptors(x, patches=5, stream=Stream(4, "tests/patches"))
    for i, patch in enumerate(found[:, 0]):
        assert torch.equal(patch - patch[0, 0], x[0, 0, :7, :7])
        assert (patch[0, 0] >= 256) == (i >= 5)


def test_same_images_equal_noise_and_blurred_noise() -> None:
    x, y = images(5, 40), images(6, 40)
    blurred = torch.nn.functional.avg_pool2d(y, 3, stride=1, padding=1)
    (same,), (apart,) = SMALL(compare(x, y)), SMALL(compare(x, blurred))
    assert same.floor is not None
    # Measured over 60 repeats, the value scatters by 5 % and the floor by 6 %: 3 of their 8 %.
    assert same.value == pytest.approx(same.floor, rel=0.25)
    assert apart.floor is not None
    assert apart.value > 1.16 * apart.floor  # by two of these 8 %
    assert list(apart.details["levels"]) == ["32x32", "16x16"]
    excess = {
        size: value - apart.details["floors"][size]
        for size, value in apart.details["levels"].items()
    }
    assert max(excess, key=excess.__getitem__) in apart.meaning


def test_intervals_cover_the_expected_value() -> None:
    """20 repeats: at 95 % one is missed, 5 or more in 1 of 400."""
    found = []
    for seed in range(20):
        (estimate,) = SMALL(compare(images(100 + seed, 40), images(200 + seed, 40), seed=seed))
        assert estimate.interval is not None
        found.append((estimate.value, *estimate.interval))
    mean = sum(value for value, _, _ in found) / 20
    assert sum(not low <= mean <= high for _, low, high in found) < 5


def test_grey_images_are_allowed_and_said() -> None:
    (estimate,) = SMALL(compare(images(7, 4, 1), images(8, 3, 1)))
    assert estimate.details["channels"] == 1
    assert any("1 channel(s)" in note for note in estimate.notes)
    assert any("3 images a side, not 8,192" in note for note in estimate.notes)
    assert estimate.n == (3, 3)
    assert estimate.interval is None


def test_constant_images_are_no_division_by_zero() -> None:
    (estimate,) = SMALL(compare(torch.zeros(4, 3, 16, 16), torch.ones(4, 3, 16, 16)))
    assert estimate.value == 0.0
    assert estimate.floor == 0.0


def test_what_it_cannot_look_at_is_refused() -> None:
    with pytest.raises(InputError, match="16 pixels or more a side, not 8x8"):
        SMALL(compare(images(9, 4, 1, 8), images(9, 4, 1, 8)))
    with pytest.raises(Unmeasurable, match="give images"):
        SMALL(compare(torch.eye(3), torch.eye(3)))
    with pytest.raises(InputError, match="numbers of 2 or more"):
        PatchSlicedWasserstein(patches=0)


def test_order_does_not_matter() -> None:
    x, y = images(10, 6), images(11, 6)
    assert SMALL(compare(x, y)) == SMALL(compare(x.flip(0), y.flip(0)))
