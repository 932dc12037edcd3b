"""Log 1/m Σ_j N(x; c_j, σ_j² I), with a variance for each centre, fitted to other samples.

What Feature Likelihood Divergence is made of (Jiralerspong et al. 2023, section 3). Fitted as in
the authors' code: Adam on the logarithms of the variances, each first that to the nearest sample;
while fitting, a broad Gaussian about the samples' mean stands by, so that no stray sample blows a
variance up. Memory is bounded, and the same samples give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.distances import blocks, pair_distances, squared_distances

__all__ = ["feature_log_likelihood", "fit_variances", "mixture_log_likelihood"]

SHRUNK = 0.81
"""What squared distances to the training mean are multiplied by: (1 - 0.1)²."""
OFFSET = 1e-3
"""Added to the squared distance to the nearest training sample for the first variance, over d."""
BOUND = 40.0
"""Log variances stay within ± this, as copies would go to -∞."""
PATIENCE, TOLERANCE = 5, 5e-4
"""Fitting ends where nats a feature change by less within so many epochs."""
CACHE = 1 << 24
"""Distances that are kept from epoch to epoch, 128 MiB; more are computed anew in each."""


def feature_log_likelihood(
    *,
    fake: Float[Tensor, "m d"],
    train: Float[Tensor, "n d"],
    points: Float[Tensor, "p d"],
    epochs: int = 50,
) -> Float[Tensor, " p"]:
    """Log p(x) in nats of each of `points`, p centred on `fake` with variances fitted to `train`.

    In the units given: standardise first. Raises `InputError` for unequal widths.
    """
    widths = {len(each.T) for each in (fake, train, points)}
    if len(widths) > 1 or not len(fake) or not len(train):
        shapes = ", ".join(str(tuple(each.shape)) for each in (fake, train, points))
        raise InputError(f"Shapes {shapes}: give rows of features of one width, at least one each.")
    variances = fit_variances(centres=fake, points=train, epochs=epochs)
    return mixture_log_likelihood(centres=fake, log_variances=variances, points=points)


def mixture_log_likelihood(
    *,
    centres: Float[Tensor, "m d"],
    log_variances: Float[Tensor, " m"],
    points: Float[Tensor, "p d"],
) -> Float[Tensor, " p"]:
    """Log 1/m Σ_j N(x; c_j, σ_j² I) of each point, float64, in blocks."""
    mixture = _Mixture.of(centres, points)
    parts = [
        mixture.exponents(rows, log_variances).logsumexp(1)
        for rows in blocks(len(points), len(centres))
    ]
    d = centres.shape[1]
    return torch.cat(parts) - math.log(len(centres)) - d / 2 * math.log(2 * math.pi)


def fit_variances(
    *,
    centres: Float[Tensor, "m d"],
    points: Float[Tensor, "n d"],
    epochs: int = 50,
    rate: float = 0.5,
    batch: int = 10_000,
    stream: Stream | None = None,
) -> Float[Tensor, " m"]:
    """Log variances, one a centre, under which `points` are likely; by Adam on mini-batches.

    The points are shuffled once by `stream` where there are more than a batch.
    """
    if len(points) > batch:
        order = (stream or Stream(0, "metrics/fld")).permutation(len(points))
        points = points[order]
    mixture = _Mixture.of(centres, points)
    n, (m, d) = len(points), centres.shape
    log_variances = ((mixture.nearest() + OFFSET) / d).log().clamp(-BOUND, BOUND)
    broad = SHRUNK * (points.double() - points.double().mean(0)).square().sum(1)
    # The last is the broad Gaussian's, of weight 1 as the authors have it.
    parameters = torch.cat([log_variances, log_variances.new_zeros(1)])
    adam = torch.optim.Adam([parameters], lr=rate)
    history: list[float] = []
    for epoch in range(epochs):
        losses = []
        for start in range(0, n, batch):
            rows = slice(start, min(start + batch, n))
            loss, parameters.grad = mixture.loss(rows, parameters, broad)
            adam.step()
            parameters[:m].clamp_(-BOUND, BOUND)
            losses.append(loss)
        history.append(sum(losses) / len(losses))
        recent = history[-PATIENCE:]
        if epoch > PATIENCE and max(recent) - min(recent) < TOLERANCE:
            break
    return parameters[:m]


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Gaussians about centres as points see them, from both less the centres' mean."""

    centres: Tensor
    points: Tensor
    kept: Tensor | None
    """The squared distances, where they are few."""

    @staticmethod
    def of(centres: Tensor, points: Tensor) -> _Mixture:
        c, x = centres.double(), points.double()
        origin = c.mean(0)
        mixture = _Mixture(c - origin, x - origin, None)
        if len(c) * len(x) > CACHE:
            return mixture
        parts = [mixture.squared(rows) for rows in blocks(len(x), len(c))]
        return _Mixture(mixture.centres, mixture.points, torch.cat(parts))

    def squared(self, rows: slice) -> Float[Tensor, "r m"]:
        """|x_i - c_j|²; near copies from the differences, for the variances there are as small."""
        if self.kept is not None:
            return self.kept[rows]
        x, c = self.points[rows], self.centres
        squared = squared_distances(x, c)
        size = x.square().sum(1)[:, None] + c.square().sum(1)
        i, j = (squared < 1e-6 * size).nonzero().T
        if len(i):
            squared[i, j] = pair_distances(x[i], c[j]).square()
        return squared

    def nearest(self) -> Float[Tensor, " m"]:
        """Squared distance of each centre to its nearest point."""
        found = self.centres.new_full((len(self.centres),), torch.inf)
        for rows in blocks(len(self.points), len(self.centres)):
            found = torch.minimum(found, self.squared(rows).amin(0))
        return found

    def exponents(self, rows: slice, log_variances: Tensor) -> Float[Tensor, "r m"]:
        """Log N(x_i; c_j, σ_j² I) but for -d/2 log 2π."""
        d = self.centres.shape[1]
        scaled = self.squared(rows) * (-0.5 * (-log_variances).exp())
        return scaled.sub_(d / 2 * log_variances)

    def loss(self, rows: slice, parameters: Tensor, broad: Tensor) -> tuple[float, Tensor]:
        """Minus the mean log-likelihood a feature of these points, and its gradient.

        d log p(x_i) / d log σ_j² = r_ij (|x_i - c_j|²/(2 σ_j²) - d/2), r_ij the share of Gaussian j
        in p(x_i); the former is minus the exponent without its norm.
        """
        m, d = self.centres.shape
        s = parameters[:m]
        # Single precision will do for a step: distances, of near copies too, are as exact as ever.
        scale, offset = (-0.5 * (-s).exp()).float(), (d / 2 * s).float()
        gradient, total = torch.zeros_like(parameters), 0.0
        for block in blocks(rows.stop - rows.start, m):
            part = slice(rows.start + block.start, rows.start + block.stop)
            e = self.squared(part).float().mul_(scale).sub_(offset)
            far = 0.5 * broad[part] * (-parameters[m]).exp()
            last = math.log(m) - far - d / 2 * parameters[m]  # relative to weights of 1/m
            top = torch.maximum(e.amax(1), last.float())
            # Numbers below 1e-38 are slow: what is less than 1e-34 of the rest is no share anyway.
            r = (e - top[:, None]).clamp_(min=-78).exp_()
            r_last = (last - top).exp()
            sums = r.sum(1).double() + r_last
            total += float((sums.log() + top).sum())
            weights = (1 / sums).float()
            # e = -q - d/2 s with q = |x - c|²/(2σ²): q - d/2 = -e - d/2 (s + 1).
            shares = weights @ r
            gradient[:m] -= weights @ e.mul_(r) + d / 2 * (s + 1) * shares
            gradient[m] += (r_last / sums) @ (far - d / 2)
        n = rows.stop - rows.start
        constant = math.log(m) + d / 2 * math.log(2 * math.pi)
        return (constant - total / n) / d, gradient / (-n * d)
