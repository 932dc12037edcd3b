"""The loop. `play` is the game itself; `train` is that loop plus recording and saving.

for step in play(recipe):
    ...                          # step.index, step.players, step.losses
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gannets.errors import StoppedError
from gannets.game import ALONE, PLAYERS, Group, Losses, Players
from gannets.training.model import Model
from gannets.training.notation import Vocabulary
from gannets.training.parallel import same_everywhere
from gannets.training.pictures import Pictures
from gannets.training.recipe import Recipe
from gannets.training.run import Run, model_card, next_directory
from gannets.training.state import State

__all__ = ["Step", "Training", "play", "train"]


@dataclass(frozen=True)
class Step:
    """The game after update `index` (the first is 1)."""

    index: int
    players: Players[nn.Module]
    losses: Players[Losses]
    """Each player's losses item by item: tensors, not synchronised with the device until read."""


def play(recipe: Recipe, *, device: str | torch.device = "auto") -> Iterator[Step]:
    """Play the game of `recipe` to its last step, yielding after every update."""
    return _continue(State(recipe, device=device))


def _continue(state: State) -> Iterator[Step]:
    while state.step < state.recipe.steps:
        losses = state.advance()
        yield Step(state.step, state.players, losses)


def train(
    recipe: Recipe,
    *,
    out: str | Path | None = None,
    device: str | torch.device = "auto",
) -> Run:
    """Play `recipe`, recorded in the directory `out` (by default the next one below `runs/`)."""
    training = Training.start(recipe, out=out, device=device)
    for _ in training:
        pass
    return training.run


