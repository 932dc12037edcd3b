"""Max-norm: no unit's incoming weights are longer than a bound.

Srebro and Shraibman (2005), and with dropout Srivastava et al. (2014), section 5.1: after each
update every column of weights whose Euclidean norm exceeds the bound is scaled down to it. Biases
are free. Goodfellow et al. (2014) train both players on faces under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gannets.errors import InputError

__all__ = ["MaxNorm"]


@dataclass(frozen=True)
class MaxNorm:
    """w <- w min(1, bound / |w|), for the weights w that lead into each unit.

    A unit's weights are a row of a linear layer's matrix, (units, inputs), or the kernel of a
    convolution's channel, (channels, inputs, height, width); a maxout unit has as many as it has
    pieces. (The 2014 authors' library divides by |w| + 1e-7: their norms end as much below the
    bound, and below it shrink by that share at every update.)
    """

    bound: float = 1.9365

    def __post_init__(self) -> None:
        """Refuse an empty ball."""
        if not self.bound > 0:
            raise InputError(
                f"MaxNorm takes bound > 0 (1.9365 in the 2014 code), not {self.bound}."
            )

    def __call__(self, parameters: Sequence[Tensor]) -> None:
        """Scale the long ones among `parameters` down, in place; biases are left alone."""
        with torch.no_grad():
            for weight in parameters:
                if weight.ndim < 2:
                    continue
                norms = torch.linalg.vector_norm(weight.flatten(1), dim=1)
                # Exactly 1 within the ball, where nothing is to move by a rounding error.
                scale = torch.where(norms > self.bound, self.bound / norms, 1.0)
                weight.mul_(scale.view(-1, *[1] * (weight.ndim - 1)))
