"""Samples as a small picture of so many pixels: a few images, or where points lie."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from gannets.cli.halfblocks import Pixels
from gannets.training.pictures import sheet

__all__ = ["Bounds", "contact_sheet", "density", "thumbnails"]

Bounds = tuple[float, float] | None
Numbers = NDArray[np.float64]
MOST_COLUMNS = 8
LEGIBLE = 12
"""Pixels on a side below which an image is not made smaller."""
COMFORTABLE = 16

# Dark to light, through blue, red and yellow: the lightness grows evenly, as the eye sees it.
_COLOURS = np.array(
    [(12, 10, 30), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164)],
    dtype=np.float64,
)


def thumbnails(
    samples: Tensor, reals: Tensor, *, width: int, height: int, bounds: Bounds = None
) -> tuple[Pixels, Pixels]:
    """Samples and data, each as a picture of at most `width` by `height` pixels."""
    if reals.ndim == 4:
        bounds = bounds or (float(reals.min()), float(reals.max()))
        sheets = (
            contact_sheet(images, width=width, height=height, bounds=bounds)
            for images in (samples, reals)
        )
        return next(sheets), next(sheets)
    return density(samples, reals, width, height), density(reals, reals, width, height)


def contact_sheet(
    images: Float[Tensor, "n channels height width"], *, width: int, height: int, bounds: Bounds
) -> Pixels:
    """The first images, as many as can be told apart on so many pixels, (height, width, 3)."""
    tile, columns = _tiles(int(images.shape[3]), width)
    rows = max(1, (height + 1) // (tile * images.shape[2] // images.shape[3] + 1))
    shown = images[: columns * min(rows, MOST_COLUMNS // 2)]
    size = (max(1, tile * images.shape[2] // images.shape[3]), tile)
    shrunk = size[1] < images.shape[3]
    fitted = interpolate(shown.float(), size=size, mode="area" if shrunk else "nearest")
    page: Pixels = sheet(fitted, bounds=bounds, side=columns, tile=1)[1:-1, 1:-1]
    return page


def _tiles(native: int, width: int) -> tuple[int, int]:
    """The side of an image, and how many of them, a pixel apart, fit into `width`."""
    least = min(native, COMFORTABLE if width >= 64 else LEGIBLE)
    columns = max(1, min(MOST_COLUMNS, (width + 1) // (least + 1)))
    tile = max(1, (width + 1) // columns - 1)
    # A small image is enlarged by whole pixels or not at all.
    return (tile // native * native if tile >= native else tile), columns


def density(
    points: Float[Tensor, "n features"], reals: Float[Tensor, "m features"], width: int, height: int
) -> Pixels:
    """Where points lie: a histogram in one dimension, shades in two, principal axes in more.

    The axes and the scale are those of `reals`, so that both pictures can be compared.
    """
    shown, data = _plane(points.double(), reals.double())
    if data.shape[1] == 1:
        return _histogram(shown[:, 0].numpy(), data[:, 0].numpy(), width, height)
    side = min(width, height)
    ranges = _limits(data.numpy())
    counts, full = (
        np.histogram2d(xy[:, 0].numpy(), xy[:, 1].numpy(), bins=side, range=ranges)[0] / len(xy)
        for xy in (shown, data)
    )
    # The square root, so that a few stray points are seen next to a mode.
    levels = np.sqrt(np.clip(counts / np.quantile(full[full > 0], 0.9), 0, 1))
    return _shade(levels.T[::-1])


def _histogram(points: Numbers, data: Numbers, width: int, height: int) -> Pixels:
    [(low, high)] = _limits(data[:, None])
    counts, full = (
        np.histogram(values, bins=width, range=(low, high))[0] / len(values)
        for values in (points, data)
    )
    bars = counts / full.max() * height * 0.9
    filled = np.arange(height)[::-1, None] < np.minimum(bars, height)
    return _shade(np.where(filled, 0.75, 0.0))


def _shade(levels: Numbers) -> Pixels:
    """Numbers from 0 to 1 as colours."""
    anchors = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(levels, anchors, _COLOURS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _plane(points: Tensor, data: Tensor) -> tuple[Tensor, Tensor]:
    if data.shape[1] <= 2:
        return points, data
    mean = data.mean(dim=0)
    axes = torch.linalg.svd(data - mean, full_matrices=False).Vh[:2].T
    return (points - mean) @ axes, (data - mean) @ axes


def _limits(values: Numbers) -> list[tuple[float, float]]:
    """An interval for each column, all of one length, so that a circle is a circle."""
    low, high = values.min(axis=0), values.max(axis=0)
    reach = 0.65 * float((high - low).max()) or 1.0
    return [(float(middle) - reach, float(middle) + reach) for middle in (low + high) / 2]
