"""How far a game is from p_data: a number that no rule of the diagnosis looks at.

The energy distance (Székely and Rizzo 2013)

    E = 2 E|a - b| - E|a - a'| - E|b - b'|,  a fake, b of the test set,

over E|b - b'|, of samples as they are and not of principal axes. Where the game is conditional it
is the mean over the classes of that between p_g(x | y) and p_data(x | y).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gannets.game import Stream
from gannets.training import Recipe
from gannets.training.observed import evaluating
from gannets.training.standing import held_out
from gannets.training.state import State

__all__ = ["Yardstick"]

SAMPLES = 1_000
"""Of each side, or as many as the test set has: the error at 0 is .001 then, or less."""
UNSEEN = ("test", "validation")


class Yardstick:
    """Test samples of a recipe's data, and latents, the same for all that is measured by it."""

    def __init__(self, recipe: Recipe) -> None:
        found = held_out(recipe, UNSEEN)
        assert found is not None, "every family has data that it is not trained on"
        source = found[1]
        x, y = (
            source.batch(0, SAMPLES)
            if source.endless
            else source.rows(torch.arange(min(SAMPLES, len(source))))
        )
        self._seed = recipe.seed
        self._y = y if recipe.joint.conditional else None
        self._real = x.flatten(1).double()
        self._scale = _mean(self._real)

    def __call__(self, state: State) -> float:
        """The distance of what is sampled from now; infinity where it is no number."""
        count = len(self._real)
        stream = Stream(self._seed, "benchmarks/yardstick")
        z: Any = state.recipe.prior(count, stream).to(state.dtype)
        net = state.generator
        with evaluating(state.players, net):
            x = net(z) if self._y is None else net(z, self._y)
        if not bool(torch.isfinite(x).all()):
            return math.inf
        fake = x.flatten(1).double()
        if self._y is None:
            return _energy(fake, self._real) / self._scale
        parts = [self._y == label for label in self._y.unique()]
        weights = [int(part.sum()) / count for part in parts]
        found = [_energy(fake[part], self._real[part]) for part in parts]
        return sum(w * e for w, e in zip(weights, found, strict=True)) / self._scale


def _energy(a: Tensor, b: Tensor) -> float:
    """Without bias."""
    return 2 * float(torch.cdist(a, b).mean()) - _mean(a) - _mean(b)


def _mean(a: Tensor) -> float:
    """The mean distance of two of a sample."""
    return float(torch.cdist(a, a).sum()) / (len(a) * (len(a) - 1))
