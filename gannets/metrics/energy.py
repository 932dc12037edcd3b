"""The energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'|, with a permutation test.

It is 0 for equal distributions only, has no width to choose, and is in the units of the features
(Székely and Rizzo 2013). It is MMD² of the kernel k = -|x - y| (Sejdinovic et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import squared_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.pairs import Pairs, pairs
from gannets.metrics.wording import meaning, used

__all__ = ["Energy", "differs", "energy_distance", "negative", "shuffled"]

NEGATIVE = "Below 0 by chance: an unbiased estimate of a distance that is 0 or small."


def shuffled(
    comparison: Comparison, name: str, largest: int
) -> tuple[Float[Tensor, "m d"], Float[Tensor, "n d"], tuple[str, ...]]:
    """Both sides' features in random order, at most `largest` of each, and a note on that.

    A set of samples is kept by the order of hashes, in which duplicates stand together.
    """
    stream = comparison.stream(f"{name}/order")
    sides = comparison.real_features, comparison.fake_features
    real, fake = (side[stream.permutation(len(side))[:largest]] for side in sides)
    return (
        real,
        fake,
        used({"real": (len(real), len(sides[0])), "fake": (len(fake), len(sides[1]))}),
    )


def differs(sums: Pairs, p: float, where: str) -> str:
    """A sentence on a distance that is 0 for p_g = p_data, by its interval and its test."""
    return meaning(
        sums.value,
        floor=0.0,
        interval=sums.interval,
        p=p,
        level=f"No difference {where} that chance would not explain at this n.",
        worse=f"The two sides differ {where}, more than chance explains.",
    )


def negative(value: float) -> tuple[str, ...]:
    """The note on an unbiased estimate below 0."""
    return (NEGATIVE,) if value < 0 else ()


def energy_distance(*, real: Float[Tensor, "m d"], fake: Float[Tensor, "n d"]) -> float:
    """2 mean|x - y| - mean|x - x'| - mean|y - y'|, unbiased: it may be below 0."""
    return _pairs(real.double(), fake.double()).value


@dataclass(frozen=True)
class Energy:
    """The energy distance, with a permutation test."""

    largest: int = 2000
    """Samples a side at most: the time grows with their square."""
    permutations: int = 999

    def __post_init__(self) -> None:
        """Refuse a number of samples without pairs, and a test without permutations."""
        if self.largest < 2 or self.permutations < 1:
            raise InputError(
                f"Energy takes largest >= 2 and permutations >= 1, not {self.largest} and "
                f"{self.permutations}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        real, fake, notes = shuffled(comparison, "energy", self.largest)
        sums = _pairs(real, fake)
        p = sums.p(comparison.stream("energy/null"), permutations=self.permutations)
        across = -sums.xy.total / (len(real) * len(fake))
        estimate = comparison.estimate(
            self,
            "energy",
            "energy",
            sums.value,
            n=(len(real), len(fake)),
            interval=sums.interval,
            floor=0.0,
            p=p,
            meaning=differs(sums, p, "in where samples lie"),
            notes=(*notes, *negative(sums.value)),
            # Székely and Rizzo's coefficient: from 0 for equal to 1 for two different points.
            details={"share_of_distance": sums.value / (2 * across) if across > 0 else 0.0},
        )
        return (estimate,)


def _pairs(real: Tensor, fake: Tensor) -> Pairs:
    centre = real.mean(0)
    return pairs(real - centre, fake - centre, _minus_distance)


def _minus_distance(a: Tensor, b: Tensor) -> Tensor:
    return squared_distances(a, b).sqrt_().neg_()
