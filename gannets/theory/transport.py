"""W_p(P, Q) = (inf over couplings of E|X - Y|^p)^{1/p}: exact optimal transport between samples.

Reference: Peyré and Cuturi 2019, chapter 2 (one dimension: the sorted coupling; as many points on
either side with equal weights: an assignment). Gaussians: `gaussians.frechet` is W2².
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gannets.theory.gaussians import Moments, frechet


def wasserstein_1d(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " m"],
    *,
    p: float = 1.0,
    x_weights: Float[Tensor, " n"] | None = None,
    y_weights: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    """W_p of two one-dimensional samples, of any sizes; W_p^p is ∫ |F⁻¹ - G⁻¹|^p.

    Weights (default: equal) are normalised. Differentiable in x and y. With equal sizes and no
    weights W_p^p is the mean of |sorted x - sorted y|^p. ValueError for p outside [1, inf).
    """
    _check_power(p)
    if x.ndim != 1 or y.ndim != 1 or not x.numel() or not y.numel():
        raise ValueError(
            f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}: give non-empty (n,) and (m,)."
        )
    (x, cumulative_x), (y, cumulative_y) = _quantiles(x, x_weights), _quantiles(y, y_weights)
    if x_weights is None and y_weights is None and x.shape == y.shape:
        return (x - y).abs().pow(p).mean().pow(1 / p)
    levels = torch.cat([cumulative_x, cumulative_y]).sort().values
    widths = torch.diff(levels, prepend=levels.new_zeros(1))
    x_at = x[torch.searchsorted(cumulative_x, levels)]  # both end at 1: always found
    y_at = y[torch.searchsorted(cumulative_y, levels)]
    return (widths * (x_at - y_at).abs().pow(p)).sum().pow(1 / p)


def optimal_assignment(
    x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], *, p: float = 2.0
) -> Int[Tensor, " n"]:
    """The permutation s with the least Σ |x_i - y_{s(i)}|^p (Euclidean norm), exactly.

    O(n³) time and O(n²) memory (scipy's `linear_sum_assignment`). ValueError for unequal shapes.
    """
    from scipy.optimize import linear_sum_assignment

    _check_power(p)
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}: an assignment needs two equal "
            "(n, d); draw as many of one as of the other."
        )
    cost = _distances(x.detach(), y.detach()).pow(p)
    _, columns = linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(columns, device=x.device)


def wasserstein_assignment(
    x: Float[Tensor, "n d"], y: Float[Tensor, "n d"], *, p: float = 2.0
) -> Float[Tensor, ""]:
    """W_p of two samples of the same size in any dimension, by the exact assignment."""
    partner = y[optimal_assignment(x, y, p=p)]
    lengths = torch.linalg.vector_norm(x - partner, dim=1)
    mean: Tensor = lengths.pow(p).mean()
    return mean.pow(1 / p)


def gaussian_w2(p: Moments, q: Moments) -> Float[Tensor, ""]:
    """W2 between Gaussians, the root of Fréchet's distance; |Δ| when the covariances are equal."""
    return frechet(p, q).sqrt()


def _quantiles(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sorted values and the cumulative weight up to each, the last one exactly 1."""
    x, order = x.sort()
    n = x.shape[0]
    if weights is None:
        return x, torch.arange(1, n + 1, dtype=x.dtype, device=x.device) / n
    if weights.shape != x.shape or not bool((weights >= 0).all()) or not weights.sum() > 0:
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} for {n} values: give one number >= 0 for "
            "each value, not all zero."
        )
    cumulative = weights[order].cumsum(0)
    return x, cumulative / cumulative[-1]


def _distances(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _check_power(p: float) -> None:
    if not 1 <= p < math.inf:
        raise ValueError(f"p={p} must be in [1, inf): below 1 it is not a distance.")
