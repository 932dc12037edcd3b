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
from gannets.data.images import Images, is_folder
from gannets.data.source import Data, Source
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
    """The data called `name`: one of `NAMES`, or the path of a .npy, an .npz or an IDX folder."""
    if name == "digits":
        return Digits()
    if name in SETS:
        return Images(name)
    if name in _DENSITIES:
        return _DENSITIES[name][1]()
    path = Path(name).expanduser()
    if path.suffix.lower() in SUFFIXES:
        if not path.is_file():
            raise InputError(f"There is no file {name}: check the path.")
        return File(name)
    if path.is_dir():
        if not is_folder(path):
            raise InputError(
                f"The folder {name} holds no IDX images: name them train-images-idx3-ubyte "
                "(gzipped or not), or give a .npy or .npz file."
            )
        return Images(name)
    if path.exists():
        raise InputError(f"{name} is neither .npy nor .npz: save the samples with np.save.")
    raise InputError(
        f"{unknown('data', name, NAMES)} A path will do too: a .npy or .npz file, or a folder of "
        "IDX files."
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
