"""From whatever samples are kept in to sets of them: arrays, files, folders, tables, generators.

Both sides come out in the same units, or the reason why not: images have values in [0, 1], tables
are encoded by what the real one looks like.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gannets.data import Data, File, Folder, Source, find, open_source, splits
from gannets.data.frames import TABLES, read_table
from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.samples import Samples
from gannets.theory.densities import Density

if TYPE_CHECKING:
    import pandas

__all__ = ["MOST", "Opened", "draw", "opened"]

MOST = 10_000
"""Samples of a side unless more are asked for."""
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""What floating-point pixels may run from and to, the first that fits."""


@dataclass(frozen=True, eq=False)
class Opened:
    """One side, opened but not yet drawn from: a source, a table, samples, or a generator."""

    name: str
    source: Source | None = None
    frame: pandas.DataFrame | None = None
    samples: Samples | None = None
    generate: Callable[[int, int], Any] | None = None
    """Given n and a seed, n samples."""

    @property
    def density(self) -> Density | None:
        """The density itself, where it is known."""
        return getattr(self.source, "density", None)

    @property
    def there(self) -> int | None:
        """How many samples there are; None where there is no end."""
        if self.samples is not None:
            return len(self.samples)
        if self.frame is not None:
            return len(self.frame)
        if self.source is None or self.source.endless:
            return None
        return len(self.source)


def opened(
    thing: Any, name: str, *, split: str | None = None, size: int | None = None, seed: int = 0
) -> Opened:
    """Open one side: an array, a tensor, a DataFrame, a path or a data set's name, data, a density,
    `Samples`, or a callable that is given n (and `seed=`, if it takes one) and returns n samples.

    `split` is the part to take, of what has parts; `size` that of images in a folder. Raises
    `InputError`.
    """
    if split is not None and not isinstance(thing, (str, Path, Data, Density)):
        raise InputError(
            f"{name} is a {type(thing).__name__}, which has no parts: leave out the split, or "
            f"slice the samples yourself."
        )
    if isinstance(thing, Opened):
        return thing
    if isinstance(thing, Samples):
        return Opened(thing.name, samples=thing)
    if _is_frame(thing):
        return Opened(name, frame=thing)
    if isinstance(thing, (np.ndarray, Tensor)):
        return Opened(name, samples=_array(thing, name))
    if isinstance(thing, (str, Path)):
        return _path(str(thing), split=split, size=size, seed=seed)
    if isinstance(thing, (Data, Density)):
        named = repr(thing) if split is None else f"{thing!r}, {split}"
        return _data(thing, named, split=split, size=size, seed=seed)
    if callable(thing):
        return Opened(name, generate=_generator(thing))
    raise InputError(
        f"{name} is a {type(thing).__name__}: give an array, a table, a path, the name of a data "
        "set, a run, or a function of n that returns n samples."
    )


def draw(
    side: Opened, n: int | None, *, seed: int, like: Samples | None = None, most: int = MOST
) -> Samples:
    """`n` samples of a side (None: all, up to `most`), a function of `seed` and the set alone.

    `like` are the real samples that a table is encoded as.
    """
    if n is not None and n < 2:
        raise InputError(f"n is {n}: at least 2 samples of each side are needed, better 1,000.")
    there = side.there
    if n is not None and there is not None and n > there:
        raise InputError(
            f"{side.name} has {there:,} samples, {n:,} were asked for: choose n up to {there:,}."
        )
    wanted = n or min(there or most, most)
    stream = Stream(seed, "metrics/draw")
    if side.generate is not None:
        return _array(side.generate(wanted, seed), side.name)
    if side.frame is not None:
        return _table(side.frame, side.name, like).draw(wanted, stream)
    if side.samples is not None:
        return side.samples.draw(wanted, stream)
    assert side.source is not None
    return _of_source(side.source, side.name, wanted, stream)


