"""Probes that were begun: where the players were ten updates before they are looked at.

A run may be stopped between the two. What was noted goes into its checkpoint, so that a run that is
taken up again makes the probes of one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gannets.game import PLAYERS, Players
from gannets.training.observed import LATENTS, weights_of
from gannets.training.state import State

__all__ = ["APART", "Begun"]

APART = 10
"""Updates over which movement is seen."""
Noted = tuple[Tensor, Players[list[Tensor]]]
"""What G makes of the fixed latents, and the weights of both players."""


class Begun:
    """What was noted of a game, by the update after which it was."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._noted: dict[int, Noted] = {}

    def note(self, outputs: Tensor) -> None:
        """Note how it is now. What is not finite could not be saved, and says nothing."""
        if bool(torch.isfinite(outputs).all()):
            self._noted[self._state.step] = outputs, weights_of(self._state)

    def before(self) -> Noted | None:
        """What was noted ten updates ago, which is not needed again."""
        return self._noted.pop(self._state.step - APART, None)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of it."""
        kept: dict[str, Tensor] = {}
        for step, (outputs, weights) in self._noted.items():
            kept[f"probe.{step}.outputs"] = outputs
            for player in PLAYERS:
                kept |= {f"probe.{step}.{player}.{i}": w for i, w in enumerate(weights[player])}
        return kept

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what a checkpoint holds; what does not fit this game is left out."""
        step = self._state.step
        found = {s: self._read(tensors, s) for s in range(max(1, step - APART + 1), step + 1)}
        self._noted = {s: noted for s, noted in found.items() if noted is not None}

    def _read(self, tensors: Mapping[str, Tensor], step: int) -> Noted | None:
        state, sides = self._state, []
        outputs = tensors.get(f"probe.{step}.outputs")
        if outputs is None or outputs.shape != (LATENTS, *state.space.event):
            return None
        for player in PLAYERS:
            own = state.parameters[player]
            found = [tensors.get(f"probe.{step}.{player}.{i}") for i in range(len(own))]
            weights = [
                w.to(state.device)
                for w, like in zip(found, own, strict=True)
                if w is not None and w.shape == like.shape
            ]
            if len(weights) != len(own):
                return None
            sides.append(weights)
        return outputs.to(state.device), Players(*sides)
