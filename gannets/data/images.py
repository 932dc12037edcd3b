"""Images in IDX files: the named sets, or a folder of the user's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gannets.data import splits
from gannets.data.arrays import tensor_source
from gannets.data.catalogue import SETS, locate
from gannets.data.checks import PIXELS, check_bounds
from gannets.data.idx import read_idx
from gannets.data.source import Bounds, TensorSource
from gannets.errors import InputError, unknown

__all__ = ["Images", "is_folder"]

_PREFIXES = {"train": ("train",), "test": ("t10k", "test")}
_PARTS = tuple(_PREFIXES)


@dataclass(frozen=True)
class Images:
    """Images and their labels: "mnist", "fashion_mnist", or the path of a folder of IDX files.

    A folder has files called as those of MNIST: `train-images-idx3-ubyte` and
    `train-labels-idx1-ubyte` (labels may be missing), `t10k-...` or `test-...` for the test part,
    gzipped or not. `split` is a part or a slice of one: `train[:50000]`. Pixels are scaled to
    `bounds`.
    """

    name: str
    split: str = "train"
    bounds: Bounds = PIXELS

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        splits.parse(self.split, _PARTS)

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The images on `device`, (1, height, width) each."""
        split = splits.parse(self.split, _PARTS)
        images, labels = self._files(split.part)
        x = read_idx(images)
        if x.ndim < 3:
            raise InputError(
                f"{images} holds an array of shape {x.shape}: images have 3 dimensions."
            )
        return tensor_source(
            x,
            None if labels is None else read_idx(labels),
            bounds=self.bounds,
            split=split,
            seed=seed,
            device=device,
            name=str(images),
            classes=SETS[self.name].classes if self.name in SETS else None,
        )

    def on(self, split: str) -> Images:
        """The other part; "validation" is what the training slice leaves over."""
        return replace(self, split=splits.other(self.split, split, _PARTS))

    def _files(self, part: str) -> tuple[Path, Path | None]:
        """The images and the labels of a part."""
        if self.name in SETS:
            prefix = _PREFIXES[part][0]
            names = (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
            images, labels = locate(SETS[self.name], names)
            return images, labels
        folder = Path(self.name).expanduser()
        if not folder.is_dir():
            if len(folder.parts) == 1 and not folder.exists():
                raise InputError(
                    f"{unknown('image set', self.name, SETS)} A folder of IDX files will do too; "
                    f"there is none at {self.name!r}."
                )
            raise InputError(f"{self.name} is no folder: name one that holds IDX files.")
        images_there = _candidates(folder, part, "images")
        if not images_there:
            raise InputError(
                f"{self.name} holds no IDX file of {part} images: name it "
                f"{_PREFIXES[part][0]}-images-idx3-ubyte (gzipped or not)."
            )
        labels_there = _candidates(folder, part, "labels")
        for there in (images_there, labels_there):
            if len(there) > 1:
                raise InputError(
                    f"{self.name} holds {len(there)} files for one part, "
                    f"{' and '.join(path.name for path in there)}: keep one."
                )
        return images_there[0], labels_there[0] if labels_there else None


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder with IDX files of images."""
    return path.is_dir() and any(_candidates(path, part, "images") for part in _PARTS)


def _candidates(folder: Path, part: str, kind: str) -> list[Path]:
    """The files of a part; of a file and its gzipped twin, the file."""
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({error.strerror}): name a folder that can."
        ) from error
    for path in paths:
        name = path.name.lower()
        if name.startswith(_PREFIXES[part]) and f"{kind}-idx" in name.replace(".", "-"):
            found.setdefault(name.removesuffix(".gz"), path)
    return list(found.values())
