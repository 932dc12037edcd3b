"""How many different samples a generator has: the birthday paradox.

Of n draws from N equally likely things, n (n-1) / 2N pairs are alike on average, so that N is about
n (n-1) / (2 pairs alike): Arora and Zhang (2018), counted instead of judged by eye. Where things
are not equally likely it is the number of equally likely things with as many collisions, 1 / Σ p².
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import nearest, within
from gannets.metrics.estimate import Estimate

__all__ = ["SupportSize", "collisions", "near_duplicate", "poisson_interval"]


def near_duplicate(x: Float[Tensor, "n d"], *, quantile: float = 0.02) -> float:
    """The distance below which a share `quantile` of points has its nearest other point.

    0 where that many points occur twice: then duplicates are exact.
    """
    distances = nearest(x, x, k=1, skip_self=True)[0][:, 0]
    return float(distances.quantile(quantile, interpolation="lower"))


def collisions(x: Float[Tensor, "n d"], *, tau: float) -> Int64[Tensor, " n"]:
    """With how many other points each is within `tau`; half their sum is the number of pairs."""
    partners = torch.zeros(len(x), dtype=torch.int64)
    radii = torch.full((len(x),), tau, dtype=torch.float64)
    for pairs, _ in within(x, x, a_radii=radii):
        assert pairs is not None
        partners += torch.bincount(pairs[0], minlength=len(x))
    return partners - 1


def poisson_interval(count: float, *, error: float = 0.05) -> tuple[float, float]:
    """The means of Poisson variables that a count does not contradict: Garwood (1936), exact."""
    lower = _solve(count, error / 2) if count > 0 else 0.0
    return lower, _solve(count + 1, 1 - error / 2)


@dataclass(frozen=True)
class SupportSize:
    """The support of the fakes, estimated from near-duplicates among them.

    Two samples are alike within `tau`; unless given, it is the distance within which a share
    `quantile` of the reals has its nearest other real, so that for continuous data the estimate
    says how the fakes repeat themselves by the measure of the reals. The floor is the reals' own
    estimate. Equally many of each side are used, at most `most`.
    """

    quantile: float = 0.02
    tau: float | None = None
    most: int = 5000

    def __post_init__(self) -> None:
        """Refuse what is no share and no distance."""
        if not 0 <= self.quantile <= 1:
            raise InputError(f"SupportSize takes a quantile from 0 to 1, not {self.quantile}.")
        if self.tau is not None and not self.tau >= 0:
            raise InputError(f"SupportSize takes a distance tau >= 0, not {self.tau}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "support"."""
        stream = comparison.stream("support")
        real, fake = comparison.equally_many(stream, self.most)
        n = len(real)
        notes = [*comparison.note_of(n)]
        tau = near_duplicate(real, quantile=self.quantile) if self.tau is None else self.tau
        ours, theirs = _size(fake, tau), _size(real, tau)
        if ours["collisions"] == 0:
            notes.append("No two fakes collide: the value is a lower bound (97.5 %).")
        if tau > 0:
            notes.append("Samples nearly alike are counted as one: the value depends on n and tau.")
        return (
            comparison.estimate(
                self,
                "support",
                "support",
                ours["size"],
                n=(n, n),
                interval=(ours["lower"], ours["upper"]),
                floor=theirs["size"],
                better="higher",
                meaning=_meaning(ours, theirs),
                notes=tuple(notes),
                details={
                    "tau": tau,
                    "collisions": ours["collisions"],
                    "real_collisions": theirs["collisions"],
                    "real_interval": [theirs["lower"], theirs["upper"]],
                },
            ),
        )


def _size(x: Tensor, tau: float) -> dict[str, Any]:
    """The estimate, its interval and the number of colliding pairs.

    Pairs share points, so where things are not equally likely the count of pairs varies more than
    Poisson's: the count is then taken as that of fewer, independent pairs. Its variance is
    that of independent pairs and n (n-1)² Var(h), h the chance that a point collides with another:
    the points' own numbers of collisions vary by (n-1)² Var(h), and by their noise.
    """
    n = len(x)
    partners = collisions(x, tau=tau).double()
    pairs = n * (n - 1) / 2
    count = float(partners.sum()) / 2
    share = count / pairs
    of_points = float(partners.var()) - (n - 1) * share * (1 - share)
    variance = count * (1 - share) + n * max(0.0, of_points)
    excess = max(1.0, variance / count) if count else 1.0
    lower, upper = (excess * each for each in poisson_interval(count / excess))
    # A pair is alike with a chance of at most 1.
    bounds = max(1.0, pairs / upper), max(1.0, pairs / lower) if lower > 0 else math.inf
    size = pairs / count if count else bounds[0]
    return {"size": size, "lower": bounds[0], "upper": bounds[1], "collisions": int(count)}


def _solve(shape: float, probability: float) -> float:
    """The quantile of a Gamma(shape, 1) variable, by bisection."""
    a = torch.tensor(shape, dtype=torch.float64)
    low, high = 0.0, shape + 20 * math.sqrt(shape) + 20
    for _ in range(200):
        middle = (low + high) / 2
        at = float(torch.special.gammainc(a, torch.tensor(middle, dtype=torch.float64)))
        low, high = (middle, high) if at < probability else (low, middle)
    return (low + high) / 2


def _meaning(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    if ours["collisions"] == 0:
        return f"No two fakes are alike: there are at least about {ours['size']:,.0f} of them."
    text = f"The fakes repeat themselves as about {ours['size']:,.0f} different ones would"
    if ours["upper"] < theirs["lower"]:
        return f"{text}; the reals are {theirs['size'] / ours['size']:,.1f} times as many."
    return f"{text}; the reals, as {theirs['size']:,.0f}."
