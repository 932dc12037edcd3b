"""Arrays in a file of the user's: `.npy`, or `.npz` with the keys x and y.

Format: NumPy Enhancement Proposal 1. Nothing is unpickled, and nothing of the size that a header
claims is allocated before the file is known to be that long.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.lib import format as npy

from gannets.data import bounded, splits
from gannets.data.arrays import tensor_source
from gannets.data.checks import check_bounds
from gannets.data.source import Bounds, TensorSource
from gannets.errors import InputError

__all__ = ["SUFFIXES", "File"]

SUFFIXES = (".npy", ".npz")
_PARTS = ("train", "test")


@dataclass(frozen=True)
class File:
    """The samples in a `.npy` file, or the samples x and labels y in an `.npz` file.

    An `.npz` file may hold a test part as well: x_train, y_train, x_test, y_test. What shapes,
    types and `bounds` mean is said at `Arrays`.
    """

    path: str
    split: str = "train"
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        splits.parse(self.split, _PARTS)
        if Path(self.path).suffix.lower() not in SUFFIXES:
            raise InputError(
                f"File({self.path!r}) is neither .npy nor .npz: save the samples with "
                "np.save, or samples and labels with np.savez(path, x=x, y=y)."
            )

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The samples on `device`."""
        path, split = Path(self.path).expanduser(), splits.parse(self.split, _PARTS)
        try:
            x, y = _npz(path, split.part) if _is_npz(path) else (_npy(path, split.part), None)
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({error.strerror or error}): name a file that can."
            ) from error
        return tensor_source(
            x, y, bounds=self.bounds, split=split, seed=seed, device=device, name=str(path)
        )

    def on(self, split: str) -> File:
        """Another part of the file; "validation" is what the training slice leaves over."""
        return replace(self, split=splits.other(self.split, split, _PARTS))


def _is_npz(path: Path) -> bool:
    return path.suffix.lower() == ".npz"


def _npy(path: Path, part: str) -> np.ndarray:
    """The array in an `.npy` file, which has one part."""
    if part != "train":
        raise InputError(
            f"{path} has no {part} part: hold rows back by training on a slice such as "
            "train[:90%], or save x_train and x_test in an .npz file."
        )
    with path.open("rb") as file:
        return _array(file, path.stat().st_size, str(path))


def _npz(path: Path, part: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The samples of a part in an `.npz` file, and its labels if there are any."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            x, y = _keys(list(members), part, path)
            samples = _member(archive, members[x], path)
            return samples, _member(archive, members[y], path) if y in members else None
    except InputError:
        raise
    # A damaged archive: its directory, its compression, a method or encryption NumPy never uses.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is no .npz file that can be read ({error}): save it again with np.savez."
        ) from error


def _keys(keys: list[str], part: str, path: Path) -> tuple[str, str]:
    """The keys of the samples and the labels of a part; an only array needs no key."""
    listed = ", ".join(keys) or "none"
    if f"x_{part}" in keys:
        if "x" in keys:
            raise InputError(f"{path} holds both x and x_{part} (keys: {listed}): keep one.")
        return f"x_{part}", f"y_{part}"
    if part != "train":
        raise InputError(
            f"{path} has no {part} part (keys: {listed}): save one as x_{part}, or hold rows back "
            "by training on a slice such as train[:90%]."
        )
    if "x" in keys:
        return "x", "y"
    if len(keys) == 1:
        return keys[0], ""
    raise InputError(
        f"Which array in {path} holds the samples is not clear (keys: {listed}): "
        "save them with np.savez(path, x=samples, y=labels)."
    )


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    size = archive.getinfo(name).file_size
    with archive.open(name) as file:
        return _array(cast(BufferedIOBase, file), size, f"{name} in {path}")


def _array(file: BufferedIOBase, size: int, name: str) -> np.ndarray:
    """The array in an open `.npy` file of `size` bytes."""
    shape, fortran, dtype, begin = _header(file, name)
    if dtype.kind not in "uif" or dtype.itemsize == 0:
        raise InputError(
            f"{name} holds {dtype} values: save an array of uint8, floats or integers."
        )
    claimed = math.prod(shape) * dtype.itemsize
    if begin + claimed != size:
        raise InputError(
            f"{name} is damaged: its header claims {claimed:,} bytes of values and "
            f"{size - begin:,} follow; save it again."
        )
    values = bounded.read(file, claimed)
    if len(values) < claimed:  # an archive may hold less than its directory says
        raise InputError(f"{name} is damaged: it ends within its values; save it again.")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")


def _header(file: BufferedIOBase, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether in Fortran order, dtype, and how many bytes the header took."""
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
        return shape, fortran, dtype, file.tell()
    # NumPy evaluates the header as a Python literal, and lets out whatever that raises.
    except Exception as error:
        raise InputError(
            f"{name} is no .npy file that can be read ({type(error).__name__}): "
            "save it again with np.save."
        ) from error
