"""Images of any size as squares of one: the middle of each, resampled."""

from __future__ import annotations

import torch

from gannets.metrics.features.resize import pil_bicubic
from gannets.metrics.samples import Samples

__all__ = ["squared"]

AT_ONCE = 500
"""Images that are resized together."""


def squared(samples: Samples, size: int) -> Samples:
    """Images of `size` x `size` pixels: the largest square in the middle, by Pillow's bicubic."""
    _, height, width = samples.event
    if (height, width) == (size, size):
        return samples
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    x = samples.x[:, :, top : top + side, left : left + side]
    parts = [pil_bicubic(part, (size, size)).clamp(0, 1) for part in x.split(AT_ONCE)]
    return Samples(torch.cat(parts), samples.y, samples.name)
