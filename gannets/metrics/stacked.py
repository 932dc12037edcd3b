"""Stacked MNIST: three random digits as the channels of one image make 10³ modes.

Srivastava et al. 2017 (VEEGAN), section 4.2; Lin et al. 2018 (PacGAN), section 4.2: 26,000 samples,
a classifier for each channel, the number of triples seen and KL(triples || uniform). A perfect
generator gets KL 999 / 52,000 = 0.0192 there, and misses 1000 (1 - 1/1000)^26000 = 5e-9 triples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.histograms import Histogram
from gannets.metrics.modes import COUNT, labels_of
from gannets.metrics.resampling import permutation_p

__all__ = ["PROTOCOL", "StackedModes", "stack", "triples"]

PROTOCOL = 26_000
"""Samples in the papers."""
CHANNELS = 3


def stack(
    x: Float[Tensor, "m 1 h w"],
    y: Int64[Tensor, " m"],
    *,
    stream: Stream,
    n: int,
    classes: int = 10,
) -> tuple[Float[Tensor, "n 3 h w"], Int64[Tensor, " n"]]:
    """`n` images whose channels are three of `x` drawn with repetition, and their modes.

    The mode of the classes a, b, c is (a C + b) C + c, C = `classes`. Raises `InputError` for no
    images.
    """
    if not len(x) or n < 1:
        raise InputError(f"{n} images cannot be stacked of {len(x)}: give at least one of each.")
    rows = stream.integers(len(x), n * CHANNELS).view(n, CHANNELS)
    return x[rows, 0], _mode(y[rows], classes)


def triples(labels: Int64[Tensor, "n 3"], classes: int) -> Int64[Tensor, " k"]:
    """How many samples there are of each of the classes³ triples."""
    return torch.bincount(_mode(labels, classes), minlength=classes**CHANNELS)


def _mode(labels: Tensor, classes: int) -> Tensor:
    return (labels[:, 0] * classes + labels[:, 1]) * classes + labels[:, 2]


@dataclass(frozen=True)
class StackedModes:
    """Triples seen, of all, and KL(triples || uniform), through the classifier of one channel."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        classifier = comparison.classifier
        if classifier is None:
            raise Unmeasurable(
                "Stacked modes are read off by a classifier of single channels: give one."
            )
        if not comparison.fake.are_images or comparison.fake.event[0] != CHANNELS:
            raise Unmeasurable(
                f"Stacked modes need images of {CHANNELS} channels, each a class of its own; these "
                f"samples are {comparison.fake.event}."
            )
        counts = self._counts(comparison, comparison.fake.x)
        real = self._counts(comparison, comparison.real.x)
        total, n = len(counts), len(comparison.fake)
        uniform = torch.full((total,), 1 / total, dtype=torch.float64)
        histogram, reals = Histogram(counts, uniform), Histogram(real, uniform)
        value, missed = int((counts > 0).sum()), total * (1 - 1 / total) ** n
        missing = total - value
        against = {"kl": reals.kl, "modes": int((real > 0).sum()), "n": reals.n}
        notes: tuple[str, ...] = (
            () if n == PROTOCOL else (f"The papers take {PROTOCOL:,} samples, not {n:,}.",)
        )
        modes = comparison.estimate(
            self,
            "stacked_modes",
            f"stacked modes of {total}",
            value,
            through=classifier.id,
            floor=total - missed,
            p=min(1.0, missed / missing) if missing else 1.0,
            better="higher",
            meaning=f"{missing} of {total} combinations were never seen."
            if missing
            else f"All {total} combinations were seen.",
            notes=(*notes, COUNT),
            details={"real": against},
        )
        null = histogram.null(comparison.stream("stacked"))
        if reals.kl > reals.floor + 4 * float(reals.null(comparison.stream("stacked").at(1)).std()):
            notes += (f"The real samples are not uniform themselves: theirs is {reals.kl:.4f}.",)
        divergence = comparison.estimate(
            self,
            "stacked_kl",
            "stacked KL",
            histogram.kl,
            through=classifier.id,
            interval=histogram.interval,
            floor=histogram.floor,
            p=permutation_p(histogram.kl, null),
            meaning=f"The combinations are as uneven as if {_effective(histogram):,.0f} of {total} "
            "were equally frequent.",
            notes=notes,
            details={**histogram.details, "real": against},
        )
        return modes, divergence

    def _counts(self, comparison: Comparison, x: Tensor) -> Int64[Tensor, " k"]:
        classifier = comparison.classifier
        assert classifier is not None
        labels = [labels_of(classifier, x[:, c : c + 1]) for c in range(CHANNELS)]
        return triples(torch.stack(labels, dim=1), classifier.classes)


def _effective(histogram: Histogram) -> float:
    """exp(entropy): the number of equally frequent modes with that entropy."""
    return float(torch.tensor(histogram.details["entropy"]).exp())
