"""Classifier two-sample tests: can a classifier tell fakes from reals it has not seen?

Lopez-Paz and Oquab (2017): fit on half of the samples; the accuracy on the other half is 1/2 where
p_g = p_data. With as many reals as fakes, the correct answers are then at most as scattered as
binomial(n_test, 1/2), so that its tail is a valid p-value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import nearest
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import binomial_p, wilson

__all__ = ["C2ST", "auc"]

LEAST = 10
"""Samples a side: with fewer, 5 to learn from and 5 to be tested on, nothing can be told."""
WIDE = 50
"""Dimensions above which distances say little, and nearest neighbours lose power."""
LABELS = {"knn": "kNN", "logistic": "logistic", "boosting": "boosting"}


@dataclass(frozen=True)
class C2ST:
    """Accuracy of a fresh classifier of reals and fakes on held-out halves; 1/2 is best.

    "knn" has k = √n of the training half, odd, and sees any difference in few dimensions;
    "logistic" is linear, and sees means; "boosting" is gradient-boosted trees, and sees what single
    features and their interactions show. Inputs are standardised by the training half. Equally
    many of each side are used, at most `most`.

    The interval is of the accuracy that this classifier, as it was fitted, has on all of p_data and
    p_g: a lower bound of how well the two can be told apart. One that learns from other samples has
    another accuracy.
    """

    classifier: Literal["knn", "logistic", "boosting"] = "knn"
    most: int = 2000

    def __post_init__(self) -> None:
        """Refuse a classifier that there is not."""
        if self.classifier not in LABELS:
            raise InputError(
                f"C2ST has the classifiers {', '.join(LABELS)}, not {self.classifier!r}: take one."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "c2st_knn", "c2st_logistic" or "c2st_boosting"."""
        real, fake = comparison.real_features, comparison.fake_features
        n = min(len(real), len(fake), self.most)
        if n < LEAST:
            raise InputError(
                f"There are {len(real)} real and {len(fake)} fake samples: a classifier takes "
                f"at least {LEAST} of each, half of them to learn from. Give more."
            )
        stream = comparison.stream(f"c2st_{self.classifier}")
        # Each side in a random order of its own; the first half is learned from.
        real, fake = comparison.equally_many(stream, self.most)
        train, test = torch.cat([real[: n // 2], fake[: n // 2]]), (real[n // 2 :], fake[n // 2 :])
        seed = int(stream.integers(2**31 - 1, 1))
        scores = self._scores(train, torch.cat(test), seed)
        is_real = torch.arange(len(scores)) < len(test[0])
        correct, total = int(((scores > 0) == is_real).sum()), len(scores)
        p = binomial_p(correct, total)
        return (
            comparison.estimate(
                self,
                f"c2st_{self.classifier}",
                f"C2ST {LABELS[self.classifier]}",
                correct / total,
                n=(n, n),
                interval=wilson(correct, total),
                floor=0.5,
                p=p,
                better="lower",
                meaning=_meaning(correct / total, p, wilson(correct, total)[1]),
                notes=self._notes(comparison, n),
                details={"auc": auc(scores, is_real), "tested": total},
            ),
        )

    def _scores(self, train: Tensor, test: Tensor, seed: int) -> Tensor:
        """Above 0 where a test sample is held to be real."""
        mean, scale = train.mean(0), train.std(0)
        # What does not vary in the training half is only centred.
        scale = torch.where(scale > 1e-12 * (1 + mean.abs()), scale, 1.0)
        x, z = (train - mean) / scale, (test - mean) / scale
        is_real = torch.arange(len(x)) < len(x) // 2
        if self.classifier == "knn":
            k = (math.isqrt(len(x)) - 1) | 1
            return is_real[nearest(z, x, k=k)[1]].double().mean(1) - 0.5
        model = (
            LogisticRegression(max_iter=1000)
            if self.classifier == "logistic"
            else HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        )
        # One thread: sums have one order, and the result is the same anywhere.
        with threadpool_limits(limits=1):
            model.fit(x.numpy(), is_real.numpy())
            return torch.as_tensor(model.decision_function(z.numpy()), dtype=torch.float64)

    def _notes(self, comparison: Comparison, n: int) -> tuple[str, ...]:
        d = comparison.real_features.shape[1]
        notes = [*comparison.note_of(n)]
        if self.classifier == "knn" and d > WIDE:
            notes.append(
                f"In {d} dimensions nearest neighbours see little: 1/2 may mean too weak a test."
            )
        return tuple(notes)


def auc(scores: Float[Tensor, " n"], positive: Bool[Tensor, " n"]) -> float:
    """P(score of a positive > score of another) + 1/2 P(equal): Mann and Whitney's U, scaled."""
    ours, others = scores[positive], scores[~positive].sort().values
    below = torch.searchsorted(others, ours.contiguous())
    up_to = torch.searchsorted(others, ours.contiguous(), right=True)
    return float((below + up_to).double().mean() / 2 / len(others))


def _meaning(accuracy: float, p: float, upper: float) -> str:
    if upper < 0.5:
        return "Fakes are taken for reals more often than by chance: they may be copies of reals."
    if p > 0.05:
        return "The classifier does not tell reals from fakes."
    return f"The classifier tells reals from fakes, {accuracy:.0%} of the time."
