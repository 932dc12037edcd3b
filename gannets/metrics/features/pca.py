"""The axes of greatest variance of the reference, and samples as their places along these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.samples import Samples

__all__ = ["PCA", "principal_axes"]

WIDEST = 2048
"""Beyond as many dimensions the axes are those of as many samples: the spectrum of n x n."""


@dataclass(frozen=True)
class PCA:
    """x -> V^T (x - mean), V the first k eigenvectors of the reference's covariance (Pearson 1901).

    Whitened, each is divided by its standard deviation in the reference: noise in what varies
    little then counts as much as a change of what varies most. Axes beyond the rank are left out.
    What is orthogonal to the axes is not seen.
    """

    k: int = 64
    whiten: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"pca takes 1 axis or more, not {self.k}: try pca:32.")

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """Fit the axes to `real`, in double precision."""
        few = len(real) > WIDEST and real.flat.shape[1] > WIDEST
        # Samples are in the order of their hashes: the first are as good as any.
        x = real.flat[:WIDEST] if few else real.flat
        mean, axes, variances = principal_axes(x)
        if len(variances) == 0:
            raise InputError(
                f"{real.name} are all alike, so they have no axis of greatest variance: choose "
                "the features `pixels`."
            )
        k = min(self.k, len(variances))
        axes = axes[:, :k]
        if self.whiten:
            axes = axes / variances[:k].sqrt()
        says = [f"axes of {real.fingerprint[:8]}"]
        if few:
            says.append(f"fitted to {WIDEST:,} of {len(real):,}")
        if k < self.k:
            says.append(f"{self.k} asked for, rank {k}")
        capped = f"pca:{self.k} was asked for; these samples vary in {k} directions: pca:{k}."
        notes = (capped,) if k < self.k else ()
        return _Projection(
            f"pca:{k}{':whiten' if self.whiten else ''}", ", ".join(says), mean, axes, notes
        )


def principal_axes(
    x: Float[Tensor, "n d"],
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d r"], Float[Tensor, " r"]]:
    """The mean, the r axes of variance > 0 and their variances, descending; r <= min(n - 1, d).

    An axis points where its largest coordinate is positive. Variances have the divisor n - 1;
    one that rounding x to single precision could have made counts as 0.
    """
    x = x.double()
    mean = x.mean(0)
    centred = x - mean
    n, d = x.shape
    if d <= n:
        values, vectors = torch.linalg.eigh(centred.T @ centred / (n - 1))
    else:
        values, left = torch.linalg.eigh(centred @ centred.T / (n - 1))
        vectors = centred.T @ left
    order = values.argsort(descending=True, stable=True)
    values, vectors = values[order], vectors[:, order]
    rounding = torch.finfo(torch.float32).eps ** 2
    keep = values > max(n, d) * rounding * float(values[0] + mean.square().sum())
    values, vectors = values[keep], vectors[:, keep]
    vectors = vectors / vectors.norm(dim=0)
    if vectors.shape[1]:
        largest = vectors.abs().argmax(0, keepdim=True)
        vectors = vectors * vectors.gather(0, largest).sign()
    return mean, vectors, values


@dataclass(frozen=True, eq=False)
class _Projection:
    id: str
    preprocessing: str
    mean: Tensor
    axes: Tensor
    notes: tuple[str, ...] = ()
    """What a report has to say of them."""
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m k"]:
        return (x.flatten(1).double() - self.mean) @ self.axes
