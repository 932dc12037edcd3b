"""What D says at a probe, and of what: its logits, their slopes, and whether labels change them.

D is asked of training samples, of held-out ones and of fakes, seen through the views that it is
trained through. The numbers are those of `gannets.diagnosis.Verdicts`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gannets.diagnosis import Verdicts
from gannets.game import Stream
from gannets.metrics.clones import balanced_accuracy, threshold
from gannets.metrics.overfitting import FEWEST, mann_whitney
from gannets.metrics.two_sample import auc
from gannets.training.observed import Rows, Scene, evaluating
from gannets.training.state import State

__all__ = ["verdicts_of"]

ASKED = 16
"""Samples of each side, times those of a pack, at which D's slopes are asked for."""
TRAIN, HELD, FAKES = range(3)
"""Whose views, of those of one probe."""


def verdicts_of(state: State, scene: Scene) -> Verdicts | None:
    """What D says of training samples, held-out ones and fakes; None for too few samples."""
    pack = int(getattr(state.recipe.joint, "samples", 1))
    n = min(len(scene.held[0]), len(scene.train[0]), len(scene.z)) // pack * pack
    if n // pack < 2 * FEWEST:
        return None
    with evaluating(state.players):
        train, held = (
            _of_data(state, scene, rows, n, i)
            for i, rows in ((TRAIN, scene.train), (HELD, scene.held))
        )
        fake = _of_fakes(state, scene, n)
    half = len(fake) // 2
    line = threshold(real=train[:half], fake=fake[:half])
    auc_train, p = mann_whitney(above=train, below=held)
    objective = state.recipe.game.objective
    undecided = torch.zeros_like(held)
    with torch.enable_grad():
        logits = fake.clone().requires_grad_()
        real = held if objective.generator_sees_real else None
        (slope,) = torch.autograd.grad(objective.generator(real, logits), logits)
    is_real = torch.arange(len(held) + len(fake)) < len(held)
    return Verdicts(
        accuracy=balanced_accuracy(real=held[half:], fake=fake[half:], above=line),
        auc=auc(torch.cat([held, fake]), is_real),
        auc_train=auc_train,
        auc_train_p=p,
        train=float(train.mean()),
        held=float(held.mean()),
        fake=float(fake.mean()),
        factor=float(slope.abs().sum()),
        loss=float(objective.discriminator(held, fake)),
        loss_undecided=float(objective.discriminator(undecided, undecided)),
        hidden=_hidden(state, scene, pack),
        label_effect=_renamed(state, scene, n, held),
    )


def _renamed(state: State, scene: Scene, n: int, held: Tensor) -> float | None:
    """How much D's logits at data, seen as before, change with the class that they are said to be
    of; None where there are none, or all logits are alike.
    """
    (x, y), classes = scene.held, state.space.classes
    if not state.recipe.joint.conditional or y is None or classes is None or classes < 2:
        return None
    with evaluating(state.players):
        other = _of_data(state, scene, (x, (y + 1) % classes), n, HELD)
    spread = float(held.std())
    return math.sqrt(float((other - held).square().mean())) / spread if spread > 0 else None


def _hidden(state: State, scene: Scene, pack: int) -> float:
    """Share of the data's variance in values that D does not look at: its logits have no slope
    there, neither at data nor at fakes, and stay as they are, bit for bit, where samples exchange
    these values. NaN where the logits have no slope anywhere, or it cannot be asked.
    """
    x, n, joint = scene.held[0], ASKED * pack, state.recipe.joint
    step = state.movers.generator.updates
    labels = scene.y[:n] if joint.conditional and scene.y is not None else None
    views = Stream(scene.seed, "probe/slopes", state.device).at(state.step)
    asked = (scene.z[:n],) if scene.y is None else (scene.z[:n], scene.y[:n])
    with evaluating(state.players, state.generator), torch.enable_grad():
        with torch.no_grad():
            made = state.generator(*asked)
        points = [each[:n].to(state.dtype).clone().requires_grad_() for each in (x, made)]
        real, fake = (point.clone() for point in points)  # a net may work in place
        shown = (
            joint.real(real, labels, views, step),
            joint.fake(lambda *_: fake, scene.z[:n], labels, views, step),
        )
        try:
            logits = torch.stack([state.players.discriminator(*each).sum() for each in shown])
            slopes = torch.autograd.grad(logits.sum(), points, materialize_grads=True)
        except RuntimeError:  # cuDNN's recurrent nets have no slope in evaluation
            return math.nan
    seen = torch.cat(slopes).ne(0).any(0)
    variance = x.double().var(0)
    if not seen.any() or not variance.sum() > 0:
        return math.nan
    share = float(variance[~seen].sum() / variance.sum())
    return share if share > 0 and _is_alike(state, scene, n, ~seen) else 0.0


def _is_alike(state: State, scene: Scene, n: int, there: Tensor) -> bool:
    """Whether D says the same of data that have each other's values `there`. (Of a net that takes
    the largest of several values, most have no slope and are looked at.)
    """
    x, y = scene.held
    other = x.clone()
    other[:, there] = x.roll(1, 0)[:, there]
    with evaluating(state.players):
        once, again = (_of_data(state, scene, (each, y), n, HELD) for each in (x, other))
    return bool(torch.equal(once, again))


def _of_data(state: State, scene: Scene, rows: Rows, n: int, index: int) -> Tensor:
    joint, (x, y) = state.recipe.joint, rows
    labels = y[:n] if joint.conditional and y is not None else None
    views = Stream(scene.seed, "probe/views", state.device).at(3 * state.step + index)
    shown = joint.real(x[:n].to(state.dtype), labels, views, state.movers.generator.updates)
    return state.players.discriminator(*shown).double().cpu()


def _of_fakes(state: State, scene: Scene, n: int) -> Tensor:
    joint = state.recipe.joint
    labels = scene.y[:n] if joint.conditional and scene.y is not None else None
    views = Stream(scene.seed, "probe/views", state.device).at(3 * state.step + FAKES)
    step = state.movers.generator.updates
    shown = joint.fake(state.players.generator, scene.z[:n], labels, views, step)
    return state.players.discriminator(*shown).double().cpu()
