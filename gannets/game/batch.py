"""What one update sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gannets.game.group import ALONE, Group
from gannets.game.stream import Stream

__all__ = ["Batch"]


@dataclass(frozen=True)
class Batch:
    """A batch of m real and m generated samples, as they are shown to D.

    `real` and `fake` are the arguments of one call of D: `(x,)` for p(x), `(x, y)` for p(x, y).
    """

    real: tuple[Tensor, ...]
    fake: tuple[Tensor, ...]
    latent: Tensor
    """The noise z behind `fake`, (m, latent)."""
    labels: Tensor | None
    """Class indices of both sides, (m,), or None."""
    step: int
    """How many updates the player whose turn it is has made before this one."""
    random: Stream
    """Random numbers for terms that need them (interpolation coefficients, perturbations)."""
    group: Group = ALONE
    """The processes that share the batch; the tensors here are this one's rows."""
