"""A referee that is not the run's D: two-sample tests of fakes against held-out reals.

A D that is blind to what G does wrong sits at log 4 and calls it even. So does one that has
collapsed G's modes. Whether p_g is p_data is asked of samples alone: all statistics here come from
one matrix of distances, so that a probe costs milliseconds.

Energy distance: Székely and Rizzo (2013), the unbiased estimate; its p by permutation. kNN test:
Lopez-Paz and Oquab (2017), by leave-one-out. Coverage: Naeem et al. (2020). 1-NN accuracies of both
sides: Xu et al. (2018). Coverage asks for a fake within the 5 nearest reals, which modes that are
too narrow fail as well as modes that are not there; what is missing is asked of √n neighbours.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.diagnosis.probe import Referee
from gannets.errors import InputError
from gannets.game import Stream
from gannets.metrics.distances import squared_distances
from gannets.metrics.neighbours import coverage_floor

__all__ = ["FEWEST", "compare"]

FEWEST = 20
"""Samples a side."""
K = 5
PERMUTATIONS = 199
SERVED = 0.2
"""Of the √n fakes that belong near a real, the share below which it is missing. A perfect
generator leaves out one real in 1,000 so, with 256 a side: the law is negative hypergeometric."""


def compare(
    *,
    real: Float[Tensor, "n d"],
    fake: Float[Tensor, "m d"],
    beyond: tuple[Float[Tensor, " n"], Float[Tensor, " m"]] | None = None,
    seed: int = 0,
) -> Referee:
    """What the referee says of `fake`, as many of both sides as the smaller one has.

    `beyond`: how much of each real and each fake the features leave out, where they do: the
    principal axes of data do not see what data never do. Raises `InputError` for fewer than 20 a
    side.
    """
    n = min(len(real), len(fake))
    if n < FEWEST:
        raise InputError(f"{n} samples a side are too few for a referee: give at least {FEWEST}.")
    real, fake = real[:n].double(), fake[:n].double()
    centre = real.mean(0)
    both = torch.cat([real - centre, fake - centre])
    squared = squared_distances(both, both)
    squared.fill_diagonal_(torch.inf)
    told, nearest = _told(squared, n)
    is_real = torch.arange(2 * n) < n
    alone = is_real[nearest] == is_real
    left_out = math.nan
    if beyond is not None:
        lengths = torch.cat([beyond[0][:n], beyond[1][:n]]).double()
        left_out, _ = _told((lengths[:, None] - lengths).square().fill_diagonal_(torch.inf), n)
    wide = _odd(n)
    radii = squared[:n, :n].topk(max(K, wide), dim=1, largest=False).values
    across = squared[:n, n:]
    inside = across <= radii[:, K - 1 : K]
    about = (across <= radii[:, wide - 1 : wide]).sum(1)
    distance, p = _energy(squared, n, seed)
    return Referee(
        distance=distance,
        distance_p=p,
        c2st=told,
        beyond=left_out,
        coverage=float(inside.any(1).double().mean()),
        coverage_floor=coverage_floor(n, n, k=K),
        precision=float(inside.any(0).double().mean()),
        missing=float((about < SERVED * wide).double().mean()),
        nearest_real=float(alone[:n].double().mean()),
        nearest_fake=float(alone[n:].double().mean()),
        spread=math.sqrt(float(_variance(fake)) / max(float(_variance(real)), 1e-300)),
    )


def _told(squared: Tensor, n: int) -> tuple[float, Tensor]:
    """Balanced leave-one-out accuracy of kNN, k = √(2n), of distances whose diagonal is infinite;
    and the nearest neighbour of each.
    """
    neighbours = squared.topk(_odd(2 * n), dim=1, largest=False).indices
    is_real = torch.arange(2 * n) < n
    votes = is_real[neighbours].double().mean(1)
    right = torch.where(is_real, votes > 0.5, votes < 0.5).double()
    return float(right[:n].mean() + right[n:].mean()) / 2, neighbours[:, 0]


def _odd(n: int) -> int:
    return math.isqrt(n) | 1


def _variance(x: Tensor) -> Tensor:
    return x.var(0).sum()


def _energy(squared: Tensor, n: int, seed: int) -> tuple[float, float]:
    """The unbiased energy distance over the mean distance of two reals, and its permutation p.

    With s the indicator of one side and D the distances, s'Ds sums the pairs within it: all
    permutations are one matrix product.
    """
    size = len(squared)
    d = squared.sqrt().fill_diagonal_(0.0)
    stream = Stream(seed, "diagnosis/referee")
    sides = [torch.arange(size)] + [stream.at(i).permutation(size) for i in range(PERMUTATIONS)]
    s = torch.zeros(size, len(sides), dtype=d.dtype)
    for column, order in enumerate(sides):
        s[order[:n], column] = 1.0
    ds = d @ s
    first = (s * ds).sum(0)
    every = d.sum()
    cross = ds.sum(0) - first
    second = every - first - 2 * cross
    pairs, rest = n * (n - 1), (size - n) * (size - n - 1)
    energy = 2 * cross / (n * (size - n)) - first / pairs - second / rest
    p = (1 + int((energy[1:] >= energy[0]).sum())) / len(sides)
    scale = float(first[0]) / pairs
    return (float(energy[0]) / scale if scale > 0 else 0.0), p
