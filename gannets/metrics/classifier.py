"""What a classifier makes of the samples: the classifier score, GAN-train and GAN-test.

A Fréchet distance through a classifier's hidden layer is the Fréchet distance with the features
`classifier:DIR`, and needs no metric of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Classifier, Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.features.classifier import fit_classifier
from gannets.metrics.resampling import normal_interval, wilson
from gannets.metrics.samples import Samples
from gannets.metrics.wording import meaning

__all__ = ["ClassifierScore", "GanTrainTest", "classifier_score"]


def classifier_score(
    probabilities: Float[Tensor, "n classes"],
) -> tuple[float, Float[Tensor, " n"]]:
    """Exp of the mean of KL(p(y|x_i) || p(y)), and the n divergences; p(y) is the mean row.

    Salimans et al. (2016), section 4. In [1, C]: 1 where all are judged alike, C where each is of
    one class for certain and all classes are as frequent. Rows must sum to 1.
    """
    p = probabilities.double()
    if p.ndim != 2 or len(p) < 2:
        raise InputError(
            f"A classifier score needs probabilities of 2 samples or more, not {p.shape}."
        )
    # The sum of a rounded softmax is not 1: half a digit would take the score out of [1, C].
    p = p / p.sum(1, keepdim=True)
    marginal = p.mean(0)
    divergences = (torch.special.xlogy(p, p) - torch.special.xlogy(p, marginal)).sum(1)
    score = math.exp(max(0.0, float(divergences.mean())))
    return min(score, float(p.shape[1])), divergences


@dataclass(frozen=True)
class ClassifierScore:
    """Exp of E KL(p(y|x) || p(y)) of the fakes, by the comparison's classifier; on all n at once.

    Called Inception score through FID's Inception only. It sees whether samples are judged with
    certainty and classes are as frequent, and nothing of the data: one perfect sample a class has
    the best score. Its floor is the score of as many real samples. On n samples it is expected to
    be too low, by the factor exp(-sum_k Var p_k / (2 n p_k)) to first order: scores of splits are
    lower than that of the whole.
    """

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, "classifier_score"."""
        classifier = _classifier(comparison)
        real, fake = comparison.real, comparison.fake
        n = len(fake)
        stream = comparison.stream("classifier_score")
        reference = real.draw(min(n, len(real)), stream)
        score, divergences = classifier_score(classifier.probabilities(fake.x))
        floor, ideal = classifier_score(classifier.probabilities(reference.x))
        error, error_ideal = _error(divergences), _error(ideal)
        low, high = normal_interval(math.log(score), error)
        classes = float(classifier.classes)
        interval = (
            min(score, max(1.0, math.exp(low))),
            max(score, min(classes, math.exp(high))),
        )
        notes = []
        if len(reference) < n:
            notes.append(f"The floor is that of {len(reference):,} real samples, for want of more.")
        if score > floor:
            notes.append(
                "Higher than real samples score: beyond their score, higher is not better."
            )
        spread = math.hypot(error, error_ideal)
        gap = math.log(score) - math.log(floor)
        p = _two_sided(gap / spread) if spread > 0 else None
        through = None if classifier.id == comparison.map.id else classifier.id
        preprocessing = getattr(classifier, "preprocessing", None)
        estimate = comparison.estimate(
            self,
            "classifier_score",
            "CS",
            score,
            through=through,
            preprocessing=preprocessing,
            n=(len(reference), n),
            interval=interval,
            floor=floor,
            p=p,
            better="higher",
            meaning=meaning(
                score,
                floor=floor,
                interval=interval,
                p=p,
                better="higher",
                level="Classes are as certain and as varied as those of real samples.",
                worse=f"As certain and varied as {score:.3g} of {classes:.0f} classes, real "
                f"{floor:.3g}.",
                beyond="Classes are more certain or more even than those of real samples.",
            ),
            notes=tuple(notes),
            details={"classes": classifier.classes, "classifier": classifier.id},
        )
        return (estimate,)


