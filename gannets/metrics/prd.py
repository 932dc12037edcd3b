"""Precision and recall of distributions: a curve of what of one law the other has.

Sajjadi et al. (2018): at each slope λ, precision α(λ) = Σ_ω min(λ p(ω), q(ω)) and recall
β(λ) = α(λ)/λ, p the reals' and q the fakes' shares of the clusters of their union. The
curve is summed up by its largest F_8, which weighs recall, and F_1/8, which weighs precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import Z, permutation_p

__all__ = ["PRD", "f_scores", "prd_curve"]

EDGE = 1e-6
"""How near the curve's ends come to the axes, in radians, as in the authors' code."""
DRAWS = 100
"""Resampled pairs of histograms for intervals and floors, and permutations for p."""


def prd_curve(
    *, real: Float[Tensor, "*b clusters"], fake: Float[Tensor, "*b clusters"], angles: int = 1001
) -> tuple[Float[Tensor, "*b angles"], Float[Tensor, "*b angles"]]:
    """Precision and recall at λ = tan θ, θ evenly spaced in (0, π/2), of shares of clusters."""
    theta = torch.linspace(EDGE, math.pi / 2 - EDGE, angles, dtype=torch.float64)
    slopes = theta.tan()
    real, fake = real.double(), fake.double()
    precision = sum(
        torch.minimum(slopes * p, q)
        for p, q in zip(real[..., None].unbind(-2), fake[..., None].unbind(-2), strict=True)
    )
    assert isinstance(precision, Tensor)
    return precision.clamp(max=1), (precision / slopes).clamp(max=1)


def f_scores(
    precision: Float[Tensor, "*b angles"], recall: Float[Tensor, "*b angles"], *, beta: float = 8
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """The largest F_β and F_1/β along the curve, F_β = (1 + β²) α β' / (β² α + β')."""
    return _largest_f(precision, recall, beta), _largest_f(precision, recall, 1 / beta)


@dataclass(frozen=True)
class PRD:
    """F_8 (recall) and F_1/8 (precision) of k-means clusters, averaged over runs of k-means.

    The settings are those of the paper. Equally many of each side are used, at most `most`. The
    floors compare reals with reals drawn again, intervals are of samples drawn again, p is by
    permuting who is which; all with the clusters found.
    """

    clusters: int = 20
    runs: int = 10
    angles: int = 1001
    most: int = 5000

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """Two estimates: "prd_f8" and "prd_f1_8"; the curve is in the details of the first."""
        real, fake = comparison.real_features, comparison.fake_features
        n = min(len(real), len(fake), self.most)
        if 2 * n < self.clusters:
            raise InputError(
                f"{2 * n} samples make no {self.clusters} clusters: give more, or ask for fewer."
            )
        stream = comparison.stream("prd")
        real, fake = comparison.equally_many(stream, self.most)
        labels = self._cluster(torch.cat([real, fake]), stream)
        ours, theirs = torch.arange(n), torch.arange(n, 2 * n)
        precision, recall = self._curve(labels, [(ours, theirs)])
        values = f_scores(precision, recall)
        spread = self._resampled(labels, ours, theirs, stream)
        floor = self._resampled(labels, ours, ours, stream).mean(1)
        order = [stream.permutation(2 * n) for _ in range(DRAWS - 1)]
        null = torch.stack(f_scores(*self._curve(labels, [(o[:n], o[n:]) for o in order])))
        notes = comparison.note_of(n)
        return tuple(
            comparison.estimate(
                self,
                key,
                label,
                value := float(values[i]),
                n=(n, n),
                interval=_within_one(value, float(spread[i].std())),
                floor=float(floor[i]),
                p=permutation_p(-value, -null[i] - 1e-12),
                better="higher",
                meaning=meaning.format(value, float(floor[i])),
                notes=notes,
                details=self._details(precision[0], recall[0]) if i == 0 else None,
            )
            for i, (key, label, meaning) in enumerate(_SCORES)
        )

    def _cluster(self, x: Tensor, stream: Stream) -> Int64[Tensor, "runs n"]:
        """Each sample's cluster, once for each run."""
        # Near 0, where doubles are the finest; what is one point is one cluster.
        x = x - x.mean(0)
        clusters = min(self.clusters, len(x.unique(dim=0)))
        labels = []
        for seed in stream.integers(2**31 - 1, self.runs).tolist():
            model = MiniBatchKMeans(clusters, n_init=3, batch_size=1024, random_state=seed)
            with threadpool_limits(limits=1):
                labels.append(torch.from_numpy(model.fit_predict(x.numpy())).long())
        return torch.stack(labels)

    def _curve(self, labels: Tensor, sides: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """The curves of several pairs of sides (rows), each averaged over the runs."""
        precision = recall = torch.zeros(len(sides), self.angles, dtype=torch.float64)
        for run in labels:
            p, q = (
                torch.stack([_shares(run[pair[side]], self.clusters) for pair in sides])
                for side in (0, 1)
            )
            one, other = prd_curve(real=p, fake=q, angles=self.angles)
            precision, recall = precision + one / len(labels), recall + other / len(labels)
        return precision, recall

    def _resampled(self, labels: Tensor, a: Tensor, b: Tensor, stream: Stream) -> Tensor:
        """Both scores, (2, DRAWS), of sides drawn again from rows a and from rows b."""
        sides = [
            (a[stream.integers(len(a), len(a))], b[stream.integers(len(b), len(b))])
            for _ in range(DRAWS)
        ]
        return torch.stack(f_scores(*self._curve(labels, sides)))

    def _details(self, precision: Tensor, recall: Tensor) -> dict[str, list[float]]:
        """Every tenth point of the curve and the last: enough to draw it."""
        some = torch.arange(0, self.angles, max(1, (self.angles - 1) // 100))
        return {"precision": precision[some].tolist(), "recall": recall[some].tolist()}


_SCORES = (
    (
        "prd_f8",
        "PRD F8",
        "The fakes have {:.0%} of what the reals have (a perfect generator {:.0%}).",
    ),
    (
        "prd_f1_8",
        "PRD F1/8",
        "The reals have {:.0%} of what the fakes have (a perfect generator {:.0%}).",
    ),
)


def _largest_f(precision: Tensor, recall: Tensor, beta: float) -> Tensor:
    square = beta * beta
    below = square * precision + recall
    scores = (1 + square) * precision * recall / torch.where(below > 0, below, 1.0)
    return scores.amax(-1)


def _shares(labels: Tensor, clusters: int) -> Tensor:
    return torch.bincount(labels, minlength=clusters).double() / len(labels)


def _within_one(value: float, error: float) -> tuple[float, float]:
    return max(0.0, value - Z * error), min(1.0, value + Z * error)
