"""Whether fakes look like the data as D sees them, through augmentations, rather than as they are.

With d the energy distance (Székely and Rizzo 2013), p the data, a the augmented data and g the
fakes: leak = 1 - d(g, a) / d(g, p). It is at most 0 where g is no nearer to a than to p, and 1 for
g = a. A generator that is still far from both is about as far from one as from the other, so that
its leak is small, whichever is the nearer.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.game import Stream

__all__ = ["leaked"]

PERMUTATIONS = 199


def leaked(
    *,
    plain: Float[Tensor, "n d"],
    seen: Float[Tensor, "n d"],
    fake: Float[Tensor, "m d"],
    seed: int = 0,
) -> tuple[float, float]:
    """The leak, and the permutation p that `plain` and `seen` are equally far from `fake`.

    `plain` and `seen` are of different samples, and of as many.
    """
    n = len(plain)
    both = torch.cat([plain, seen]).double()
    across = torch.cdist(fake.double(), both).mean(0)
    within = torch.cdist(both, both)
    own = float(torch.cdist(fake.double(), fake.double()).sum()) / (len(fake) * (len(fake) - 1))
    stream = Stream(seed, "diagnosis/leak")
    orders = [torch.arange(2 * n)] + [stream.at(i).permutation(2 * n) for i in range(PERMUTATIONS)]
    s = torch.zeros(2 * n, len(orders), dtype=torch.float64)
    for column, order in enumerate(orders):
        s[order[:n], column] = 1.0

    def distances(s: Tensor) -> Tensor:
        """From the fakes to the half that s marks."""
        return 2 * across @ s / n - (s * (within @ s)).sum(0) / (n * (n - 1)) - own

    to_plain, to_seen = distances(s), distances(1 - s)
    gap = to_plain - to_seen
    p = (1 + int((gap[1:] >= gap[0]).sum())) / len(orders)
    first, second = float(to_plain[0]), float(to_seen[0])
    return (1 - max(second, 0.0) / first if first > 0 else 0.0), p
