"""KD, the kernel distance: MMD² of the cubic kernel (x·y/d + 1)³, KID's (Bińkowski et al. 2018).

It is 0 where the moments up to the third are equal. What is known as KID's ± is the spread of the
values of subsets, no error of what is reported; KD has the standard error of the full statistic,
and `KernelSubsets` keeps the protocol of 100 subsets of 1000, for comparison with published values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.energy import differs, negative, shuffled
from gannets.metrics.estimate import Estimate
from gannets.metrics.pairs import pairs

__all__ = ["KernelDistance", "KernelSubsets", "cubic_kernel", "kernel_distance"]


def cubic_kernel(a: Float[Tensor, "m d"], b: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """k(x, y) = (x·y/d + 1)³."""
    return torch.addmm(a.new_ones(1, 1), a, b.T, alpha=1 / a.shape[1]).pow_(3)


def kernel_distance(*, real: Float[Tensor, "m d"], fake: Float[Tensor, "n d"]) -> float:
    """MMD² of the cubic kernel over all pairs, unbiased: it may be below 0. Needs 2 rows a side."""
    return pairs(real, fake, cubic_kernel).value


@dataclass(frozen=True)
class KernelDistance:
    """KD over all pairs, with the standard error that it has at this n (Sutherland et al. 2017)."""

    largest: int = 20_000
    """Samples a side at most: the time grows with their square."""
    permutations: int = 999

    def __post_init__(self) -> None:
        """Refuse a number of samples without pairs, and a test without permutations."""
        if self.largest < 2 or self.permutations < 1:
            raise InputError(
                "KernelDistance takes largest >= 2 and permutations >= 1, not "
                f"{self.largest} and {self.permutations}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        real, fake, notes = shuffled(comparison, "kd", self.largest)
        sums = pairs(real, fake, cubic_kernel)
        p = sums.p(comparison.stream("kd/null"), permutations=self.permutations)
        estimate = comparison.estimate(
            self,
            "kd",
            "KD",
            sums.value,
            n=(len(real), len(fake)),
            interval=sums.interval,
            floor=0.0,
            p=p,
            meaning=differs(sums, p, "in mean, covariance or skewness"),
            notes=(*notes, *negative(sums.value)),
        )
        return (estimate,)


@dataclass(frozen=True)
class KernelSubsets:
    """KID's protocol: the mean over `subsets` pairs of random subsets of `size` samples.

    Drawn without replacement, so of half of a side at most: larger ones are nearly the same set.
    The deviation among subsets is reported as what it is, the subset spread. It says nothing of
    the error of the mean: for that, and for a test, see `KernelDistance`.
    """

    subsets: int = 100
    size: int = 1000

    def __post_init__(self) -> None:
        """Refuse subsets without pairs."""
        if self.subsets < 1 or self.size < 2:
            raise InputError(
                "KernelSubsets takes subsets >= 1 and size >= 2, not "
                f"{self.subsets} and {self.size}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        real, fake = comparison.real_features, comparison.fake_features
        # Subsets of all there is are one subset: their spread is 0, and says nothing.
        size = min(self.size, len(real) // 2, len(fake) // 2)
        if size < 2:
            raise InputError(
                f"{len(real)} real and {len(fake)} fake samples are too few to draw subsets of: "
                "give at least 4 of each."
            )
        stream = comparison.stream("kid_subset")
        values = torch.empty(self.subsets, dtype=torch.float64)
        for i in range(self.subsets):
            x = real[stream.permutation(len(real))[:size]]
            y = fake[stream.permutation(len(fake))[:size]]
            values[i] = kernel_distance(real=x, fake=y)
        value, spread = float(values.mean()), float(values.std(correction=0))
        capped = f"Subsets of {size:,}, not {self.size:,}: half of the smaller side at most."
        estimate = comparison.estimate(
            self,
            "kid_subset",
            "KD-subsets",
            value,
            floor=0.0,
            meaning=f"The mean of {self.subsets} subsets of {size:,} samples a side.",
            notes=(
                *((capped,) if size < self.size else ()),
                f"The subset spread, {spread:.3g}, is no error of this mean. No interval: see KD.",
                *negative(value),
            ),
            details={"subset_spread": spread, "subsets": self.subsets, "size": size},
        )
        return (estimate,)
