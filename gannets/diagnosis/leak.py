"""Whether fakes differ from the data as the data do when D sees them through its augmentations.

In the Hilbert space of the energy distance d (Székely and Rizzo 2013), where d is a squared length,
let g, p and a be the fakes, the data and the augmented data. Then

    leak = cos(g - p, a - p) = (d(g, p) + d(a, p) - d(g, a)) / (2 sqrt(d(g, p) d(a, p))):

1 where all that is wrong with the fakes is that a share of them is augmented, whatever the share.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["leaked"]


def leaked(
    *, real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], seen: Float[Tensor, "k d"]
) -> float:
    """The leak; 0 where fakes, or augmented samples, show no distance from real ones.

    `seen` are augmented samples of the data, others than `real`.
    """
    wrong, changed = _energy(fake, real), _energy(seen, real)
    if min(wrong, changed) <= 0:
        return 0.0
    return (wrong + changed - _energy(fake, seen)) / (2 * math.sqrt(wrong * changed))


def _energy(a: Tensor, b: Tensor) -> float:
    """The unbiased energy distance."""
    a, b = a.double(), b.double()
    n, m = len(a), len(b)
    own = torch.cdist(a, a).sum() / (n * (n - 1)) + torch.cdist(b, b).sum() / (m * (m - 1))
    return float(2 * torch.cdist(a, b).mean() - own)
