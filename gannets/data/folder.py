"""A folder of image files of the user's, or a zip archive of one, as data."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from gannets.data import splits
from gannets.data.checks import PIXELS, check_bounds
from gannets.data.pictures import Head, decode, head, prepare
from gannets.data.shelves import Shelf, open_shelf
from gannets.data.source import Bounds, TensorSource
from gannets.errors import InputError

__all__ = ["Folder"]

_PARTS = ("train", "validation", "test")
_FOLDERS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
_THREADS = 8
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Folder:
    """The images in a folder or a `.zip` archive: PNG, JPEG, WEBP, BMP, GIF, PPM, at any depth.

    The sub-folders `train`, `validation` and `test` are its parts, if it has such; else all images
    are the training part. Where each image of a part is in a sub-folder, one level deep, that is
    its class, numbered in the order of the alphabet. The rows are in the order of the sha256 of
    their names, so that a slice has of every class.

    `size` is a side, or (height, width): the middle of an image is cropped to that shape and
    resampled (Lanczos). Without it all images must be of one size. `channels` is 1 (grey) or 3
    (RGB); without it 1 if all files are stored without colour. `background`, 0 to 255, is the grey
    that transparent images are laid on; without it they are refused, as are 16 bits a channel.
    """

    path: str
    size: int | tuple[int, int] | None = None
    channels: int | None = None
    split: str = "train"
    bounds: Bounds = PIXELS
    background: int | None = None

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        splits.parse(self.split, _PARTS)
        sides = self._sides
        if sides is not None and (len(sides) != 2 or min(sides) < 1 or max(sides) > 8192):
            raise InputError(f"The size {self.size} is none: give a side, or (height, width).")
        if self.channels not in (None, 1, 3):
            raise InputError(f"There are no images of {self.channels} channels here: give 1 or 3.")
        if self.background is not None and not 0 <= self.background <= 255:
            raise InputError(f"The background {self.background} is no grey: give 0 to 255.")

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The images on `device`, (channels, height, width) each, decoded once."""
        split = splits.parse(self.split, _PARTS)
        with open_shelf(Path(self.path).expanduser()) as shelf:
            layout = _layout(shelf.names, self.path)
            names = layout.rows(split.part, self.path)
            labels = layout.labels(split.part)
            rows = split.of(len(names))
            # Size and channels are those of the whole part: the slices of it are alike.
            x = self._decoded(shelf, names, rows)
        y = None if labels is None else torch.tensor(labels[rows]).to(device)
        classes = len(layout.classes) if labels is not None else None
        return TensorSource(
            torch.from_numpy(x).to(device), y, seed=seed, bounds=self.bounds, classes=classes
        )

    def on(self, split: str) -> Folder:
        """Another part; "validation" is what the training slice leaves over, if it is a slice."""
        sliced = "[" in self.split
        parts = ("train", "test") if sliced and self.split.startswith("train") else _PARTS
        return replace(self, split=splits.other(self.split, split, parts))

    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of their numbers; empty without labels."""
        with open_shelf(Path(self.path).expanduser()) as shelf:
            return _layout(shelf.names, self.path).classes

    @property
    def _sides(self) -> tuple[int, int] | None:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def _decoded(self, shelf: Shelf, names: Sequence[str], rows: slice) -> np.ndarray:
        """The pixels of the images, (n, channels, height, width) uint8."""
        size, channels = self._sides, self.channels
        if size is None or channels is None:
            heads = _each(lambda name: head(shelf.read(name)), names, self.path)
            size = size or _one_size(heads, names, self.path)
            channels = channels or (1 if all(each.grey for each in heads) else 3)
        chosen = names[rows]
        _check_memory(len(chosen) * channels * size[0] * size[1], self.path)
        x = np.empty((len(chosen), channels, *size), dtype=np.uint8)

        def fill(i: int) -> None:
            pixels = decode(
                shelf.read(chosen[i]),
                size=self._sides,
                channels=channels,
                background=self.background,
            )
            if pixels.shape != x.shape[1:]:  # an orientation that comes after the pixels
                raise InputError(f"turned upright it is {pixels.shape[1]} x {pixels.shape[2]}")
            x[i] = pixels

        _each(fill, range(len(chosen)), self.path, called=chosen)
        return x


class _Layout(NamedTuple):
    """Which images are of which part, by their names below it and in whole; and the classes."""

    parts: dict[str, list[tuple[str, str]]]
    classes: tuple[str, ...]

    def rows(self, part: str, path: str) -> list[str]:
        """The names of a part's images, in the order of their rows."""
        if part not in self.parts:
            raise InputError(
                f"{path} has no {part} part: put its images into a sub-folder {part}, beside one "
                "called train, or hold rows back by training on a slice such as train[:90%]."
            )
        return [name for _, name in self.parts[part]]

    def labels(self, part: str) -> np.ndarray | None:
        """The class of each row, where the part has classes."""
        found = _classes([below for below, _ in self.parts[part]])
        if found is None:
            return None
        numbers = {name: i for i, name in enumerate(self.classes)}
        return np.array([numbers[name] for name in found])


