"""A trained generator as something to be measured: its samples, its latent space, its game."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Prior, Stream
from gannets.metrics.played import Played
from gannets.metrics.samples import Samples
from gannets.training.layout import check
from gannets.training.model import Model
from gannets.training.run import Run
from gannets.training.standing import game_of
from gannets.training.state import State

__all__ = [
    "LatentSpace",
    "in_units",
    "is_model",
    "is_run",
    "model_of",
    "no_best",
    "played",
    "samples_of",
]


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """A model as `gannets.metrics.Generator`: the sample at a point, in the units of `Samples`."""

    model: Model

    @property
    def prior(self) -> Prior:
        """The law of the latent points."""
        return self.model.prior

    def latent(self, n: int, stream: Stream) -> Float[Tensor, "n latent"]:
        """Draw n points from the prior."""
        return self.model.prior(n, stream)

    def __call__(self, z: Float[Tensor, "m latent"]) -> Float[Tensor, "m ..."]:
        classes = self.model.space.classes
        y = () if classes is None else (torch.arange(len(z)) % classes,)
        weights = next(self.model.generator.parameters(), z)
        x = self.model.generator(z.to(weights), *(each.to(weights.device) for each in y))
        return in_units(x, self.model)


def in_units(x: Tensor, model: Model) -> Tensor:
    """Samples of a model in the units of `Samples`: images in [0, 1]."""
    if x.ndim != 4 or model.space.bounds is None:
        return x
    low, high = model.space.bounds
    return (x - low) / (high - low)


def samples_of(model: Model, n: int, *, seed: int, name: str, like: Samples | None) -> Samples:
    """`n` samples; of a conditional model as many of each class as `like` has, in proportion."""
    labels = None
    if model.space.classes is not None:
        labels = torch.arange(n) % model.space.classes
        if like is not None and like.y is not None:
            labels = like.y[torch.arange(n) % len(like)]
    training = model.generator.training
    x = model.sample(n, seed=seed, labels=labels)
    model.generator.train(training)
    x = in_units(x, model)
    # As the data are: a linear output may lie beyond black and white.
    return Samples(x.clamp(0, 1) if x.ndim == 4 and model.space.bounds else x, labels, name)


def played(run: Run, *, device: str | torch.device = "cpu") -> Played:
    """The game of a run as its last checkpoint has it."""
    state = State(run.recipe, device=device)
    checkpoint, _ = run.store.last(lambda checkpoint: check(checkpoint, state))
    if checkpoint is None:
        raise InputError(f"{run.path} has no checkpoint, so that there is no game to look at.")
    state.load(checkpoint.tensors, checkpoint.counters)
    return game_of(state)


def is_run(thing: Any) -> bool:
    """Whether it is a run, or the directory of one."""
    return isinstance(thing, Run) or (
        isinstance(thing, (str, Path)) and (Path(thing) / "recipe.txt").is_file()
    )


def is_model(thing: Any) -> bool:
    """Whether it is a model, or the directory of one."""
    return isinstance(thing, Model) or (
        isinstance(thing, (str, Path)) and (Path(thing) / "config.json").is_file()
    )


def no_best(thing: Any) -> InputError:
    """The refusal of the best model of what keeps none."""
    name = str(thing) if isinstance(thing, (str, Path)) else f"A {type(thing).__name__}"
    return InputError(f"{name} is no run: only a run that is evaluated keeps a best model.")


def model_of(fake: Any, *, best: bool) -> tuple[Model, str, int | None]:
    """The model of a run, or a model itself: with its name, and the step of the run."""
    if is_run(fake):
        run = fake if isinstance(fake, Run) else Run(fake)
        return (run.best_model if best else run.model), str(run.path), _step(run, best=best)
    name = "the model" if isinstance(fake, Model) else str(fake)
    if best:
        raise no_best(fake)
    return (fake if isinstance(fake, Model) else Model.from_pretrained(fake)), name, None


def _step(run: Run, *, best: bool) -> int | None:
    """After which update the model was saved: the last checkpoint's, or that of the best one."""
    if best:
        return next((each.step for each in run.best().values()), None)
    paths = run.checkpoints()
    return int(paths[-1].name) if paths else None
