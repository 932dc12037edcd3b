"""Weight clipping: every weight of the critic is kept in a box.

Arjovsky et al. (2017), Algorithm 1, line 7: w <- clip(w, -c, c). A compact set of weights makes
the critics K-Lipschitz for some K. It is no term of a loss but a constraint on a player's
parameters, imposed after each of its steps. (The authors' code clips before each step of the
critic: the same, but that G's step sees a critic not clipped since its last step.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gannets.errors import InputError

__all__ = ["Clip"]


@dataclass(frozen=True)
class Clip:
    """w <- min(max(w, -bound), bound), each weight by itself; WGAN's bound is .01."""

    bound: float = 0.01

    def __post_init__(self) -> None:
        """Refuse an empty box."""
        if not self.bound > 0:
            raise InputError(f"Clip takes bound > 0 (0.01 in WGAN), not {self.bound}.")

    def __call__(self, parameters: Sequence[Tensor]) -> None:
        """Clip `parameters` in place, all in two kernels."""
        if not parameters:  # torch refuses to do nothing
            return
        with torch.no_grad():
            torch._foreach_clamp_max_(list(parameters), self.bound)
            torch._foreach_clamp_min_(list(parameters), -self.bound)
