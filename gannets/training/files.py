"""Files that are whole or not there: written under a temporary name, synced, renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from gannets.errors import InputError

__all__ = [
    "read_json",
    "read_tensors",
    "whole_directory",
    "write_json",
    "write_tensors",
    "write_text",
]


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path`, replacing what is there in one step."""
    with _whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Put `value` at `path` as JSON; numbers must be finite."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Put tensors at `path` as safetensors, and return the file's SHA-256."""
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    blob = safetensors.torch.save(own)
    with _whole_file(path) as temporary:
        temporary.write_bytes(blob)
    return hashlib.sha256(blob).hexdigest()


def read_json(path: Path, *, schema: int) -> dict[str, Any]:
    """The JSON object at `path`, written by a version of gannets with this `schema`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object.")
    if value.get("schema") != schema:
        raise InputError(
            f"{path} has schema {value.get('schema')!r}; this version of gannets reads {schema}."
        )
    return value


def read_tensors(path: Path, *, sha256: str) -> dict[str, Tensor]:
    """The tensors at `path`, if it is the file that was written."""
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    if hashlib.sha256(blob).hexdigest() != sha256:
        raise InputError(f"{path} is damaged: its SHA-256 is not the one that was recorded.")
    try:
        return safetensors.torch.load(blob)
    except SafetensorError as error:
        raise InputError(f"{path} is no safetensors file: {error}.") from None


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """A temporary directory that replaces `path` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _sync(temporary)
        if path.exists():  # a directory cannot be renamed over one that is not empty
            old = path.with_name(f".{path.name}.old.{os.getpid()}")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
