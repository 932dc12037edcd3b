"""Files that are whole or not there: written under a temporary name, synced, renamed.

A process that is killed leaves at most `.NAME.PID.tmp`, which never was the file, or
`.NAME.PID.old`, which was it until its successor was to take its name; `tidy` settles both. What
is read back is believed only as far as its SHA-256 bears it out.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from gannets.errors import InputError

__all__ = [
    "append_text",
    "digest",
    "not_finite",
    "read_json",
    "read_tensors",
    "standing",
    "sync",
    "tidy",
    "whole_directory",
    "write_bytes",
    "write_json",
    "write_tensors",
    "write_text",
]

LARGEST_JSON = 64 * 2**20
SEAL = "seal"
"""The key of a JSON object under which the SHA-256 of all the others stands."""


# Writing.


def write_bytes(path: Path, blob: bytes) -> None:
    """Put `blob` at `path`, replacing what is there in one step."""
    temporary = _beside(path, "tmp")
    with _named(path):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                _write(descriptor, blob)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
            sync(path.parent)
        finally:
            with suppress(OSError):
                os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path`, replacing what is there in one step."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Put an object at `path` as JSON, sealed with its own SHA-256; numbers must be finite."""
    text = json.dumps({**value, SEAL: _seal(value)}, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Put tensors at `path` as safetensors, and return the file's SHA-256.

    A tensor that has several names, as a layer of both players has, is written under each.
    """
    own: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        place = flat.untyped_storage().data_ptr()
        own[name] = flat.clone() if place in places else flat
        places.add(place)
    blob = safetensors.torch.save(own)
    write_bytes(path, blob)
    return hashlib.sha256(blob).hexdigest()


def append_text(path: Path, text: str) -> None:
    """Add `text` to the file at `path`: all of it, or, where there is no room for it, nothing."""
    with _named(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            try:
                _write(descriptor, text.encode())
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """A temporary directory that replaces `path` when the block ends well."""
    temporary, old = _beside(path, "tmp"), _beside(path, "old")
    with _named(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            sync(temporary)
            if path.exists():  # a directory cannot be renamed over one that is not empty
                os.rename(path, old)
            os.rename(temporary, path)
            sync(path.parent)
        finally:
            if old.exists() and not path.exists():
                os.rename(old, path)
            shutil.rmtree(old, ignore_errors=True)
            shutil.rmtree(temporary, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until the file, or the directory's list of names, is on the disk."""
    if path.is_dir() and os.name == "nt":  # where a directory cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that syncs no directories
            raise
    finally:
        os.close(descriptor)


def _write(descriptor: int, blob: bytes) -> None:
    rest = memoryview(blob)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{end}")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error of the system names the file that was to be written, not a temporary one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


# What a killed process leaves.

_LEFT = re.compile(r"\.(.+)\.[0-9]+\.(tmp|old)")


def tidy(folder: Path) -> None:
    """Settle what killed processes left in `folder`, to which no other process may write now."""
    for path in sorted(folder.glob(".*")):
        match = _LEFT.fullmatch(path.name)
        if match is None:
            continue
        home = path.with_name(match[1])
        if match[2] == "old" and not home.exists():
            path.rename(home)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def standing(path: Path) -> Path:
    """The directory `path`, also where its writer was killed between putting it aside and the new
    one in its place.
    """
    if not path.exists():
        for left in path.parent.glob(f".{path.name}.*.old"):
            return left
    return path


# Reading.


def read_json(path: Path, *, schema: int) -> dict[str, Any]:
    """The sealed JSON object at `path`, written by a version of gannets with this `schema`."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise InputError(f"{path} is too long to be a file of gannets.")
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (ValueError, OSError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object.")
    if value.get("schema") != schema:
        given = f"{value.get('schema')!r:.60}"
        raise InputError(f"{path} has schema {given}, and this version of gannets reads {schema}.")
    if value.pop(SEAL, None) != _seal(value):
        raise InputError(f"{path} is damaged: its seal is not that of what it holds.")
    return value


def read_tensors(path: Path, *, sha256: str) -> dict[str, Tensor]:
    """The tensors at `path`, if it is the file that was written."""
    if digest(path) != sha256:  # before it is taken into memory
        raise InputError(f"{path} is damaged: its SHA-256 is not the one that was recorded.")
    try:
        return safetensors.torch.load(path.read_bytes())
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is no safetensors file: {error!s:.200}.") from None


def digest(path: Path) -> str:
    """The SHA-256 of the file at `path`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a number in it that is none."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key is given twice")
    return value


def _seal(value: Mapping[str, Any]) -> str:
    """The SHA-256 of an object's JSON, whatever the order of keys and the blanks."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
