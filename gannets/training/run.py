"""A run is a directory: the recipe as text, metrics as JSON lines, samples, checkpoints, the model.

recipe.txt          every field of the recipe
environment.json    versions, device, the data's fingerprint, the parent of a run that has one
metrics.jsonl       a line every `record_every` updates
probes.jsonl        what was seen of the game for its diagnosis, see `gannets.diagnosis`
samples/000500.png  samples on fixed latents; reals.png: the data, drawn the same way
checkpoints/00001000/   state.safetensors and state.json
eval/00001000.json  what was measured after that update, see `gannets.metrics`
best.json           which checkpoints were the best so far, and by what
model/              the averaged generator: config.json, model.safetensors, README.md
model-best/         the same as it was at the best checkpoint
log.txt             what happened when
lock                who writes to the run, while somebody does
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gannets
from gannets.diagnosis import Finding, Probe
from gannets.errors import InputError
from gannets.files import append_text, read_json, standing, tidy, write_json, write_text
from gannets.game import PLAYERS
from gannets.metrics import Report
from gannets.training.checkpoint import Best, Checkpoints
from gannets.training.device import resolve_device
from gannets.training.evaluation import Evaluated
from gannets.training.examination import Examination
from gannets.training.metrics_file import MetricsFile
from gannets.training.model import Model
from gannets.training.notation import Vocabulary, show
from gannets.training.probes_file import probes_in
from gannets.training.reading import read
from gannets.training.recipe import Recipe

__all__ = ["Run", "load"]

SCHEMA = 1


class Run:
    """A run directory, read or written."""

    def __init__(self, path: str | Path, *, names: Vocabulary | None = None) -> None:
        self.path = Path(path)
        self.names = names
        if not (self.path / "recipe.txt").is_file():
            raise InputError(f"{self.path} is no run directory: it has no recipe.txt.")
        self._metrics = MetricsFile(self.path / "metrics.jsonl", players=PLAYERS)
        self._probes = MetricsFile(self.path / "probes.jsonl")
        self.store = Checkpoints(self.path)
        """The checkpoints, read and written."""

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
        run = cls(folder, names=names)
        run.recipe = recipe  # not read back: its data may be in memory, its nets the caller's own
        return run

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, read from `recipe.txt`."""
        path = self.path / "recipe.txt"
        try:
            recipe = read(path.read_text(encoding="utf-8"), self.names)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}.") from None
        if not isinstance(recipe, Recipe):
            raise InputError(f"{path} holds no Recipe.")
        return recipe

    def extended(self, steps: int) -> Recipe:
        """The recipe with a larger budget."""
        if steps < self.recipe.steps:
            raise InputError(
                f"{self.path} was asked for {self.recipe.steps} steps; a run can be extended, "
                f"not cut to {steps}."
            )
        return replace(self.recipe, steps=steps)

    def extend(self, steps: int) -> None:
        """Raise the budget of the run."""
        if steps != self.recipe.steps:
            self.recipe = self.extended(steps)
            write_text(self.path / "recipe.txt", f"{self.recipe}\n")

    # What is recorded.

    def log(self, line: str) -> None:
        """Add a dated line to `log.txt`."""
        append_text(self.path / "log.txt", f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")

    def record(self, line: dict[str, Any]) -> None:
        """Add a line to `metrics.jsonl`."""
        self._metrics.add(line)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`; a last line that was cut off is left out."""
        return self._metrics.lines()

    def add_probe(self, probe: Probe) -> None:
        """Add a line to `probes.jsonl`."""
        self._probes.add(probe.to_json())

    def probes(self) -> list[Probe]:
        """What was seen of the game as it was played, oldest first."""
        return probes_in(self._probes)

    def rewind(self, step: int) -> None:
        """Drop what was recorded after `step`, and what a killed process left."""
        for folder in (self.path, self.path / "samples", self.path / "eval", self.store.folder):
            tidy(folder)
        self._metrics.rewind(step)
        self._probes.rewind(step)
        self.store.rewind(step)
        for old, path in self._evaluations():
            if old > step:
                path.unlink()
        self.store.prune(step, keep=self.recipe.keep)
        for picture in self.pictures():
            if int(picture.stem) > step:
                picture.unlink()

    def save_evaluation(self, step: int, report: Report) -> None:
        """Keep what was measured after `step`."""
        (self.path / "eval").mkdir(exist_ok=True)
        path = self.path / "eval" / f"{step:08d}.json"
        write_json(path, {"schema": SCHEMA, "step": step, **report.to_json()})

    def evaluations(self) -> list[Evaluated]:
        """What was measured as the game was played, oldest first."""
        return [
            (step, Report.from_json(read_json(path, schema=SCHEMA)))
            for step, path in self._evaluations()
        ]

    def _evaluations(self) -> list[tuple[int, Path]]:
        paths = (self.path / "eval").glob("[0-9]*.json")
        own = [path for path in paths if re.fullmatch(r"[0-9]{8,18}", path.stem)]
        return sorted((int(path.stem), path) for path in own)

    def pictures(self) -> list[Path]:
        """The pictures of samples that training made, oldest first."""
        found = (self.path / "samples").glob("[0-9]*.png")
        own = [path for path in found if re.fullmatch(r"[0-9]{6,18}", path.stem)]
        return sorted(own, key=lambda path: int(path.stem))

    def examination(self, *, device: str | torch.device = "cpu", seed: int = 0) -> Examination:
        """What there is of the run for a diagnosis."""
        return Examination(
            path=self.path,
            recipe=self.recipe,
            store=self.store,
            probes=self.probes(),
            device=resolve_device(device),
            seed=seed,
        )

    def diagnose(
        self,
        *,
        against: Any = None,
        device: str | torch.device = "cpu",
        copies: bool = True,
        seed: int = 0,
    ) -> Finding:
        """What is the matter with the run, or that nothing is, see `gannets.diagnose`."""
        examination = self.examination(device=device, seed=seed)
        return examination.finding(examination.case(against=against, copies=copies))

    # Checkpoints.

    def save_checkpoint(self, tensors: dict[str, Tensor], counters: dict[str, Any]) -> Path:
        """Write a checkpoint whole, after all that was recorded before it, and drop old ones."""
        self._metrics.sync()
        self._probes.sync()
        text = unbounded(self.recipe)
        return self.store.save(tensors, counters, recipe=text, keep=self.recipe.keep)

    def checkpoints(self) -> list[Path]:
        """The checkpoints' directories, oldest first."""
        return self.store.paths()

    def mark_best(self, step: int, value: float, name: str) -> None:
        """Note that the checkpoint of `step` is the best so far by the measure `name`.

        It is kept until another takes its place, however many follow.
        """
        self.store.mark_best(step, value, name)
        self.store.prune(step, keep=self.recipe.keep)  # what was the best before

    def best(self) -> dict[str, Best]:
        """The best checkpoint so far by each measure that was marked."""
        return self.store.best()

    # The model.

    @cached_property
    def model(self) -> Model:
        """The generator to sample from, as last saved."""
        folder = standing(self.path / "model")
        if not folder.is_dir():
            raise InputError(f"{self.path} has no model yet: it is saved with every checkpoint.")
        return Model.from_pretrained(folder, names=self.names)

    @cached_property
    def best_model(self) -> Model:
        """The generator to sample from, as it was when it was measured to be best."""
        folder = standing(self.path / "model-best")
        if not folder.is_dir():
            raise InputError(
                f"{self.path} has no best model: it comes of evaluations, and there is none yet."
            )
        return Model.from_pretrained(folder, names=self.names)

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


def new_directory(root: str | Path, name: str) -> Path:
    """Make `root/00003-name`, numbered after the last one there; nobody else is given it."""
    root = Path(root)
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-")[:80] or "run"
    while True:
        matches = [re.match(r"([0-9]{5,18})-", path.name) for path in root.glob("*")]
        number = max((int(match[1]) for match in matches if match), default=-1) + 1
        path = root / f"{number:05d}-{slug}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not path.exists():  # a file is in the way of the folder
                raise InputError(f"{path} cannot be made: {root} is no directory.") from None
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}.") from None
        else:
            return path


def unbounded(recipe: Recipe) -> str:
    """The text of a recipe, whatever its budget: a run that is extended is the same run."""
    return show(replace(recipe, steps=0))


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
