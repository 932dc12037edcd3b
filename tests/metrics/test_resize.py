"""The two resizes against what they copy: TensorFlow's arithmetic, Pillow itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gannets.metrics.features import pil_bicubic, tf1_bilinear
from tests.reference import metrics_resize as oracle

SIZES = [
    pytest.param((32, 32), (299, 299), id="32-to-299"),
    pytest.param((28, 28), (64, 75), id="28-to-64x75"),
    pytest.param((71, 53), (31, 17), id="shrunk"),
    pytest.param((5, 1), (9, 4), id="one-pixel-wide"),
    pytest.param((16, 16), (16, 16), id="kept"),
]


@pytest.mark.parametrize(("given", "wanted"), SIZES)
def test_tf1_is_tensorflows_bit_for_bit(given, wanted):
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, given)).float()
    ours = tf1_bilinear(image[None, None], wanted)[0, 0].numpy()
    assert np.array_equal(ours, oracle.tf1_bilinear(image.numpy(), *wanted))


def test_tf1_is_not_torchs_interpolation():
    """Half a pixel and antialiasing are worth grey levels: 7.1 on photographs of 32 pixels."""
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 1, 32, 32))).float()
    theirs = torch.nn.functional.interpolate(x, (299, 299), mode="bilinear", antialias=True)
    assert (tf1_bilinear(x, (299, 299)) - theirs).abs().mean() > 5


@pytest.mark.parametrize(("given", "wanted"), SIZES)
def test_bicubic_is_pillows(given, wanted):
    image = np.random.default_rng(1).uniform(0, 255, given).astype(np.float32)
    theirs = np.asarray(Image.fromarray(image).resize(wanted[::-1], Image.Resampling.BICUBIC))
    ours = pil_bicubic(torch.from_numpy(image)[None, None], wanted)[0, 0].numpy()
    # A unit in the last place of values to 400, once a pass: 3e-5. Half a pixel would be tens.
    assert np.abs(ours - theirs).max() <= 6.2e-5


def test_channels_and_samples_are_resized_each_for_itself():
    x = torch.rand(3, 2, 9, 7, generator=torch.Generator().manual_seed(0))
    for resize in (tf1_bilinear, pil_bicubic):
        alone = torch.stack(
            [torch.stack([resize(c[None, None], (5, 11))[0, 0] for c in i]) for i in x]
        )
        # The matrix products of one pass may be summed in another order.
        torch.testing.assert_close(resize(x, (5, 11)), alone, rtol=0, atol=1e-6)
