"""A run is a directory: the recipe as text, metrics as JSON lines, samples, checkpoints, the model.

recipe.txt          every field of the recipe
environment.json    versions, device, the data's fingerprint
metrics.jsonl       a line every `record_every` updates
samples/000500.png  samples on fixed latents; reals.png: the data, drawn the same way
checkpoints/00001000/   state.safetensors and state.json
model/              the averaged generator: config.json, model.safetensors, README.md
log.txt             what happened when
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gannets
from gannets.errors import InputError
from gannets.training.files import (
    read_json,
    read_tensors,
    whole_directory,
    write_json,
    write_tensors,
    write_text,
)
from gannets.training.model import Model
from gannets.training.notation import Vocabulary, show
from gannets.training.reading import read
from gannets.training.recipe import Recipe

__all__ = ["Run", "load"]

SCHEMA = 1
KEEP = 3


class Run:
    """A run directory, read or written."""

    def __init__(self, path: str | Path, *, names: Vocabulary | None = None) -> None:
        self.path = Path(path)
        self._names = names
        if not (self.path / "recipe.txt").is_file():
            raise InputError(f"{self.path} is no run directory: it has no recipe.txt.")

    @classmethod
    def create(cls, path: str | Path, recipe: Recipe, *, names: Vocabulary | None = None) -> Run:
        """A new run directory for `recipe`; an existing directory must be empty."""
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists and is not empty: choose another directory with --out, "
                f"or continue the run in it with --resume {folder}."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "samples").mkdir()
            (folder / "checkpoints").mkdir()
            write_text(folder / "recipe.txt", f"{recipe}\n")
        except OSError as error:
            raise InputError(f"{folder} cannot be written: {error.strerror}.") from None
        return cls(folder, names=names)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, read from `recipe.txt`."""
        recipe = read((self.path / "recipe.txt").read_text(encoding="utf-8"), self._names)
        if not isinstance(recipe, Recipe):
            raise InputError(f"{self.path / 'recipe.txt'} holds no Recipe.")
        return recipe

    def extended(self, steps: int) -> Recipe:
        """The recipe with a larger budget."""
        recipe = self.recipe
        if steps < recipe.steps:
            raise InputError(
                f"{self.path} was asked for {recipe.steps} steps; a run can be extended, "
                f"not cut to {steps}."
            )
        return Recipe(**{**vars(recipe), "steps": steps})

    def keep(self, recipe: Recipe) -> None:
        """Make `recipe` the run's."""
        self.recipe = recipe
        write_text(self.path / "recipe.txt", f"{recipe}\n")

    # What is recorded.

    def log(self, line: str) -> None:
        """Add a dated line to `log.txt`."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")

    def record(self, line: dict[str, Any]) -> None:
        """Add a line to `metrics.jsonl`."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`; a last line that was cut off is left out."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        records = []
        for number, line in enumerate(lines, 1):
            try:
                records.append(json.loads(line))
            except ValueError:
                if number < len(lines):
                    raise InputError(f"{path}, line {number}, is no JSON.") from None
        return records

    def rewind(self, step: int) -> None:
        """Drop what was recorded after `step`, where the run is to be taken up."""
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step]
        write_text(self.path / "metrics.jsonl", "".join(kept))
        for picture in (self.path / "samples").glob("*.png"):
            if picture.stem.isdigit() and int(picture.stem) > step:
                picture.unlink()

    def describe_environment(self, *, device: torch.device, fingerprint: str) -> None:
        """Write `environment.json`."""
        environment = {
            "gannets": gannets.__version__,
            "git": _git_hash(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "platform": platform.platform(),
            "device": str(device),
            "device_name": torch.cuda.get_device_name(device)
            if device.type == "cuda"
            else platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "data_sha256": fingerprint,
        }
        write_json(self.path / "environment.json", environment)

    # Checkpoints.

    def save_checkpoint(self, tensors: dict[str, Tensor], counters: dict[str, Any]) -> Path:
        """Write a checkpoint whole, and drop all but the last few."""
        path = self.path / "checkpoints" / f"{counters['step']:08d}"
        with whole_directory(path) as folder:
            digest = write_tensors(folder / "state.safetensors", tensors)
            state = {"schema": SCHEMA, "counters": counters, "sha256": digest}
            write_json(folder / "state.json", state)
        for old in self.checkpoints()[:-KEEP]:
            shutil.rmtree(old)
        return path

    def checkpoints(self) -> list[Path]:
        """The checkpoints' directories, oldest first."""
        folders = (self.path / "checkpoints").glob("[0-9]*")
        return sorted(path for path in folders if path.name.isdigit())

    def load_checkpoint(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and counters of a checkpoint."""
        state = read_json(path / "state.json", schema=SCHEMA)
        try:
            counters, digest = dict(state["counters"]), str(state["sha256"])
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{path / 'state.json'} is incomplete or damaged.") from None
        return read_tensors(path / "state.safetensors", sha256=digest), counters

    # The model.

    @cached_property
    def model(self) -> Model:
        """The generator to sample from, as last saved."""
        if not (self.path / "model").is_dir():
            raise InputError(f"{self.path} has no model yet: it is saved with every checkpoint.")
        return Model.from_pretrained(self.path / "model", names=self._names)

    def sample(
        self, n: int, *, seed: int = 0, labels: Sequence[int] | Tensor | None = None
    ) -> Tensor:
        """`n` samples of the generator, see `Model.sample`."""
        return self.model.sample(n, seed=seed, labels=labels)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def load(path: str | Path, *, names: Vocabulary | None = None) -> Run:
    """The run in the directory `path`. `names` adds values of the caller's own to the notation."""
    return Run(path, names=names)


def next_directory(root: Path, name: str) -> Path:
    """`root/00003-name`, numbered after the last one there."""
    taken = [
        int(match[1]) for path in root.glob("*") if (match := re.match(r"(\d{5,})-", path.name))
    ]
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-") or "run"
    return root / f"{max(taken, default=-1) + 1:05d}-{slug}"


def _git_hash() -> str | None:
    """The commit of gannets, where it runs from a checkout."""
    root = Path(gannets.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except OSError:
        return None
    return answer.stdout.strip() or None


def model_card(recipe: Recipe, step: int) -> str:
    """The README of the model directory."""
    return f"""---
library_name: gannets
tags: [gan, generative-adversarial-nets]
---
# {recipe.name}

The generator of a generative adversarial net after {step:,} updates, trained with gannets
{gannets.__version__} by the recipe below.

```python
from gannets import Model

samples = Model.from_pretrained("path/to/this/directory").sample(64, seed=0)
```

```python
{show(recipe)}
```
"""
