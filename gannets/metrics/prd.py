"""Precision and recall of distributions: a curve of what of one law the other has.

Sajjadi et al. (2018): at each slope λ, precision α(λ) = Σ_ω min(λ p(ω), q(ω)) and recall
β(λ) = α(λ)/λ, p the reals' and q the fakes' shares of the clusters of their union. The
curve is summed up by its largest F_8, which weighs recall, and F_1/8, which weighs precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
from gannets.metrics.subsampling import Scatter, share_interval, subsampled

__all__ = ["PRD", "f_scores", "prd_curve"]

EDGE = 1e-6
"""How near the curve's ends come to the axes, in radians, as in the authors' code."""
DRAWS = 100
"""Resampled pairs of histograms for floors, and permutations for p."""
SQUARES = 6
"""Squared differences of subsets a standard error is averaged over: k-means takes its time."""
FEW = 20
"""Samples a side to a cluster: at 5 of them intervals held their mean in 78 to 93 %, not 95."""


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
    floors compare reals with reals drawn again and p is by permuting who is which, both with the
    clusters found. Intervals have all that scatters: disjoint subsets of both sides are clustered
    anew, and the runs of k-means differ among themselves.
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
        scatter = self._scatter(real, fake, stream.at(1))
        runs = torch.stack(f_scores(*self._curves(labels, ours, theirs)))
        own = runs.var(1) / self.runs if self.runs > 1 else torch.zeros(2)
        floor = self._resampled(labels, ours, ours, stream).mean(1)
        order = [stream.permutation(2 * n) for _ in range(DRAWS - 1)]
        null = torch.stack(f_scores(*self._curve(labels, [(o[:n], o[n:]) for o in order])))
        notes: tuple[str, ...] = (
            () if scatter else (f"No interval: it takes {2 * self.clusters} samples a side.",)
        )
        if scatter and n < FEW * self.clusters:
            notes += ("So few samples to a cluster: the interval may be too short.",)
        notes += comparison.note_of(n)
        return tuple(
            comparison.estimate(
                self,
                key,
                label,
                value := float(values[i]),
                n=(n, n),
                interval=_interval(value, scatter[i], float(own[i]), n) if scatter else None,
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
        with threadpool_limits(limits=1):
            for seed in stream.integers(2**31 - 1, self.runs).tolist():
                model = MiniBatchKMeans(clusters, n_init=3, batch_size=1024, random_state=seed)
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

    def _curves(self, labels: Tensor, ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
        """The curve of each run by itself."""
        p, q = (
            torch.stack([_shares(run[side], self.clusters) for run in labels])
            for side in (ours, theirs)
        )
        return prd_curve(real=p, fake=q, angles=self.angles)

    def _scatter(self, real: Tensor, fake: Tensor, stream: Stream) -> list[Scatter]:
        """Of both scores over samples, each subset clustered anew and by two runs."""
        twice, n = replace(self, runs=2), len(real)
        seeds = stream.at(1)

        def again(a: Tensor, b: Tensor) -> Tensor:
            labels = twice._cluster(torch.cat([real[a], fake[b]]), seeds)
            rows = torch.arange(len(a) + len(b))
            curves = twice._curves(labels, rows[: len(a)], rows[len(a) :])
            return torch.stack(f_scores(*curves), dim=1)

        return subsampled(again, n, n, stream, smallest=self.clusters, squares=SQUARES)

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


def _interval(value: float, scatter: Scatter, own: float, n: int) -> tuple[float, float]:
    """Of samples drawn again, whose error is measured at the subsets' scores, and k-means anew."""
    low, high = share_interval(value, scatter.error, n, typical=scatter.mean)
    below, above = (math.hypot(side, Z * math.sqrt(own)) for side in (value - low, high - value))
    return max(0.0, value - below), min(1.0, value + above)
