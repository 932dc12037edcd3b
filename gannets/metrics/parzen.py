"""log-likelihood under a Parzen window: LL(x) = log 1/n Σ_i N(x; s_i, σ² I), s_i samples of G.

The estimate of Goodfellow et al. 2014, section 5, after Breuleux et al. 2011. Theis et al. 2016
show what it is worth: k-means centroids get a better score than true samples of the data. It stands
therefore beside the scores of both, on the same points.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import blocks, squared_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import mean_interval

__all__ = ["GRID", "Parzen", "centroids", "choose_sigma", "parzen_log_likelihood"]

GRID = tuple(10 ** (i / 9 - 1) for i in range(10))
"""σ as in the authors' code: 10 from 0.1 to 1, equally spaced in the logarithm."""
WIDE = tuple(10 ** (i / 4 - 3) for i in range(21))
"""σ from 0.001 to 100, for values of any unit; then refined by `STEPS` between the best's two."""
STEPS = 16
VALIDATION = 1_000
"""Points that σ is chosen on, in the authors' code."""
MOST = 10_000
"""Samples, and points to test on, there."""
MEMORY = 1 << 30
"""Numbers (points × clusters) above which k-means takes small batches."""


def parzen_log_likelihood(
    *, samples: Float[Tensor, "n d"], points: Float[Tensor, "m d"], sigma: float
) -> Float[Tensor, " m"]:
    """Log 1/n Σ_i N(x; s_i, σ² I) in nats, for each point x; float64, one matrix product a block.

    Raises `InputError` for a sigma that is not positive.
    """
    if not sigma > 0:
        raise InputError(f"sigma={sigma} must be positive.")
    centre = samples.double().mean(0)
    s, x = (samples.double() - centre) / sigma, (points.double() - centre) / sigma
    bias = s.square().sum(1) / -2
    # The exponent is s.x - s²/2 - x²/2: the last is the same for all samples, and comes at the end.
    parts = [_logsumexp_(torch.addmm(bias, x[block], s.T)) for block in blocks(len(x), len(s))]
    norm = math.log(len(s)) + s.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))
    return torch.cat(parts) - x.square().sum(1) / 2 - norm


def choose_sigma(
    *, samples: Float[Tensor, "n d"], points: Float[Tensor, "m d"], sigmas: Sequence[float]
) -> tuple[float, tuple[float, ...]]:
    """The σ of the greatest mean log-likelihood of `points`, and that mean for each σ.

    The distances are computed once for all σ.
    """
    centre = samples.double().mean(0)
    s, x = samples.double() - centre, points.double() - centre
    d, totals = s.shape[1], torch.zeros(len(sigmas), dtype=torch.float64)
    for block in blocks(len(x), len(s)):
        squared = squared_distances(x[block], s)
        nearest = squared.amin(1, keepdim=True)
        squared -= nearest
        for i, sigma in enumerate(sigmas):
            exponent = torch.mul(squared, -0.5 / sigma**2).exp_().sum(1).log_()
            exponent -= nearest[:, 0] / (2 * sigma**2)
            totals[i] += float(exponent.sum())
    norms = [math.log(len(s)) + d * math.log(g * math.sqrt(2 * math.pi)) for g in sigmas]
    means = (totals / len(x) - torch.tensor(norms, dtype=torch.float64)).tolist()
    return sigmas[max(range(len(sigmas)), key=means.__getitem__)], tuple(means)


def centroids(x: Float[Tensor, "n d"], k: int, *, seed: int) -> Float[Tensor, "k d"]:
    """k-means centroids of x: of nearly as many clusters as points they are blurred samples."""
    import numpy as np
    from sklearn.cluster import KMeans, MiniBatchKMeans

    points = np.ascontiguousarray(x.double().numpy())
    if points.shape[0] * k * points.shape[1] <= MEMORY:
        method = KMeans(k, n_init=1, random_state=seed)
    else:
        # As many steps as see each point about three times.
        method = MiniBatchKMeans(
            k,
            n_init=1,
            init="random",
            batch_size=max(2 * k, 1024),
            max_iter=3,
            reassignment_ratio=0,
            random_state=seed,
        )
    with warnings.catch_warnings():
        # Fewer distinct points than clusters: some centroids are then repeated, which is right.
        warnings.simplefilter("ignore")
        return torch.from_numpy(method.fit(points).cluster_centers_).double()


