"""Where numbers cease to be finite: back to the last state saved, at half the learning rates.

The updates from there on are made again, on the same draws. What is gone back to is what a run that
is killed would be resumed from, so that such a run comes to the same end.
"""

from __future__ import annotations

import math

from torch import Tensor

from gannets.game import PLAYERS
from gannets.training.finite import NonFiniteError
from gannets.training.prober import Prober
from gannets.training.state import State
from gannets.training.window import Window

__all__ = ["Rollback"]

FACTOR = 0.5


class Rollback:
    """A copy, in the memory of the CPU, of what was last saved."""

    def __init__(self, state: State, window: Window, prober: Prober | None = None) -> None:
        self._state, self._window, self._prober = state, window, prober
        self._most = state.recipe.rollbacks
        self._tensors: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._begun: dict[str, Tensor] = {}
        self.remember()

    def remember(self) -> None:
        """Let this be the state to go back to."""
        if not self._most:
            return
        self._tensors = {k: _copy(v) for k, v in self._state.tensors().items()}
        self._sums = {k: _copy(v) for k, v in self._window.tensors().items()}
        if self._prober is not None:
            self._begun = {k: _copy(v) for k, v in self._prober.begun.tensors().items()}
        self._counters = self._state.counters()
        self._open = self._window.counters()

    def go_back(self, error: NonFiniteError) -> str:
        """Go back, and return what was done in words; raise `error` where that was done enough."""
        state, scale = self._state, self._state.movers.generator.scale * FACTOR
        count = round(math.log(scale, FACTOR))
        if count > self._most:
            raise error
        state.load(self._tensors, self._counters)
        sums = self._sums.get("window")
        self._window.load(None if sums is None else sums.to(state.device), self._open)
        if self._prober is not None:
            self._prober.begun.load(self._begun)
        for player in PLAYERS:
            state.movers[player].scale = scale
        return (
            f"rolled back to step {state.step}, learning rates x {scale:g} "
            f"({count} of {self._most}): {error}"
        )


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
