"""A classifier of one's own: fitted to labelled samples in seconds, kept as two files.

What it takes for the hidden layer of a net trained on the data at hand to serve as features, and
for its probabilities to serve for the classifier score, without anything to download.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.files import read_json, read_tensors, whole_directory, write_json, write_tensors
from gannets.game.stream import Stream, seeded
from gannets.metrics.features.classifier_net import ClassifierNet
from gannets.metrics.features.weights import weights_hash
from gannets.metrics.resampling import wilson
from gannets.metrics.samples import Samples

__all__ = ["Classified", "OwnClassifier", "fit_classifier", "load_classifier"]

SCHEMA = 1
AT_ONCE = 500
STEPS, BATCH, RATE, DECAY = 1000, 128, 3e-3, 1e-2
HELD_OUT = 0.1


@dataclass(frozen=True, eq=False)
class OwnClassifier:
    """p(y | x) of C classes, and as features the hidden layer before its logits."""

    net: ClassifierNet
    event: tuple[int, ...]
    classes: int
    accuracy: float
    """The share of held-out samples whose class it says,"""
    held_out: int
    """of as many."""
    data: str
    """Fingerprint of the samples it was fitted to."""
    seed: int = 0
    steps: int = STEPS
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    preprocessing: str = "as given"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.net.to(self.device).eval().requires_grad_(False)
        object.__setattr__(self, "_hash", weights_hash(self.net.state_dict()))

    @property
    def id(self) -> str:
        """The first 8 digits of the hash of its weights."""
        return f"classifier:{self._hash[:8]}"  # type: ignore[attr-defined]

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson 1927)."""
        return wilson(round(self.accuracy * self.held_out), self.held_out)

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m d"]:
        """The hidden layer."""
        return self._each(self.net.hidden, x)

    def probabilities(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m classes"]:
        """p(y | x)."""
        return self._each(self.net, x).softmax(1)

    def predict(self, x: Float[Tensor, "m ..."]) -> Int64[Tensor, " m"]:
        """The likeliest class of each."""
        return self._each(self.net, x).argmax(1)

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write `config.json` and `model.safetensors` into a new directory, all or nothing.

        `force` replaces a directory that is there.
        """
        path = Path(path)
        if path.exists() and not force:
            raise InputError(f"{path} is there already: choose another name for the classifier.")
        with whole_directory(path) as folder:
            sha = write_tensors(folder / "model.safetensors", self.net.state_dict())
            config = {
                "schema": SCHEMA,
                "kind": "classifier",
                "event": list(self.event),
                "classes": self.classes,
                "accuracy": self.accuracy,
                "held_out": self.held_out,
                "data": self.data,
                "seed": self.seed,
                "steps": self.steps,
                "sha256": sha,
            }
            write_json(folder / "config.json", config)

    def _each(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.event:
            raise InputError(
                f"This classifier was fitted to samples of shape {self.event}, and these have "
                f"{tuple(x.shape[1:])}: fit one to data of their shape."
            )
        with torch.no_grad():
            parts = [function(part.to(self.device)).cpu() for part in x.split(AT_ONCE)]
        return torch.cat(parts).double()


@dataclass(frozen=True)
class Classified:
    """The features of a classifier that `fit_classifier` made and that was saved at `path`."""

    path: str

    def build(self, real: Samples, *, device: torch.device) -> OwnClassifier:
        """Load it; refuse samples of another shape."""
        classifier = load_classifier(self.path, device=device)
        if classifier.event != real.event:
            raise InputError(
                f"The classifier {self.path} was fitted to samples of shape {classifier.event}, "
                f"and {real.name} have {real.event}: fit one to data of their shape."
            )
        return classifier


def fit_classifier(
    real: Samples,
    *,
    holdout: Samples | None = None,
    classes: int | None = None,
    steps: int = STEPS,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
) -> OwnClassifier:
    """Fit a small net to labelled samples; its accuracy is that on `holdout`.

    Where none is given, a tenth of the samples is held out. AdamW with a rate that rises for a
    tenth of the steps and falls to 0 in a half cosine, on batches of 128: a function of the samples
    and the seed. `progress` is told each step made. Raises `InputError` for samples without labels.
    """
    if real.y is None:
        raise InputError(f"{real.name} have no labels: a classifier needs a class for each sample.")
    if steps < 1:
        raise InputError(f"A classifier is fitted in 1 step or more, not {steps}.")
    if holdout is None:
        order = Stream(seed, "classifier/holdout").permutation(len(real))
        held = max(2, round(HELD_OUT * len(real)))
        if len(real) - held < 2:
            raise InputError(f"{real.name} are {len(real)}, too few to fit a classifier to.")
        train, test = real.take(order[held:]), real.take(order[:held])
    else:
        train, test = real, holdout
    if train.y is None or test.y is None:
        raise InputError(f"{test.name} have no labels: the accuracy is measured on labelled ones.")
    count = classes or 1 + max(int(real.y.max()), int(test.y.max()))
    if min(int(train.y.min()), int(test.y.min())) < 0 or int(real.y.max()) >= count:
        raise InputError(f"Labels of {count} classes are 0 to {count - 1}: number them so.")
    if count < 2 or len(train.y.unique()) < 2:
        raise InputError(f"{train.name} are of one class: a classifier tells two or more apart.")
    where = torch.device(device)
    net = _fitted(train, count, steps, seed, where, progress)
    fitted = OwnClassifier(
        net, real.event, count, 0.0, len(test), real.fingerprint, seed, steps, where
    )
    accuracy = float((fitted.predict(test.x) == test.y).double().mean())
    object.__setattr__(fitted, "accuracy", accuracy)
    return fitted


def _fitted(
    train: Samples,
    classes: int,
    steps: int,
    seed: int,
    device: torch.device,
    progress: Callable[[int], None] | None,
) -> ClassifierNet:
    assert train.y is not None
    x, y = train.x, train.y
    with seeded(Stream(seed, "classifier/init")):
        net = ClassifierNet(train.event, classes)
    net.standardise(x)
    net.to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=RATE, total_steps=steps + 1, pct_start=0.1, cycle_momentum=False
    )
    size = min(BATCH, len(x))
    order, epochs = Stream(seed, "classifier/data"), -1
    rows = torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        while len(rows) < size:
            epochs += 1
            rows = torch.cat([rows, order.at(epochs).permutation(len(x))])
        batch, rows = rows[:size], rows[size:]
        loss = F.cross_entropy(net(x[batch].to(device)), y[batch].to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1)
    return net


def load_classifier(path: Path | str, *, device: torch.device | str = "cpu") -> OwnClassifier:
    """The classifier that was saved at `path`. Raises `InputError` where it is damaged."""
    path = Path(path).expanduser()
    if not (path / "config.json").is_file():
        raise InputError(
            f"{path} is no classifier: make one with `gannets fit-classifier DATA --out {path}`."
        )
    config: dict[str, Any] = read_json(path / "config.json", schema=SCHEMA)
    if config.get("kind") != "classifier":
        raise InputError(f"{path} holds a {config.get('kind', 'model')!r:.40}, no classifier.")
    state = read_tensors(path / "model.safetensors", sha256=config["sha256"])
    event = tuple(config["event"])
    with torch.device("meta"):
        net: nn.Module = ClassifierNet(event, config["classes"])
    net.load_state_dict(state, assign=True)
    assert isinstance(net, ClassifierNet)
    return OwnClassifier(
        net,
        event,
        config["classes"],
        config["accuracy"],
        config["held_out"],
        config["data"],
        config["seed"],
        config["steps"],
        torch.device(device),
    )