@dataclass(frozen=True)
class Parzen:
    """Mean log-likelihood of held-out points under a Parzen window of G's samples, in nats.

    "goodfellow2014": σ of the 10 of `GRID` that is best on the first 1,000 validation points, then
    up to 10,000 others are scored. "fine": σ of any size, to 2 %. Beside it stand the same of as
    many true samples and, with `centroids`, of as many k-means centroids of the true samples.
    Training and held-out samples are told apart where both are known; else the real ones are split
    in samples (half), validation and test.
    """

    protocol: Literal["goodfellow2014", "fine"] = "goodfellow2014"
    centroids: bool = True

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        true, validation, test = self._sets(comparison)
        fake = comparison.fake.draw(min(MOST, len(comparison.fake)), comparison.stream("parzen"))
        samples = fake.flat
        n = min(len(true), len(samples))
        note = (
            ()
            if n == len(samples)
            else (f"The true samples are {n:,}, the fake {len(samples):,}.",)
        )
        rows = {"parzen": samples, "parzen_true": true[:n]}
        if self.centroids and len(true) > 1:
            k = min(n, len(true) // 2)
            seed = int(comparison.stream("parzen").at(2).integers(2**31 - 1, 1))
            rows["parzen_kmeans"] = centroids(true, k, seed=seed)
        scores = {key: self._score(rows[key], validation, test) for key in rows}
        return tuple(
            self._estimate(comparison, key, scores, len(rows[key]), len(test), note)
            for key in scores
        )

    def _sets(self, comparison: Comparison) -> tuple[Tensor, Tensor, Tensor]:
        """True samples, validation points and test points: disjoint."""
        stream, true = comparison.stream("parzen").at(1), comparison.train
        if true is not None and comparison.holdout is not None:
            rest = comparison.holdout.flat[stream.permutation(len(comparison.holdout))]
            first = true.flat[stream.permutation(len(true))]
        else:
            x = comparison.real.flat[stream.permutation(len(comparison.real))]
            first, rest = x[: len(x) // 2], x[len(x) // 2 :]
        v = min(VALIDATION, len(rest) // 2)
        if v < 2 or len(first) < 2:
            raise InputError(
                f"A Parzen window needs samples, validation and test points: {len(first)} and "
                f"{len(rest)} real ones are too few, give at least 8."
            )
        return first, rest[:v], rest[v : v + MOST]

    def _score(self, samples: Tensor, validation: Tensor, test: Tensor) -> _Score:
        sigmas: Sequence[float] = GRID if self.protocol == "goodfellow2014" else WIDE
        sigma, means = choose_sigma(samples=samples, points=validation, sigmas=sigmas)
        edge = sigma in (sigmas[0], sigmas[-1])
        if self.protocol == "fine" and not edge:
            at = sigmas.index(sigma)
            low, high = math.log(sigmas[at - 1]), math.log(sigmas[at + 1])
            between = [math.exp(low + (high - low) * i / STEPS) for i in range(1, STEPS)]
            sigma, _ = choose_sigma(samples=samples, points=validation, sigmas=between)
        values = parzen_log_likelihood(samples=samples, points=test, sigma=sigma)
        return _Score(values, sigma, edge, tuple(sigmas), means)

    def _estimate(
        self,
        comparison: Comparison,
        key: str,
        scores: dict[str, _Score],
        n: int,
        tested: int,
        notes: tuple[str, ...],
    ) -> Estimate:
        score = scores[key]
        if score.edge:
            notes += (
                f"sigma = {score.sigma:.3g} is at the edge of the grid: the best may lie beyond "
                "(Parzen(protocol='fine') looks further).",
            )
        value = float(score.values.mean())
        return comparison.estimate(
            self,
            key,
            {"parzen": "Parzen LL", "parzen_true": "Parzen LL of true samples"}.get(
                key, "Parzen LL of k-means"
            ),
            value,
            through="samples",
            n=(tested, n),
            interval=mean_interval(score.values),
            floor=float(scores["parzen_true"].values.mean()) if key == "parzen" else None,
            better="higher",
            meaning=_meaning(key, scores),
            notes=notes,
            details={
                "sigma": score.sigma,
                "error": float(score.values.std()) / math.sqrt(tested),
                "grid": list(score.sigmas),
                "validation": list(score.means),
            },
        )


@dataclass(frozen=True, eq=False)
class _Score:
    values: Tensor
    sigma: float
    edge: bool
    sigmas: tuple[float, ...]
    means: tuple[float, ...]


def _meaning(key: str, scores: dict[str, _Score]) -> str:
    ours, true = (float(scores[k].values.mean()) for k in ("parzen", "parzen_true"))
    if key == "parzen_true":
        return "What as many true samples get: samples that score more are not better for it."
    if key == "parzen_kmeans":
        value = float(scores[key].values.mean())
        if value <= true:
            return "k-means centroids, which are blurred, score less than true samples here."
        return (
            f"k-means centroids, which are blurred, score {value - true:.3g} nats more than true "
            "samples: the score does not tell good samples."
        )
    if ours > true:
        return f"{ours - true:.3g} nats more than true samples get: the score is not to be trusted."
    return f"{true - ours:.3g} nats less than true samples get; not to be trusted alone."


def _logsumexp_(exponents: Float[Tensor, "m n"]) -> Float[Tensor, " m"]:
    """Log Σ_j exp(e_ij), in the memory of its argument."""
    top = exponents.amax(1, keepdim=True)
    total: Tensor = exponents.sub_(top).exp_().sum(1)
    return total.log_() + top[:, 0]