def _path(path: str, *, split: str | None, size: int | None, seed: int) -> Opened:
    if Path(path).suffix.lower() in TABLES:
        frame = read_table(path)
        rows = splits.parse(split or "train", ("train",)).of(len(frame))
        name = path if rows == slice(0, len(frame)) else f"{path}, {split}"
        return Opened(name, frame=frame.iloc[rows].reset_index(drop=True))
    data = find(path)
    part = split or getattr(data, "split", None)
    # Which part of a set these are decides what a distance to them says.
    whole = part is None or (isinstance(data, File) and part == data.split)
    name = path if whole else f"{path}, {part}"
    if size is not None and isinstance(data, Folder):
        name = f"{name}, made {size}x{size}"
    return _data(data, name, split=split, size=size, seed=seed)


def _data(data: Any, name: str, *, split: str | None, size: int | None, seed: int) -> Opened:
    if size is not None and isinstance(data, Folder):
        data = replace(data, size=size)
    # Densities are drawn from with another seed than a run's, so that nothing was seen in training.
    source = open_source(data, seed=seed, device="cpu", split=split)
    return Opened(name, source=source)


def _of_source(source: Source, name: str, n: int, stream: Stream) -> Samples:
    """Draw n of a source, a random subset of one that holds more."""
    if source.endless or n == len(source):
        x, y = source.first(n)
    else:
        x, y = source.rows(stream.permutation(len(source))[:n])
    if x.ndim == 4:
        low, high = source.bounds or _range(x, name)
        x = ((x - low) / (high - low)).clamp(0, 1)
    return Samples(x, y, name)


def _array(thing: Any, name: str) -> Samples:
    """Samples of an array: (n,) and (n, d) are points; (n, h, w) and (n, c, h, w) images."""
    array = np.asarray(thing.detach().cpu() if isinstance(thing, Tensor) else thing)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} holds {array.dtype}: numbers are needed.")
    if not 1 <= array.ndim <= 4:
        raise InputError(
            f"{name} has shape {array.shape}: give points (n, d) or images (n, channels, height, "
            "width)."
        )
    x = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    if array.ndim <= 2:
        return Samples(x.reshape(len(x), -1), None, name)
    x = x[:, None] if array.ndim == 3 else x
    if array.dtype.kind in "iub":
        if array.size and (array.min() < 0 or array.max() > 255):
            raise InputError(
                f"{name} holds whole numbers from {array.min()} to {array.max()}: images have 0 "
                "to 255, or are floats."
            )
        return Samples(x / 255, None, name)
    low, high = _range(x, name)
    return Samples(((x - low) / (high - low)).clamp(0, 1), None, name)


def _range(x: Tensor, name: str) -> tuple[float, float]:
    """Between which values black and white are, judged by those that occur."""
    low, high = float(x.min()), float(x.max())
    slack = 1e-4
    for black, white in RANGES:
        if low >= black - slack and high <= white + slack:
            return black, white
    raise InputError(
        f"{name} are images with values from {low:.4g} to {high:.4g}: give uint8, or floats in "
        "[0, 1], [-1, 1] or [0, 255]."
    )


def _table(frame: Any, name: str, like: Samples | None) -> Samples:
    """A table's rows, encoded as the real table is (or as itself, where it is the real one)."""
    from gannets.data.schema import TableSchema

    known = None if like is None else like.schema
    schema = known or TableSchema.fit(frame)
    # A category of the fakes alone is theirs to be measured by, not bad input.
    return Samples(schema.encode(frame, strict=known is None), None, name, frame, schema)


def _generator(thing: Callable[..., Any]) -> Callable[[int, int], Any]:
    try:
        takes_seed = "seed" in inspect.signature(thing).parameters
    except (TypeError, ValueError):
        takes_seed = False

    def generate(n: int, seed: int) -> Any:
        samples = thing(n, seed=seed) if takes_seed else thing(n)
        if not hasattr(samples, "__len__") or len(samples) != n:
            raise InputError(
                f"The generator was asked for {n:,} samples and gave "
                f"{len(samples) if hasattr(samples, '__len__') else type(samples).__name__}."
            )
        return samples

    return generate


def _is_frame(thing: Any) -> bool:
    """Whether it is a DataFrame, without loading pandas where nobody has."""
    return type(thing).__module__.startswith("pandas") and hasattr(thing, "columns")
