"""Descend, besides one's own loss, the size of the vector field itself.

w <- w - lr (v(w) + gamma grad 1/2 |v(w)|^2) = w - lr (v + gamma J^T v).  Mescheder et al. (2017),
eq. 9 and 10. The field's rotation costs both players, so both steer against it; at an equilibrium
the eigenvalues of J + gamma J^T J have a real part that J alone may lack. (The gamma of that
paper's analysis of Dirac-GAN is this one.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gannets.errors import InputError
from gannets.game import PLAYERS, Losses, Players
from gannets.updates.position import Position

__all__ = ["Consensus"]


@dataclass(frozen=True)
class Consensus:
    """Simultaneous descent on one's own loss plus gamma/2 |v|^2, v both players' gradients."""

    gamma: float = 10.0

    def __post_init__(self) -> None:
        if self.gamma < 0:
            raise InputError(f"Consensus takes gamma >= 0, not {self.gamma}.")

    def __call__(self, position: Position) -> Players[Losses]:
        """One update of both players; differentiates their gradients."""
        field = position.gradients(differentiable=True)
        parts = [g for player in PLAYERS for g in field[player].gradient]
        weights = [w for player in PLAYERS for w in position.parameters[player]]
        v = position.total([g.detach() for g in parts])
        pull = position.total(  # J^T v, of which each process has a part of J
            torch.autograd.grad(parts, weights, v, allow_unused=True, materialize_grads=True)
        )
        moves = torch._foreach_add(list(v), list(pull), alpha=self.gamma)
        n = len(field.generator.gradient)
        position.move("generator", moves[:n])
        position.move("discriminator", moves[n:])
        size = self.gamma / 2 * torch.stack([g.square().sum() for g in v]).sum()
        losses = field.map(lambda gradient: gradient.losses)
        return losses.map(lambda items: {**items, "consensus": size})
