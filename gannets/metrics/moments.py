"""Sets that are seen a batch at a time, on one process or several: moments, and features.

Means and covariances are merged about their own means (Chan, Golub and LeVeque 1979), in double
precision: Σ x xᵀ - n μ μᵀ would lose all digits of the covariance where |μ| is 1e7 times the
spread. What comes out is the same to rounding for any batches, order and shards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.samples import canonical_order

__all__ = ["FeatureAccumulator", "MomentsAccumulator", "SampleMoments"]


@dataclass(frozen=True, eq=False)
class SampleMoments:
    """How many rows there were, their mean, and how they scatter about it.

    Up to d rows the centred rows themselves are kept: fewer numbers than a covariance, and a factor
    of it without rounding. Beyond, their sum of squares `scatter` = Σ (x - μ)(x - μ)ᵀ.
    """

    n: int
    origin: Float[Tensor, " d"]
    """One of the rows;"""
    offset: Float[Tensor, " d"]
    """the mean less that row, which has the digits that the mean itself has no room for."""
    centred: Float[Tensor, "n d"] | None = None
    scatter: Float[Tensor, "d d"] | None = None

    @staticmethod
    def of(features: Float[Tensor, "n d"]) -> SampleMoments:
        """The moments of rows. Raises `InputError` for none, or for numbers that are not finite."""
        if len(features) == 0:
            raise InputError("There are no features to take moments of: give at least one row.")
        if not bool(torch.isfinite(features).all()):
            raise InputError("The features hold NaN or infinity: leave these rows out.")
        x = features.detach().double().cpu()
        origin = x[0].clone()
        x = x - origin
        offset = x.mean(0)
        centred = x - offset
        if len(x) <= x.shape[1]:
            return SampleMoments(len(x), origin, offset, centred)
        return SampleMoments(len(x), origin, offset, None, centred.T @ centred)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """The mean of the rows."""
        return self.origin + self.offset

    def gap(self, other: SampleMoments) -> Float[Tensor, " d"]:
        """The other's mean less this one's."""
        if self.origin.shape != other.origin.shape:
            raise InputError(
                f"Features of {len(self.origin)} and of {len(other.origin)} numbers cannot go "
                "together: both sides need one extractor."
            )
        return (other.origin - self.origin) + (other.offset - self.offset)

    def merge(self, other: SampleMoments) -> SampleMoments:
        """The moments of both sets together."""
        gap, n = self.gap(other), self.n + other.n
        offset = self.offset + gap * (other.n / n)
        if n <= len(offset) and self.centred is not None and other.centred is not None:
            both = self.centred - gap * (other.n / n), other.centred + gap * (self.n / n)
            return SampleMoments(n, self.origin, offset, torch.cat(both))
        squares = self._squares() + other._squares()
        squares += torch.outer(gap, gap) * (self.n * other.n / n)
        return SampleMoments(n, self.origin, offset, None, squares)

    @cached_property
    def covariance(self) -> Float[Tensor, "d d"]:
        """The unbiased covariance, divisor n - 1."""
        self._need_two()
        return self._squares() / (self.n - 1)

    @cached_property
    def factor(self) -> Float[Tensor, "d r"]:
        """F with F Fᵀ the covariance, r <= n."""
        self._need_two()
        if self.centred is not None:
            return self.centred.T / math.sqrt(self.n - 1)
        lower, failed = torch.linalg.cholesky_ex(self.covariance)
        if int(failed) == 0:
            return lower
        values, vectors = torch.linalg.eigh(self.covariance)
        keep = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
        return vectors[:, keep] * values[keep].sqrt()

    def tensors(self) -> dict[str, Tensor]:
        """What there is to be written to a file, or sent to another process."""
        kept = {"origin": self.origin, "offset": self.offset}
        spread = {"centred": self.centred, "scatter": self.scatter}
        kept |= {name: each for name, each in spread.items() if each is not None}
        return {"n": torch.tensor(self.n), **kept}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> SampleMoments:
        """The moments that `tensors` wrote. Raises `InputError` where they do not fit together."""
        names = ("n", "origin", "offset", "centred", "scatter")
        n, origin, offset, centred, scatter = map(tensors.get, names)
        if n is None or origin is None or offset is None:
            fits = False
        else:
            shape = tuple(origin.shape)
            fits = (
                len(shape) == 1
                and offset.shape == shape
                and n.numel() == 1
                and (centred is None) != (scatter is None)
                and (centred is None or centred.shape == (int(n), *shape))
                and (scatter is None or scatter.shape == (*shape, *shape))
            )
        if not fits or n is None or origin is None or offset is None:
            shapes = {name: tuple(each.shape) for name, each in tensors.items()}
            raise InputError(f"These are no moments as gannets writes them: {shapes}.")
        return SampleMoments(int(n), origin, offset, centred, scatter)

    def _squares(self) -> Tensor:
        if self.scatter is not None:
            return self.scatter
        assert self.centred is not None
        return self.centred.T @ self.centred

    def _need_two(self) -> None:
        if self.n < 2:
            raise InputError("One sample has no covariance: give at least 2.")


class MomentsAccumulator:
    """Mean and covariance of features that come a batch at a time."""

    def __init__(self, state: SampleMoments | None = None) -> None:
        """Start empty, or from what another accumulator computed."""
        self._state = state

    @property
    def n(self) -> int:
        """Rows seen so far."""
        return 0 if self._state is None else self._state.n

    def update(self, features: Float[Tensor, "m d"]) -> None:
        """See m more rows."""
        if len(features):
            self.merge(MomentsAccumulator(SampleMoments.of(features)))

    def merge(self, other: MomentsAccumulator) -> None:
        """See what another accumulator saw."""
        if other._state is not None:
            mine = self._state
            self._state = other._state if mine is None else mine.merge(other._state)

    def compute(self) -> SampleMoments:
        """The moments of all rows seen. Raises `InputError` where there were none."""
        if self._state is None:
            raise InputError("No features were seen: update the accumulator first.")
        return self._state


class FeatureAccumulator:
    """The features themselves, in the end in an order of their own.

    What is not a function of moments (nearest neighbours, kernels) is so computed of shards, to the
    same bits as of the whole.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[Tensor] = []

    @property
    def n(self) -> int:
        """Rows seen so far."""
        return sum(map(len, self._parts))

    def update(self, features: Float[Tensor, "m d"]) -> None:
        """Keep m more rows."""
        part = features.detach().double().cpu()
        if not bool(torch.isfinite(part).all()):
            raise InputError("The features hold NaN or infinity: leave these rows out.")
        if self._parts and part.shape[1] != self._parts[0].shape[1]:
            raise InputError(
                f"Features of {self._parts[0].shape[1]} and of {part.shape[1]} numbers cannot be "
                "merged: both sides need one extractor."
            )
        if len(part):
            self._parts.append(part.clone())

    def merge(self, other: FeatureAccumulator) -> None:
        """Keep what another accumulator kept."""
        for part in list(other._parts):
            self.update(part)

    def compute(self) -> Float[Tensor, "n d"]:
        """All rows, in the order of their hashes. Raises `InputError` where there were none."""
        if not self._parts:
            raise InputError("No features were seen: update the accumulator first.")
        rows = torch.cat(self._parts)
        return rows[canonical_order(rows)[0]]
