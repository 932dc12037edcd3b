"""Whether fakes look as the data do when D sees them through its augmentations.

Among the nearest neighbours of a sample, data and augmented data together, let s be the share of
augmented ones: s_g on average over fakes, s_p over data. Then

    leak = (s_g - s_p) / (1 - s_p):

0 where fakes are data, whatever the augmentations leave as it is, and 1 where all of them are at
home among augmented ones only. By neighbours, since a G that has learnt one of many turns, or half
of its samples turned, is nowhere near the mean of all of them. Schilling (1986), section 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.metrics.distances import squared_distances

__all__ = ["leaked"]

K = 5
"""Neighbours: one alone is a hub's too often, 16 are more than 256 samples have of a turned kind.
"""


def leaked(
    *, real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], seen: Float[Tensor, "k d"]
) -> float:
    """The leak; below 0 where fakes look less augmented than the data do.

    `seen` are augmented samples of the data, others than `real`; as many of both are taken as
    there are of the fewer. A sample is not its own neighbour.
    """
    n = min(len(real), len(seen))
    real, fake, seen = real[:n].double(), fake.double(), seen[:n].double()
    every = torch.cat([real, seen])
    own = squared_distances(real, every)
    own[:, :n].fill_diagonal_(torch.inf)
    of_data, of_fakes = _share(own, n), _share(squared_distances(fake, every), n)
    return (of_fakes - of_data) / max(1 - of_data, 1e-6)


def _share(squared: Tensor, n: int) -> float:
    """Of the K nearest columns of each row, those from the n-th on."""
    nearest = squared.topk(min(K, squared.shape[1] - 1), dim=1, largest=False).indices
    return float((nearest >= n).double().mean())
