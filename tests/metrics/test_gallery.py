"""The gallery shows the right images in the right places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.gallery import GAP, RANDOM, SUSPECT, gallery
from tests.metrics.helpers import compare


def images(n: int, seed: int, channels: int = 1, side: int = 8) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def rgb(image: Tensor, zoom: int) -> np.ndarray:
    levels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    if levels.shape[-1] == 1:
        levels = levels.repeat(3, axis=-1)
    return levels.repeat(zoom, 0).repeat(zoom, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pixels", [False, True])
def test_copies_come_first_beside_their_originals(channels: int, pixels: bool) -> None:
    train, fake = images(40, 0, channels), images(30, 1, channels)
    fake[7] = train[3]
    fake[9] = (train[5] + 0.01).clamp(0, 1)
    page = gallery(
        compare(images(40, 2, channels), fake, train=train), n=4, columns=2, pixels=pixels
    )
    zoom, side = 6, 48
    height = side + 3 * GAP
    assert page.shape == (4 * height + GAP, 3 * GAP + 3 * (side + GAP), 3)
    for row, (mine, original) in enumerate([(7, 3), (9, 5)]):
        top = row * height + 2 * GAP
        shown = page[top : top + side, 2 * GAP : 2 * GAP + side]
        np.testing.assert_array_equal(shown, rgb(fake[mine], zoom))
        left = 4 * GAP + side
        beside = page[top : top + side, left : left + side]
        np.testing.assert_array_equal(beside, rgb(train[original], zoom))
    assert tuple(page[GAP, GAP]) == SUSPECT
    assert tuple(page[2 * height + GAP, GAP]) == RANDOM


def test_simple_images_are_not_suspects_for_being_alike() -> None:
    """All greys are near to one another; a copy with some noise is further, and still the copy."""
    grey = torch.linspace(0, 1, 60)[:, None, None, None].expand(60, 1, 8, 8)
    busy = images(60, 0)
    train, fake = torch.cat([grey[::2], busy[:30]]), torch.cat([grey[1::2], busy[30:]])
    fake[50] = (train[45] + 0.03 * images(1, 5)[0]).clamp(0, 1)
    page = gallery(compare(images(9, 2), fake, train=train), n=1, columns=1)
    shown = page[2 * GAP : 2 * GAP + 48, 2 * GAP : 2 * GAP + 48]
    np.testing.assert_array_equal(shown, rgb(fake[50], 6))


def test_the_order_of_samples_and_the_absence_of_train_do_not_matter() -> None:
    real, fake = images(20, 0), images(20, 1)
    first = gallery(compare(real, fake), n=3, columns=4)
    np.testing.assert_array_equal(
        first, gallery(compare(real.flip(0), fake.flip(0)), n=3, columns=4)
    )


@pytest.mark.parametrize("channels", [2, 4])
def test_any_number_of_channels_is_drawn(channels: int) -> None:
    page = gallery(compare(images(9, 0, channels), images(3, 1, channels)), n=8, columns=9)
    assert page.dtype == np.uint8
    assert page.shape[0] == 3 * (48 + 3 * GAP) + GAP


def test_points_and_impossible_counts_are_refused() -> None:
    with pytest.raises(Unmeasurable, match="of images"):
        gallery(compare(torch.rand(9, 2), torch.rand(9, 2)))
    with pytest.raises(InputError, match="9 training images"):
        gallery(compare(images(9, 0), images(9, 1)), columns=10)