class Training:
    """A game that is being recorded. Iterating over it plays on, writing the run as it goes."""

    def __init__(self, state: State, run: Run | None) -> None:
        self.state = state
        self._run = run
        self.recipe = state.recipe
        self.pictures = Pictures(state)
        self.line: dict[str, Any] | None = None
        """The last line of metrics."""
        self.speed = 0.0
        """Updates a second since the last line of metrics."""
        self._window = _Window(state.group)
        self._saved = -1
        self._since = (time.perf_counter(), state.step)

    @classmethod
    def start(
        cls,
        recipe: Recipe,
        *,
        out: str | Path | None = None,
        device: str | torch.device = "auto",
        names: Vocabulary | None = None,
        group: Group = ALONE,
    ) -> Training:
        """A new run of `recipe`. Nothing is written before data and nets are known to fit.

        Of a group of processes the first writes the run, and the others play along.
        """
        state = State(recipe, device=device, group=group)
        if group.rank > 0:
            return cls(state, None)
        path = Path(out) if out is not None else next_directory(Path("runs"), recipe.name)
        run = Run.create(path, recipe, names=names)
        run.describe_environment(device=state.device, fingerprint=state.source.fingerprint)
        training = cls(state, run)
        training.pictures.save_reals(run.path / "samples" / "reals.png")
        run.log(f"started on {state.device}")
        return training

    @classmethod
    def resume(
        cls,
        path: str | Path,
        *,
        steps: int | None = None,
        device: str | torch.device = "auto",
        names: Vocabulary | None = None,
        group: Group = ALONE,
    ) -> Training:
        """Take up the run in `path` at its last checkpoint; `steps` gives it a larger budget."""
        run = Run(path, names=names)
        recipe = run.recipe if steps is None else run.extended(steps)
        state = State(recipe, device=device, group=group)
        training = cls(state, run if group.rank == 0 else None)
        checkpoints = run.checkpoints()
        if checkpoints:
            tensors, counters = run.load_checkpoint(checkpoints[-1])
            sums = tensors.pop("window", None)
            training._window.load(
                None if sums is None else sums.to(state.device), counters["window"]
            )
            state.load(tensors, counters)
        training._since = (time.perf_counter(), state.step)
        if group.rank == 0:
            run.keep(recipe)
            run.rewind(state.step)
            run.log(f"resumed at step {state.step} on {state.device}")
        return training

    @property
    def run(self) -> Run:
        """The run's directory, which the first process of a group writes alone."""
        if self._run is None:
            raise StoppedError("Only the first process of a group has the run's directory.")
        return self._run

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self._run is not None

    def __iter__(self) -> Iterator[Step]:
        recipe, state = self.recipe, self.state
        if state.step == 0:
            self._draw()
        for step in _continue(state):
            self._window.add(step.losses)
            if step.index % recipe.record_every == 0:
                self._record()
            if recipe.sample_every and step.index % recipe.sample_every == 0:
                self._draw()
            if recipe.checkpoint_every and step.index % recipe.checkpoint_every == 0:
                self.save()
            yield step
        if self._saved != state.step:
            self.save()
        if self.leads:
            self.run.log(f"finished at step {state.step}")

    def save(self) -> None:
        """Write a checkpoint and the model as they are now."""
        state = self.state
        state.check()
        same_everywhere(state.tensors(), state.group)
        self._window.agree()
        self._saved = state.step
        if not self.leads:
            return
        tensors = {**state.tensors(), **self._window.tensors()}
        counters = {**state.counters(), "window": self._window.counters()}
        self.run.save_checkpoint(tensors, counters)
        self.model.save_pretrained(
            self.run.path / "model", card=model_card(self.recipe, state.step)
        )

    @property
    def model(self) -> Model:
        """The generator to sample from, as it is now."""
        recipe = self.recipe
        return Model(self.state.generator, recipe.nets.generator, recipe.prior, self.state.space)

    def _draw(self) -> None:
        if self.leads:
            self.pictures.save(self.run.path / "samples" / f"{self.state.step:06d}.png")

    def _record(self) -> None:
        self.state.check()
        means = self._window.means()
        self._stop_unless_finite(means)
        line: dict[str, Any] = {"step": self.state.step}
        for player in PLAYERS:
            prefix = f"{player} "
            line[player] = {
                k.removeprefix(prefix): v for k, v in means.items() if k.startswith(prefix)
            }
        line["rates"] = {player: self.state.movers[player].rates() for player in PLAYERS}
        if self.leads:
            self.run.record(line)
        self.line = line
        now = time.perf_counter()
        before, step = self._since
        self.speed = (self.state.step - step) / max(now - before, 1e-9)
        self._since = (now, self.state.step)

    def _stop_unless_finite(self, means: dict[str, float]) -> None:
        for player in PLAYERS:
            for name, mean in means.items():
                if name.startswith(player) and not math.isfinite(mean):
                    half = self.state.movers[player].rates().get("lr", 0.0) / 2
                    raise StoppedError(
                        f"The loss {name!r} became {mean} before step {self.state.step}. The last "
                        "checkpoint is kept; try a lower learning rate: "
                        f"--set optimizers.{player}.lr={half:g}."
                    )


class _Window:
    """Sums of the losses since the last line of metrics, kept on the device."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.count = 0
        self._names: list[str] = []
        self._sums: Tensor | None = None

    def add(self, losses: Players[Losses]) -> None:
        values = [*losses.generator.values(), *losses.discriminator.values()]
        stacked = torch.stack(values)
        if self._sums is None:
            self._names = [f"{player} {name}" for player in PLAYERS for name in losses[player]]
            self._sums = stacked
        else:
            self._sums += stacked
        self.count += 1

    def means(self) -> dict[str, float]:
        """The means over updates and processes, and begin anew."""
        assert self._sums is not None
        mean = self._group.mean(self._sums / self.count)
        means = dict(zip(self._names, mean.tolist(), strict=True))
        self.count, self._sums = 0, None
        return means

    def agree(self) -> None:
        """Make the sums so far everybody's mean, so that one process can save them."""
        if self._sums is not None:
            self._sums = self._group.mean(self._sums)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of the window."""
        return {} if self._sums is None else {"window": self._sums}

    def counters(self) -> dict[str, Any]:
        """The rest of it."""
        return {"count": self.count, "names": self._names}

    def load(self, sums: Tensor | None, counters: dict[str, Any]) -> None:
        """Take up a window that was left open."""
        self._sums = sums
        self.count = int(counters["count"])
        self._names = [str(name) for name in counters["names"]]
