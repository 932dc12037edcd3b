"""p(x) = Σ_j w_j N(x; c_j, σ² I) in log-sum-exp: centres blurred by one isotropic Gaussian.

With a few centres it is a mixture; with quadrature nodes along a curve, weights and all, it is the
density of a point of the curve plus noise, ∫ N(x; c(t), σ² I) dt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_points

MOST_PAIRS = 2**21
"""Points x centres held at once."""


def log_smoothed(
    x: Float[Tensor, "n d"],
    *,
    centres: Float[Tensor, "k d"],
    log_weights: Float[Tensor, " k"],
    sigma: float,
) -> Float[Tensor, " n"]:
    """= log Σ_j w_j N(x; c_j, σ² I)."""
    logs = [joint.logsumexp(1) for joint, _ in _pairs(x, centres, log_weights, sigma)]
    return torch.cat(logs)


def smoothed_score(
    x: Float[Tensor, "n d"],
    *,
    centres: Float[Tensor, "k d"],
    log_weights: Float[Tensor, " k"],
    sigma: float,
) -> Float[Tensor, "n d"]:
    """∇ log p(x) = Σ_j r_j (c_j - x) / σ², r the posterior weights of the centres."""
    scores = [
        torch.einsum("nk,nkd->nd", joint.softmax(1), -offsets) / sigma**2
        for joint, offsets in _pairs(x, centres, log_weights, sigma)
    ]
    return torch.cat(scores)


def _pairs(
    x: Tensor, centres: Tensor, log_weights: Tensor, sigma: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """The joint logarithms log w_j N(x_i; c_j, σ² I) and x_i - c_j, a few rows of x at a time."""
    k, d = centres.shape
    check_points(x, d)
    centres, log_weights = centres.to(x), log_weights.to(x)
    constant = log_weights - d * (math.log(sigma) + math.log(2 * math.pi) / 2)
    for rows in x.split(max(1, MOST_PAIRS // k)):
        offsets = rows[:, None, :] - centres
        yield constant - offsets.square().sum(-1) / (2 * sigma**2), offsets
