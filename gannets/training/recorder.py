"""What writes a run's directory as the game is played: the first process of a group, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from gannets.diagnosis import Probe
from gannets.errors import StoppedError
from gannets.metrics import Estimate, Report
from gannets.training.model import Model
from gannets.training.pictures import Pictures
from gannets.training.run import Run, model_card
from gannets.training.state import State

__all__ = ["Recorder", "kept"]


class Recorder:
    """Writes to the directory of `run`; in a process that has none it does nothing."""

    def __init__(self, run: Run | None, state: State) -> None:
        self.run, self._state = run, state
        self.pictures = Pictures(state)

    @property
    def model(self) -> Model:
        """The generator to sample from, as it is now."""
        recipe, state = self._state.recipe, self._state
        return Model(state.generator, recipe.nets.generator, recipe.prior, state.space)

    def log(self, line: str) -> None:
        """Add a dated line to the run's log."""
        self._write(lambda run: run.log(line))

    def line(self, line: dict[str, Any]) -> None:
        """Add a line of metrics."""
        self._write(lambda run: run.record(line))

    def probe(self, probe: Probe) -> None:
        """Add what was seen for a diagnosis."""
        self._write(lambda run: run.add_probe(probe))

    def evaluation(self, report: Report) -> None:
        """Keep what was measured."""
        self._write(lambda run: run.save_evaluation(self._state.step, report))

    def draw_first(self) -> None:
        """Draw the data, and the samples of the first generator."""
        self._write(lambda run: self.pictures.save_reals(run.path / "samples" / "reals.png"))
        self.draw()

    def draw(self) -> None:
        """Draw samples as they are now."""
        name = f"{self._state.step:06d}.png"
        self._write(lambda run: self.pictures.save(run.path / "samples" / name))

    def checkpoint(self, tensors: dict[str, Tensor], counters: dict[str, Any]) -> None:
        """Write a checkpoint, and the model that goes with it."""
        self._write(lambda run: run.save_checkpoint(tensors, counters))
        self.save_model()

    def save_model(self, name: str = "model") -> None:
        """Write the model as it is now."""
        card = model_card(self._state.recipe, self._state.step)
        self._write(lambda run: self.model.save_pretrained(run.path / name, card=card))

    def best(self, best: Estimate) -> None:
        """Mark the checkpoint as the best so far, and keep its model."""
        self._write(lambda run: run.mark_best(self._state.step, best.value, best.key))
        self.save_model("model-best")

    def rewind(self) -> None:
        """Drop what was recorded of what has been taken back."""
        self._write(lambda run: run.rewind(self._state.step))

    def _write(self, write: Callable[[Run], object]) -> None:
        if self.run is not None:
            with kept(self.run):
                write(self.run)


@contextmanager
def kept(run: Run) -> Iterator[None]:
    """A disk that is full or gone stops the run; what was saved before is whole."""
    try:
        yield
    except OSError as error:
        raise StoppedError(
            f"{error.filename or run.path} cannot be written ({error.strerror or error}); the "
            f"last checkpoint is kept in {run.store.folder}: make room, then resume {run.path}."
        ) from error
