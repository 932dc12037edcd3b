"""MMD², the maximum mean discrepancy of Gaussian kernels (Gretton et al. 2012).

MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y), k the mean of exp(-|x - y|² / 2w²) over some widths w.
It is 0 for equal distributions only, whatever the widths; the widths say at which scale it looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import squared_distances
from gannets.metrics.energy import differs, negative, shuffled
from gannets.metrics.estimate import Estimate
from gannets.metrics.pairs import Kernel, pairs

__all__ = ["MMD", "gaussian_kernel", "median_distance", "mmd2"]

ENOUGH = 1000
"""Points whose pairs determine a median well."""


def gaussian_kernel(*widths: float) -> Kernel:
    """k(x, y) = the mean over `widths` w of exp(-|x - y|² / 2w²), between 0 and 1."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = squared_distances(a, b)
        return sum(
            ((squared / (-2 * w * w)).exp_() for w in widths[1:]),
            start=(squared / (-2 * widths[0] ** 2)).exp_(),
        ).div_(len(widths))

    return kernel


def mmd2(
    *, real: Float[Tensor, "m d"], fake: Float[Tensor, "n d"], widths: tuple[float, ...]
) -> float:
    """MMD² over all pairs, unbiased: it may be below 0. Needs 2 rows a side, and widths > 0."""
    if not widths or min(widths) <= 0:
        raise InputError(f"MMD takes at least one width, all of them > 0, not {widths}.")
    centre = real.double().mean(0)
    return pairs(real.double() - centre, fake.double() - centre, gaussian_kernel(*widths)).value


def median_distance(x: Float[Tensor, "n d"]) -> float:
    """The median distance of two different rows, of the first 1,000; 0 where most are equal."""
    x = x[:ENOUGH].double()
    x = x - x.mean(0)
    upper = torch.triu_indices(len(x), len(x), 1)
    distance: Tensor = squared_distances(x, x)[upper[0], upper[1]].sqrt()
    # Rows that are equal are at a distance of rounding errors here.
    median = float(distance.median())
    return median if median > 1e-7 * float(x.abs().max()) else 0.0


@dataclass(frozen=True)
class MMD:
    """MMD² with widths that are multiples of the real samples' median distance, and a test.

    The yardstick is of the real samples alone, so that it is one for all generators.
    """

    factors: tuple[float, ...] = (0.5, 1.0, 2.0)
    largest: int = 2000
    """Samples a side at most: the time grows with their square."""
    permutations: int = 999

    def __post_init__(self) -> None:
        """Refuse kernels without a width, a number of samples without pairs, an empty test."""
        if not self.factors or min(self.factors) <= 0:
            raise InputError(f"MMD takes at least one factor, all of them > 0: not {self.factors}.")
        if self.largest < 2 or self.permutations < 1:
            raise InputError(
                f"MMD takes largest >= 2 and permutations >= 1, not {self.largest} and "
                f"{self.permutations}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        real, fake, notes = shuffled(comparison, "mmd", self.largest)
        unit, note = scale(real, fake)
        widths = tuple(unit * factor for factor in self.factors)
        centre = real.mean(0)
        sums = pairs(real - centre, fake - centre, gaussian_kernel(*widths))
        p = sums.p(comparison.stream("mmd/null"), permutations=self.permutations)
        estimate = comparison.estimate(
            self,
            "mmd",
            "MMD2",
            sums.value,
            n=(len(real), len(fake)),
            interval=sums.interval,
            floor=0.0,
            p=p,
            meaning=differs(sums, p, "at the scale of the data"),
            notes=(*notes, *note, *negative(sums.value)),
            details={"widths": list(widths)},
        )
        return (estimate,)


def scale(real: Float[Tensor, "m d"], fake: Float[Tensor, "n d"]) -> tuple[float, tuple[str, ...]]:
    """A length that is typical of the real samples, above 0, and a note where it is not theirs."""
    if unit := median_distance(real):
        return unit, ()
    both = torch.cat([real, fake])
    unit = float((both - both.mean(0)).square().sum(1).mean().sqrt())
    return unit or 1.0, ("Most real samples are equal: the unit of length is both sides' spread.",)
