"""From a name on the command line to data, and from data to a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gannets.data.arrays import Arrays
from gannets.data.catalogue import SETS
from gannets.data.densities import DensitySource
from gannets.data.digits import Digits
from gannets.data.files import SUFFIXES, File
from gannets.data.folder import Folder
from gannets.data.frames import TABLES
from gannets.data.images import Images, is_folder
from gannets.data.shelves import has_images
from gannets.data.source import Data, Source
from gannets.data.table import Table
from gannets.errors import InputError, unknown
from gannets.theory.densities import Density, Grid, Normal, Ring, Spirals, TwoMoons

__all__ = ["NAMES", "find", "open_source"]

_DENSITIES: dict[str, tuple[str, Callable[[], Density]]] = {
    "gaussian": ("N(0, 1), one dimension", Normal),
    "ring": ("8 Gaussians on a circle", Ring),
    "grid": ("25 Gaussians on a square lattice", Grid),
    "two_moons": ("two interleaved half circles", TwoMoons),
    "spirals": ("two interleaved spirals", Spirals),
}

NAMES: dict[str, str] = {
    "digits": "handwritten digits, 1,797 grey images 8x8, 10 classes; needs no download",
    **{name: each.about for name, each in SETS.items()},
    **{name: about for name, (about, _) in _DENSITIES.items()},
}
"""The names `find` knows, with a line about each."""


def find(name: str) -> Data | Density:
    """The data called `name`: one of `NAMES`, or the path of an array, a table or images."""
    if name == "digits":
        return Digits()
    if name in SETS:
        return Images(name)
    if name in _DENSITIES:
        return _DENSITIES[name][1]()
    path = Path(name).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir():
        return _in_folder(path, name)
    if suffix in (*SUFFIXES, *TABLES, ".zip"):
        if not path.is_file():
            raise InputError(f"There is no file {name}: check the path.")
        return (
            File(name) if suffix in SUFFIXES else Table(name) if suffix in TABLES else Folder(name)
        )
    if path.exists():
        raise InputError(
            f"{name} is no data: give a .npy, .npz, .csv or .parquet file, or a folder or a .zip "
            "of images."
        )
    raise InputError(
        f"{unknown('data', name, NAMES)} A path will do too: a .npy, .npz, .csv or .parquet file, "
        "or a folder of images."
    )


def _in_folder(path: Path, name: str) -> Data:
    """The IDX files in a folder, as they were always read, or else its image files."""
    if is_folder(path):
        return Images(name)
    if has_images(path):
        return Folder(name)
    raise InputError(
        f"The folder {name} holds no images: neither PNG, JPEG, WEBP, BMP or GIF files nor IDX "
        "files (train-images-idx3-ubyte, gzipped or not)."
    )


def open_source(
    data: Data | Density | np.ndarray | Tensor,
    *,
    seed: int,
    device: torch.device | str,
    split: str | None = None,
) -> Source:
    """Load `data` onto `device`: a value of a recipe, a density, or an array or tensor of samples.

    `split` takes another split of the data than the value names. A density has independent samples
    for each of "train", "validation" and "test".
    """
    device = torch.device(device)
    if isinstance(data, (np.ndarray, Tensor)):
        data = Arrays(data)
    if isinstance(data, Density):
        return DensitySource(data, seed=seed, device=device, split=split or "train")
    if isinstance(data, Data):
        return (data if split is None else data.on(split)).load(seed=seed, device=device)
    hint = f"gannets.data.find({data!r})" if isinstance(data, str) else "data such as Digits()"
    raise InputError(f"A {type(data).__name__} is no data: give {hint}, a density or an array.")
