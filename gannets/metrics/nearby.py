"""Neighbours that several metrics ask for, searched for once.

Distances do not depend on how many neighbours were looked for, so that what is kept of a longer
search is what a shorter one would have found.
"""

from __future__ import annotations

from jaxtyping import Float, Int64
from torch import Tensor

from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import nearest
from gannets.metrics.samples import Samples

__all__ = ["nearest_in_training", "own_neighbours"]

USUAL = 6
"""Neighbours that are looked for where the first to ask wants fewer: radii and floors of k = 5."""

Found = tuple[Float[Tensor, "n k"], Int64[Tensor, "n k"]]


def own_neighbours(comparison: Comparison, samples: Samples, *, k: int) -> Found:
    """The k nearest others of each of the real, training or held-out samples, as features."""
    most = max(k, min(USUAL, len(samples) - 1))
    kept: dict[int, Found] = comparison.once(("own neighbours", samples.fingerprint), dict)
    if not any(wide >= k for wide in kept):
        x = comparison.see(samples)
        kept.clear()
        kept[most] = nearest(x, x, k=most, skip_self=True)
    distances, indices = next(iter(kept.values()))
    return distances[:, :k], indices[:, :k]


def nearest_in_training(
    comparison: Comparison, train: Samples, samples: Samples, rows: Int64[Tensor, " m"]
) -> tuple[Float[Tensor, " m"], Int64[Tensor, " m"]]:
    """How far each of `samples` at `rows` is from its nearest training sample, and which that is.

    Kept where the rows are all there are; of the fakes, those of the last ones only.
    """
    known = comparison.see(train)
    if len(rows) < len(samples):
        distances, indices = nearest(comparison.see(samples)[rows], known, k=1)
        return distances[:, 0], indices[:, 0]
    role = "fake" if samples is comparison.fake else "real"
    kept: dict[str, Found] = comparison.once(("nearest in training", train.fingerprint, role), dict)
    if samples.fingerprint not in kept:
        kept.clear()
        kept[samples.fingerprint] = nearest(comparison.see(samples), known, k=1)
    distances, indices = kept[samples.fingerprint]
    return distances[rows, 0], indices[rows, 0]
