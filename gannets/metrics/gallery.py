"""A picture to judge by eye: fake images, each beside the training images nearest to it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.distances import nearest

__all__ = ["gallery"]

TILE = 48
"""Least side of an image in the picture."""
SUSPECT = (214, 39, 40)
RANDOM = (90, 90, 90)
PAPER = 24
GAP = 3


def gallery(
    comparison: Comparison, *, n: int = 8, columns: int = 5, pixels: bool = False
) -> NDArray[np.uint8]:
    """Rows of a fake and its `columns` nearest training images, (height, width, 3).

    The upper half of the `n` rows, framed in red, are the fakes that are nearest to a training
    image for how near that one's own nearest is (simple images are near to one another without
    being copies); the others, in grey, are drawn at random. Near is in the comparison's features,
    or in pixels. The real samples stand in where the training samples are not known. Raises
    `Unmeasurable` for points and tables, `InputError` for counts that are none.
    """
    if not comparison.fake.are_images:
        raise Unmeasurable(
            "A gallery is of images; of points and tables, Memorisation lists the nearest samples."
        )
    train = comparison.real if comparison.train is None else comparison.train
    if n < 1 or not 1 <= columns <= len(train):
        raise InputError(
            f"A gallery of {n} rows and {columns} neighbours: at least one row, and no more "
            f"neighbours than the {len(train):,} training images."
        )
    fakes, trains = (
        side.flat.double() if pixels else comparison.see(side) for side in (comparison.fake, train)
    )
    distances, indices = nearest(fakes, trains, k=columns)
    n = min(n, len(fakes))
    suspects = _closeness(distances[:, 0], indices[:, 0], trains).argsort(stable=True)
    suspects = suspects[: n - n // 2]
    others = comparison.stream("gallery").permutation(len(fakes))
    others = others[~torch.isin(others, suspects)][: n // 2]
    zoom = max(1, -(-TILE // comparison.fake.event[1]))
    rows = [
        _row(
            comparison.fake.x[i],
            train.x[indices[i]],
            SUSPECT if k < len(suspects) else RANDOM,
            zoom,
        )
        for k, i in enumerate([*suspects.tolist(), *others.tolist()])
    ]
    return np.concatenate([*rows, np.full_like(rows[0][:GAP], PAPER)], axis=0)


def _closeness(distance: Tensor, index: Tensor, trains: Tensor) -> Tensor:
    """d(fake, t) / d(t, the nearest other training image), 0 for copies; t is nearest to fake."""
    if len(trains) < 2:
        return distance
    found, which = index.unique(return_inverse=True)
    near, numbers = nearest(trains[found], trains, k=2)
    own = torch.where(numbers[:, 0] == found, near[:, 1], near[:, 0])[which]
    return torch.where(distance > 0, distance / own, 0.0)


def _row(
    fake: Tensor, neighbours: Tensor, colour: tuple[int, int, int], zoom: int
) -> NDArray[np.uint8]:
    """A framed fake, a space, and its neighbours."""
    first = _rgb(fake, zoom)
    height, width, _ = first.shape
    across = 3 * GAP + (len(neighbours) + 1) * (width + GAP)
    page = np.full((height + 3 * GAP, across, 3), PAPER, dtype=np.uint8)
    page[GAP:, GAP : width + 3 * GAP] = colour
    inside = slice(2 * GAP, 2 * GAP + height)
    page[inside, 2 * GAP : 2 * GAP + width] = first
    left = width + 4 * GAP
    for image in neighbours:
        page[inside, left : left + width] = _rgb(image, zoom)
        left += width + GAP
    return page


def _rgb(image: Tensor, zoom: int) -> NDArray[np.uint8]:
    """An image of values in [0, 1] as pixels; one channel is grey, two are red and green."""
    levels = image.clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    if levels.shape[-1] == 1:
        levels = levels.repeat(3, axis=-1)
    if levels.shape[-1] == 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], axis=-1)
    return levels[..., :3].repeat(zoom, axis=0).repeat(zoom, axis=1)
