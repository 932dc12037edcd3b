"""Image files under one roof, a folder or a zip archive: their names, and the bytes of each.

Names are relative, with "/" between folders, in the order of the alphabet. Hidden files, and those
whose names do not end as images' do, are passed over. Of an archive nothing is unpacked to disk,
and no member is read beyond what an image may take.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from gannets.data import bounded
from gannets.data.pictures import SUFFIXES
from gannets.errors import InputError

__all__ = ["Shelf", "has_images", "open_shelf"]

LONGEST = 256 << 20
"""Bytes of one image file."""


@runtime_checkable
class Shelf(Protocol):
    """Files by name; `read` may be called from several threads."""

    names: list[str]

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises `InputError` with the reason."""
        ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = sorted(_walk(path))

    def read(self, name: str) -> bytes:
        try:
            with (self._path / name).open("rb") as file:
                return _bounded(cast(BufferedIOBase, file))
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error


class _Archive:
    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self.names = sorted(name for name in archive.namelist() if _is_image(name))
        if doubled := len(self.names) - len(set(self.names)):
            raise InputError(f"{path} holds {doubled} names twice: pack it again.")

    def read(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as file:
                return _bounded(cast(BufferedIOBase, file))
        except InputError:
            raise
        # Damaged, encrypted, or compressed by a method that Python does not know.
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as e:
            raise InputError(str(e).rstrip(".") or type(e).__name__) from e


@contextmanager
def open_shelf(path: Path) -> Iterator[Shelf]:
    """The image files in a folder or in a zip archive, for the length of a block."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"There is no folder or archive {path}: check the path.") from None
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} is no zip archive that can be read ({why}).") from error
    with archive:
        yield _Archive(archive, path)


def has_images(path: Path) -> bool:
    """Whether there is an image file in a folder, at any depth."""
    return next(_walk(path), None) is not None


def _walk(path: Path) -> Iterator[str]:
    for folder, inner, files in os.walk(path, onerror=_refuse):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for file in files:
            name = (Path(folder) / file).relative_to(path).as_posix()
            if _is_image(name):
                yield name


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read ({error.strerror}): make it readable.")


def _is_image(name: str) -> bool:
    parts = name.split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and parts[-1].lower().endswith(SUFFIXES)


def _bounded(file: BufferedIOBase) -> bytes:
    blob = bounded.read(file, LONGEST + 1)
    if len(blob) > LONGEST:
        raise InputError(f"more than {LONGEST:,} bytes")
    return bytes(blob)
