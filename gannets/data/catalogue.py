"""Named sets: which files they are, where they are looked for, and where they come from.

A file is looked for in the folder that `GANNETS_DATA` names (or in its subfolder of the set's
name), then in the user's cache, and is downloaded to the cache if it is in neither. Whatever is
found has to have the sha256 written here. `GANNETS_MIRROR` names another server than the set's own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gannets.data.download import download
from gannets.errors import InputError

__all__ = ["FOLDER", "MIRROR", "SETS", "NamedSet", "RemoteFile", "cache", "data_dir", "locate"]

FOLDER = "GANNETS_DATA"
MIRROR = "GANNETS_MIRROR"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a named set; its content is known by its sha256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class NamedSet:
    """A named set of images in IDX files: train and test, images and labels."""

    name: str
    about: str
    origin: str
    files: tuple[RemoteFile, ...]
    classes: int = 10


def _idx(*files: tuple[int, str]) -> tuple[RemoteFile, ...]:
    """The four files of a set in the layout of MNIST, from their sizes and checksums."""
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        RemoteFile(f"{name}-ubyte.gz", size, sha256)
        for name, (size, sha256) in zip(names, files, strict=True)
    )


SETS = {
    "mnist": NamedSet(
        "mnist",
        "handwritten digits, 60,000 + 10,000 grey images 28x28, 10 classes",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        _idx(
            (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    "fashion_mnist": NamedSet(
        "fashion_mnist",
        "clothing, 60,000 + 10,000 grey images 28x28, 10 classes",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        _idx(
            (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
}


@contextmanager
def data_dir(folder: Path | str | None) -> Iterator[None]:
    """Look for named sets in `folder` first, for the length of a block; None changes nothing.

    It is the environment variable that changes, so that processes started within see it too.
    """
    if folder is None:
        yield
        return
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = str(Path(folder).expanduser().resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDER]
        else:
            os.environ[FOLDER] = before


def cache() -> Path:
    """The folder that downloads go to: `gannets` in XDG_CACHE_HOME or in ~/.cache."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "gannets"


def locate(dataset: NamedSet, names: Sequence[str]) -> list[Path]:
    """The paths of the named files of a set, each checked, downloaded if need be."""
    files = {file.name: file for file in dataset.files}
    return [_find(dataset, files[name]) or _fetch(dataset, files[name]) for name in names]


def _fetch(dataset: NamedSet, file: RemoteFile) -> Path:
    server = os.environ.get(MIRROR, "").rstrip("/")
    origin = f"{server}/{dataset.name}" if server else dataset.origin
    target = cache() / dataset.name / file.name
    why = download(f"{origin}/{file.name}", target, size=file.size, sha256=file.sha256)
    if why:
        missing = [each for each in dataset.files if _find(dataset, each) is None]
        listed = ", ".join(f"{each.name} (sha256 {each.sha256})" for each in missing)
        raise InputError(
            f"{dataset.name} is not here, and {why}: put into {target.parent}, or into a folder "
            f"that --data-dir or {FOLDER} names, the files {listed}."
        )
    return target


def _find(dataset: NamedSet, file: RemoteFile) -> Path | None:
    given = os.environ.get(FOLDER)
    if given:
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise InputError(
                f"{FOLDER} names {given}, which is no folder: name the folder that holds the data."
            )
        places = [folder / dataset.name / file.name, folder / file.name]
    else:
        places = []
    for path in [*places, cache() / dataset.name / file.name]:
        if _is(file, path):
            return path
    return None


def _is(file: RemoteFile, path: Path) -> bool:
    """Whether `path` is that file; a damaged one is an error, one of another named set is not."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): make it readable, or remove it."
        ) from error
    if found == file.sha256:
        return True
    if any(found == known.sha256 for other in SETS.values() for known in other.files):
        return False
    raise InputError(
        f"{path} is damaged or another file: its sha256 is {found}, not {file.sha256}; "
        "replace or remove it."
    )