def _layout(names: Sequence[str], path: str) -> _Layout:
    """Parts and classes from the names of all images."""
    if not names:
        raise InputError(
            f"{path} holds no images: give a folder or a .zip of PNG, JPEG, WEBP, BMP or GIF files."
        )
    folders = [name.split("/")[:-1] for name in names]
    aliases = {alias: part for part, known in _FOLDERS.items() for alias in known}
    shared = _shared(folders)  # the folder that was packed, or the only class
    depth = next((i for i, each in enumerate(shared) if each in aliases), len(shared))
    below = ["/".join(name.split("/")[depth:]) for name in names]
    tops = [name.split("/")[0] if "/" in name else "" for name in below]
    there = {aliases[top] for top in tops if top in aliases}
    parts: dict[str, list[tuple[str, str]]] = {}
    outside = [name for name, top in zip(names, tops, strict=True) if top not in aliases]
    if "train" in there and outside and len(there) > 1:
        raise InputError(
            f"{path} holds {len(outside):,} images outside its parts {', '.join(sorted(there))} "
            f"(the first is {outside[0]}): move them into one."
        )
    apart = "train" in there and not outside
    for name, low, top in zip(names, below, tops, strict=True):
        part, rest = (aliases[top], low.partition("/")[2]) if apart else ("train", low)
        parts.setdefault(part, []).append((rest, name))
    for rows in parts.values():
        rows.sort(key=lambda row: hashlib.sha256(row[0].encode()).digest())
    found = [_classes([rest for rest, _ in rows]) or [] for rows in parts.values()]
    return _Layout(parts, tuple(sorted({each for classes in found for each in classes})))


def _shared(folders: list[list[str]]) -> list[str]:
    """The folders, from the outermost, that all have in common."""
    first, last = min(folders), max(folders)  # what these share lies between them in the alphabet
    same = [a == b for a, b in zip(first, last, strict=False)]
    return first[: [*same, False].index(False)]


def _classes(below: Sequence[str]) -> list[str] | None:
    """The sub-folder of each image, where each is in one and none any deeper."""
    split = [name.split("/") for name in below]
    return [each[0] for each in split] if all(len(each) == 2 for each in split) else None


def _one_size(heads: Sequence[Head], names: Sequence[str], path: str) -> tuple[int, int]:
    """The size that all images have."""
    sizes = Counter((each.height, each.width) for each in heads)
    if len(sizes) > 1:
        (high, wide), _ = sizes.most_common(1)[0]
        shortest = min(min(size) for size in sizes)
        raise InputError(
            f"The {len(names):,} images in {path} have {len(sizes):,} different sizes, most often "
            f"{high} x {wide}, the shortest side {shortest}: say which size to make of them, as in "
            f"Folder({path!r}, size={max(1, min(64, shortest))})."
        )
    return next(iter(sizes))


def _check_memory(needed: int, path: str) -> None:
    """Refuse what the machine's memory cannot hold; untouched, an array would seem to fit."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a system that tells
        return
    if needed > there:
        raise InputError(
            f"The images in {path} take {needed / 2**30:,.0f} GiB, and there are "
            f"{there / 2**30:,.0f}: choose a smaller size, or a slice such as train[:10%]."
        )


def _each(
    do: Callable[[U], T], given: Sequence[U], path: str, called: Sequence[str] | None = None
) -> list[T]:
    """`do` for all in several threads; one sentence names the first file that cannot be read."""
    broken: list[tuple[int, str]] = []

    def attempt(i: int) -> T | None:
        try:
            return do(given[i])
        except InputError as error:
            broken.append((i, str(error)))
            return None

    prepare()
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        done = list(pool.map(attempt, range(len(given))))
    if broken:
        i, why = min(broken)
        more = f", nor can {len(broken) - 1:,} more" if len(broken) > 1 else ""
        name = called[i] if called else given[i]
        raise InputError(
            f"The image {name} in {path} cannot be used ({why}){more}: repair or remove what is "
            "amiss."
        )
    return [each for each in done if each is not None]
