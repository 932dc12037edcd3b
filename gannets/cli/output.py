"""Samples as files. What is there is not replaced unless that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from gannets.errors import InputError, unknown
from gannets.training.pictures import POINTS, SIDE, picture, sheet

if TYPE_CHECKING:
    from gannets.training import Run

__all__ = ["Output", "free_name", "write"]

Bounds = tuple[float, float] | None
SUFFIXES = (".png", ".npy", ".npz", ".csv")


@dataclass(frozen=True)
class Output:
    """A path that samples can be written to. The empty suffix is a folder, with a PNG each."""

    path: Path
    suffix: str
    images: bool

    @classmethod
    def check(cls, path: Path, event: tuple[int, ...], *, force: bool) -> Output:
        """Refuse, before anything is computed, a path that cannot be written or may not be."""
        suffix, images = path.suffix.lower(), len(event) == 3
        if suffix and suffix not in SUFFIXES:
            raise unknown("kind of file", suffix, SUFFIXES)
        if suffix == ".csv" and images:
            raise InputError("Images do not fit into a table: use --out FILE.npy, or a .png.")
        if not suffix and not images:
            raise InputError(
                f"A folder takes images, and these samples are vectors: try --out {path}.csv."
            )
        occupied = any(path.iterdir()) if path.is_dir() and not suffix else path.exists()
        if path.exists() and path.is_dir() == bool(suffix):
            raise InputError(f"{path} is in the way: choose another name with --out.")
        if occupied and not force:
            raise InputError(f"{path} is there already: choose another --out, or add --force.")
        return cls(path, suffix, images)


def free_name(path: Path) -> Path:
    """`path`, or where that is taken `path` with the first free number behind it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def write(
    output: Output, x: Tensor, labels: Sequence[int] | None, bounds: Bounds, run: Run | None
) -> None:
    """Write samples, in the data's units where the kind of file has units. `run` tells the data."""
    folder = output.path.parent if output.suffix else output.path
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.") from None
    if not output.suffix:
        _write_images(folder, x, bounds)
        return
    with _whole(output.path) as temporary:
        if output.suffix == ".png":
            _write_picture(temporary, x, bounds, run)
        elif output.suffix == ".npy":
            with temporary.open("wb") as file:
                np.save(file, x.numpy())
        elif output.suffix == ".npz":
            y = {} if labels is None else {"y": np.asarray(labels)}
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, x=x.numpy(), **y)
        else:
            _write_table(temporary, x, labels)


def _write_picture(path: Path, x: Tensor, bounds: Bounds, run: Run | None) -> None:
    from PIL import Image

    reals = x
    if x.ndim == 2:
        if run is None:
            raise InputError(
                "A plot needs the data for its axes: sample the run's directory, or give a .csv."
            )
        from gannets.data import open_source

        source = open_source(run.recipe.data, seed=run.recipe.seed, device="cpu")
        reals = source.first(min(POINTS, len(source)))[0]
    side = min(len(x), max(SIDE, int(np.ceil(np.sqrt(len(x))))))
    Image.fromarray(picture(x, reals=reals, bounds=bounds, side=side)).save(path, format="PNG")


def _write_images(folder: Path, x: Tensor, bounds: Bounds) -> None:
    from PIL import Image

    shared = bounds or (float(x.min()), float(x.max()))
    digits = max(6, len(str(len(x) - 1)))
    for i, image in enumerate(x):
        # A sheet of one, without its frame.
        pixels = sheet(image[None], bounds=shared, side=1, tile=1)[1:-1, 1:-1]
        grey = image.shape[0] == 1
        Image.fromarray(pixels[..., 0] if grey else pixels).save(folder / f"{i:0{digits}d}.png")


def _write_table(path: Path, x: Tensor, labels: Sequence[int] | None) -> None:
    columns = [f"x{i}" for i in range(x.shape[1])] + ([] if labels is None else ["label"])
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        for i, row in enumerate(x.tolist()):
            # Nine figures tell any two float32 apart.
            cells = [f"{value:.9g}" for value in row] + ([] if labels is None else [str(labels[i])])
            file.write(",".join(cells) + "\n")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary name that becomes `path` when the block ends well."""
    temporary = path.with_name(f".writing-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
