"""The handwritten digits that come with scikit-learn: real data without a download.

Alpaydin and Kaynak (1998), "Optical recognition of handwritten digits", UCI: 1,797 images of 8x8,
each pixel the number of ink dots (0 to 16) in a square of 4x4, 10 classes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from gannets.data import splits
from gannets.data.checks import PIXELS, check_bounds
from gannets.data.source import Bounds, TensorSource

__all__ = ["Digits"]

_PARTS = ("train", "validation", "test")
_HELD_OUT = 30  # images of each class in validation, and as many in test


@dataclass(frozen=True)
class Digits:
    """Handwritten digits, 8x8: 1,197 to train on, 300 for validation, 300 for test.

    Validation and test have 30 images of each class each. An image's part follows from the pixels
    alone (see `parts`): no seed changes it, and writers are spread over all three.
    """

    split: str = "train"
    bounds: Bounds = PIXELS

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        splits.parse(self.split, _PARTS)

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The images on `device`, (1, 8, 8) each."""
        from sklearn.datasets import load_digits  # takes a second: not when gannets is imported

        split = splits.parse(self.split, _PARTS)
        held = load_digits()
        images, target = held.images.astype(np.uint8), held.target.astype(np.int64)
        part = np.flatnonzero(parts(images, target) == _PARTS.index(split.part))
        rows = part[split.of(len(part))]
        return TensorSource(
            torch.from_numpy(images[rows][:, None]).to(device),
            torch.from_numpy(target[rows]).to(device),
            seed=seed,
            bounds=self.bounds,
            peak=16,
            classes=10,
        )

    def on(self, split: str) -> Digits:
        """Another part, or a slice of one."""
        return replace(self, split=splits.other(self.split, split, _PARTS))


def parts(images: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The part of each image, 0 train, 1 validation, 2 test.

    Within a class the images are ordered by the sha256 of their pixels; the first 30 are the test
    part, the next 30 validation, the rest is trained on.
    """
    part = np.zeros(len(images), dtype=np.int64)
    for label in np.unique(target):
        rows = np.flatnonzero(target == label)
        order = sorted(rows, key=lambda row: hashlib.sha256(images[row].tobytes()).digest())
        part[order[:_HELD_OUT]] = 2
        part[order[_HELD_OUT : 2 * _HELD_OUT]] = 1
    return part
