"""A histogram of samples over K modes against known weights.

KL = Σ_k c_k/N log(c_k / (N w_k)), whose mean at p_g = p_data is (K - 1) / 2N to first order (Miller
1955), and is summed here exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.game.stream import Stream
from gannets.metrics.resampling import normal_interval, quadratic_interval

__all__ = ["Histogram", "homogeneity_null"]

DRAWS = 999
SHOWN = 1_000
"""Modes whose shares are listed."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts c (k,) of N >= 1 samples and the weights w (k,) they should have, with sum 1."""

    counts: Int64[Tensor, " k"]
    weights: Float[Tensor, " k"]

    @property
    def n(self) -> int:
        """N."""
        return int(self.counts.sum())

    @property
    def kl(self) -> float:
        """KL(c/N || w) in nats."""
        return float(_kl(self.counts[None], self.weights))

    @property
    def floor(self) -> float:
        """The mean of `kl` for N independent samples of w: each count is binomial, exactly."""
        c = torch.arange(1, self.n + 1, dtype=torch.float64)
        size = c.new_tensor(float(self.n))
        choose = torch.lgamma(size + 1) - torch.lgamma(c + 1) - torch.lgamma(size - c + 1)
        weights, times = self.weights.unique(return_counts=True)
        total = 0.0
        for w, many in zip(weights.tolist(), times.tolist(), strict=True):
            if w >= 1:
                continue
            log = choose + c * math.log(w) + (size - c) * math.log1p(-w)
            total += many * float((log.exp() * c / size * (c / (size * w)).log()).sum())
        return total

    @property
    def interval(self) -> tuple[float, float]:
        """By the delta method: Var = Var_c[log c/w] / N, with half a sample more of each mode.

        At p_g = p_data it is about twice the variance, so wide rather than narrow.
        """
        shares = (self.counts + 0.5) / (self.n + len(self.counts) / 2)
        variance = _variance(shares, (shares / self.weights).log())
        low, high = normal_interval(self.kl, math.sqrt(variance / self.n))
        return max(0.0, low), high

    def interval_beside(
        self, real: Int64[Tensor, " k"], null: Float[Tensor, " b"]
    ) -> tuple[float, float]:
        """Where the weights are the shares of real samples, which scatter as well.

        A real sample of mode k pulls by -q_k/w_k. Near p_g = p_data KL is a sum of squares; `null`
        are its values there.
        """
        shares = (self.counts + 0.5) / (self.n + len(self.counts) / 2)
        slopes = shares / self.weights
        variance = _variance(shares, slopes.log()) / self.n
        variance += _variance(self.weights, slopes) / float(real.sum())
        low, high = quadratic_interval(self.kl, first_order=variance, null=float(null.var()))
        return max(0.0, low), high

    def null(self, stream: Stream) -> Float[Tensor, " b"]:
        """`kl` of multinomial counts of the same size with the weights w."""
        shares = self.weights.double().numpy()
        drawn = _numpy(stream).multinomial(self.n, shares / shares.sum(), size=DRAWS)
        return _kl(torch.from_numpy(drawn), self.weights)

    @property
    def details(self) -> dict[str, Any]:
        """Divergences and shares, in JSON's types."""
        shares = self.counts / self.n
        middle = (shares + self.weights) / 2
        jsd = sum(
            float(torch.xlogy(p, p / middle).nan_to_num(0.0).sum()) / 2
            for p in (shares, self.weights)
        )
        details: dict[str, Any] = {
            "jsd": jsd,
            "entropy": -float(torch.xlogy(shares, shares).sum()),
            "entropy_of_weights": -float(torch.xlogy(self.weights, self.weights).sum()),
            "n": self.n,
        }
        if len(shares) <= SHOWN:
            details |= {"shares": shares.tolist(), "weights": self.weights.tolist()}
        return details

    def meaning(self, what: str) -> str:
        """The mode that is furthest from its weight, in a sentence."""
        shares = self.counts / self.n
        k = int((shares - self.weights).abs().argmax())
        return (
            f"The {what} that is furthest off is number {k}: "
            f"{float(shares[k]):.1%} of the samples, {float(self.weights[k]):.1%} of the data."
        )


def homogeneity_null(
    *, fake: Int64[Tensor, " k"], real: Int64[Tensor, " k"], stream: Stream
) -> Float[Tensor, " b"]:
    """KL of the fake counts against the real ones, the pooled samples dealt out anew to both."""
    pool = (fake + real).numpy()
    drawn = _numpy(stream).multivariate_hypergeometric(pool, int(fake.sum()), size=DRAWS)
    counts = torch.from_numpy(drawn)
    rest = fake + real - counts + 0.5
    return _kl(counts, rest / rest.sum(1, keepdim=True))


def _numpy(stream: Stream) -> np.random.Generator:
    return np.random.default_rng(int(stream.integers(2**31 - 1, 1)))


def _variance(shares: Tensor, values: Tensor) -> float:
    mean = (shares * values).sum()
    return float((shares * (values - mean).square()).sum())


def _kl(counts: Tensor, weights: Tensor) -> Tensor:
    shares = counts.double() / counts.sum(1, keepdim=True)
    return torch.xlogy(shares, shares / weights).sum(1).clamp_(min=0)