@dataclass(frozen=True)
class GanTrainTest:
    """GAN-train: the accuracy on real samples of a classifier fitted to labelled fakes. GAN-test:
    that on fakes of one fitted to real samples. Shmelkov et al. (2018), "How good is my GAN?".

    GAN-train falls where fakes lack quality or diversity, GAN-test only where quality or the label
    is wrong. The floor of both is the accuracy of real samples on others; all classifiers are
    fitted to equally many samples. Both sides need labels. Without a held-out set, real samples are
    cut in halves. Intervals are those of the test samples: another fit scatters besides.
    """

    steps: int = 500
    """Batches of 128 that each classifier is fitted to."""
    at_most: int = 10_000
    """Samples to fit to; the rest is left out."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """Two estimates, "gan_train" and "gan_test"."""
        fake = comparison.fake
        if fake.y is None or comparison.real.y is None:
            lacking = fake if fake.y is None else comparison.real
            raise Unmeasurable(
                f"GAN-train and GAN-test need a class for each sample, and {lacking.name} have "
                "none: give labels with both sides, such as those of a conditional generator."
            )
        train, test = _halves(comparison)
        n = min(len(train), len(fake), self.at_most)
        stream = comparison.stream("gan_train")
        seed = int(stream.integers(2**31 - 1, 1))
        stream.at(1)
        fakes, reals = fake.draw(n, stream), train.draw(n, stream)
        labels = torch.cat([each.y for each in (fake, train, test) if each.y is not None])
        classes = 1 + int(labels.max())

        def fitted(samples: Samples) -> Classifier:
            return fit_classifier(
                samples, holdout=test, classes=classes, steps=self.steps, seed=seed
            )

        by_fakes, by_reals = fitted(fakes), fitted(reals)
        right = _right(by_reals, test)
        notes = [f"Classifiers fitted to {n:,} samples each."]
        common = {"classes": classes, "fitted_to": n, "tested_on": len(test)}
        ceiling = right / len(test)
        taught, tested = _right(by_fakes, test), _right(by_reals, fake)
        return (
            comparison.estimate(
                self,
                "gan_train",
                "GAN-train",
                taught / len(test),
                through="samples",
                n=(len(test), n),
                interval=wilson(taught, len(test)),
                floor=ceiling,
                better="higher",
                meaning=f"Fakes teach a classifier {taught / len(test):.1%} of real samples, "
                f"real ones {ceiling:.1%}.",
                notes=tuple(notes),
                details=common,
            ),
            comparison.estimate(
                self,
                "gan_test",
                "GAN-test",
                tested / len(fake),
                through="samples",
                n=(n, len(fake)),
                interval=wilson(tested, len(fake)),
                floor=ceiling,
                p=_shares_differ(tested, len(fake), right, len(test)),
                better="near",
                meaning=f"{tested / len(fake):.1%} of fakes are what their label says to a "
                f"classifier of real samples, of real ones {ceiling:.1%}.",
                notes=tuple(notes),
                details=common,
            ),
        )


def _classifier(comparison: Comparison) -> Classifier:
    if comparison.classifier is not None:
        return comparison.classifier
    if isinstance(comparison.map, Classifier):
        return comparison.map
    raise Unmeasurable(
        "The classifier score needs a classifier: fit one with `gannets fit-classifier DATA --out "
        "DIR` and give --features classifier:DIR."
    )


def _halves(comparison: Comparison) -> tuple[Samples, Samples]:
    """Real samples to fit to, and others to test on."""
    train, holdout, real = comparison.train, comparison.holdout, comparison.real
    if train is not None and holdout is not None and None not in (train.y, holdout.y):
        return train, holdout
    if len(real) < 4:
        raise InputError(
            f"{real.name} are {len(real)}: GAN-train and GAN-test cut them in halves, and need 4."
        )
    order = comparison.stream("gan_train/halves").permutation(len(real))
    half = len(real) // 2
    return real.take(order[:half]), real.take(order[half:])


def _right(classifier: Classifier, samples: Samples) -> int:
    assert samples.y is not None
    return int((classifier.probabilities(samples.x).argmax(1) == samples.y).sum())


def _error(divergences: Tensor) -> float:
    """Standard error of log CS: to first order p(y) may be taken as known, its effect cancels."""
    return float(divergences.std()) / math.sqrt(len(divergences))


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def _shares_differ(a: int, n: int, b: int, m: int) -> float | None:
    """Two-sided p of a/n and b/m being of one probability, by the normal approximation."""
    pooled = (a + b) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    return _two_sided((a / n - b / m) / math.sqrt(variance)) if variance > 0 else None
