"""The IDX format of MNIST: a header, then the values of one array.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "The IDX file format".
Big-endian: two zero bytes, a byte for the type, a byte for the number of dimensions, each dimension
as 32 bits without sign, then the values, the last index changing fastest. May be gzipped.

A header is believed only as far as the file bears it out: nothing of the size that it claims is
allocated before as many bytes have been read.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from gannets.data import bounded
from gannets.errors import InputError

__all__ = ["read_idx"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_DEFLATE = 1032  # no byte of a gzip file stands for more than this many


def read_idx(path: Path | str) -> np.ndarray:
    """The array in an IDX file, gzipped or not, in native byte order."""
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(2) == _GZIP:
                file.seek(0)
                with gzip.open(file) as unpacked:
                    return _read(unpacked, size * _DEFLATE, path)
            file.seek(0)
            return _read(file, size, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, f"it cannot be unpacked ({error})") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): name an IDX file that can."
        ) from error


def _read(file: BufferedIOBase, at_most: int, path: Path) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise InputError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}, "
            "where 00 00, a type (08 to 0e) and the number of dimensions should be."
        )
    dimensions = magic[3]
    if not 1 <= dimensions <= 32:
        raise _damaged(path, f"its header claims {dimensions} dimensions, where 1 to 32 are valid")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise _damaged(path, "it ends within its header")
    shape = struct.unpack(f">{dimensions}I", header)
    dtype = np.dtype(_TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    if size == 0:
        raise _damaged(path, f"its header claims the shape {shape}, which is empty")
    if size > at_most:
        raise _damaged(path, f"its header claims {size:,} bytes, more than the file can hold")
    values = bounded.read(file, size)
    if len(values) < size:
        raise _damaged(path, f"it ends after {len(values):,} of {size:,} bytes")
    if file.read(1):
        raise _damaged(path, f"it goes on after the {size:,} bytes that its header claims")
    array = np.frombuffer(values, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"The IDX file {path} is damaged: {why}; get it again.")
