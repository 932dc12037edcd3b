"""Which modes of a known mixture, or which classes of labelled data, p_g has: and how often.

A sample is of high quality within 3 sigma of its nearest mode, a mode is captured by one such
sample (Srivastava et al. 2017, VEEGAN, section 4; Lin et al. 2018, PacGAN, section 4.1). In d
dimensions a perfect generator has the share P(d/2, 3²/2) of them, 1 - exp(-4.5) = 98.89 % for two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.metrics.comparison import Classifier, Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.histograms import Histogram, homogeneity_null
from gannets.metrics.resampling import binomial_p, permutation_p, wilson
from gannets.metrics.wording import meaning
from gannets.theory.densities import Density, Mixture, Normal

__all__ = ["LabelledModes", "Modes", "labels_of", "mode_distances"]

EXACT = 200_000
"""Exact samples by which the ceiling is found where modes overlap."""
CHUNK = 500
COUNT = "No interval: it is the count of these very samples; p says what chance makes of it."


@dataclass(frozen=True, eq=False)
class _Mode:
    """A centre (d,), W with |W (x - centre)| in standard deviations, and a weight."""

    centre: Tensor
    whitening: Tensor
    weight: float


def _parts(density: Density, weight: float = 1.0) -> list[_Mode]:
    """The modes of a density, those of a mixture with their components' own widths and weights."""
    if isinstance(density, Mixture):
        pairs = zip(density.shares.tolist(), density.components, strict=True)
        return [mode for share, part in pairs for mode in _parts(part, weight * share)]
    modes, scale = density.modes.double(), density.scale
    if len(modes) and not scale > 0:
        raise Unmeasurable("The modes of this density have no width: there is no 3 sigma of them.")
    if isinstance(density, Normal) and len(modes):
        factor, info = torch.linalg.cholesky_ex(density.moments.covariance.double())
        if int(info):
            raise Unmeasurable("A mode of this density is flat: it has no width in a direction.")
        whitening = torch.linalg.inv(factor)
    else:
        whitening = torch.eye(density.dimension, dtype=torch.float64) / (scale or 1.0)
    return [_Mode(centre, whitening, weight / len(modes)) for centre in modes]


def mode_distances(density: Density, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """Distance of each point to each mode, in that mode's standard deviations (Mahalanobis)."""
    x = x.double()
    return torch.stack(
        [((x - mode.centre) @ mode.whitening.T).norm(dim=1) for mode in _parts(density)], dim=1
    )


@dataclass(frozen=True)
class Modes:
    """Modes captured, the share of high-quality samples, and KL(modes of p_g || their weights).

    `within` is in standard deviations. "modes" asks for one high-quality sample of a mode,
    "modes_20" for `least` of them, which strays do not reach. Needs the density of the data.
    """

    within: float = 3.0
    least: int = 20

    def __post_init__(self) -> None:
        """Refuse a radius or a count that is none."""
        if not self.within > 0 or self.least < 1:
            raise ValueError(f"within={self.within} must be positive, least={self.least} >= 1.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        density = comparison.density
        if density is None:
            raise Unmeasurable(
                "Modes are counted where the density of the data is known: give a Ring, a Grid or "
                "another mixture as the real side."
            )
        parts = _parts(density)
        if not parts:
            raise Unmeasurable("The density of the data has no modes (a curve, a box).")
        if comparison.fake.are_images or comparison.fake.event != (density.dimension,):
            raise Unmeasurable(
                f"The density has {density.dimension} dimensions, the samples have shape "
                f"{comparison.fake.event}."
            )
        counts = self._counts(density, comparison.fake.x)
        weights = torch.tensor([mode.weight for mode in parts], dtype=torch.float64)
        ceiling, exact = self._ceiling(comparison, density, weights)
        captured = self._captured(comparison, counts, exact * ceiling)
        return (
            *captured,
            self._quality(comparison, counts, ceiling),
            self._divergence(comparison, counts, exact),
        )

    def _counts(self, density: Density, x: Tensor) -> Int64[Tensor, " k"]:
        """High-quality samples by mode."""
        counts = torch.zeros(len(_parts(density)), dtype=torch.int64)
        for part in x.split(1 << 15):
            distance, mode = mode_distances(density, part).min(1)
            counts += torch.bincount(mode[distance <= self.within], minlength=len(counts))
        return counts

    def _ceiling(
        self, comparison: Comparison, density: Density, weights: Tensor
    ) -> tuple[float, Tensor]:
        """The share of high quality of p_data itself, and how it is spread over the modes."""
        parts = _parts(density)
        centres = torch.stack([mode.centre for mode in parts])
        apart = mode_distances(density, centres).fill_diagonal_(torch.inf)
        # A third of a sigma beyond 2 * within, what leaks from one ball to another is nothing.
        if float(apart.min()) >= 2 * self.within + 1 / 3:
            half = torch.tensor(density.dimension / 2, dtype=torch.float64)
            return float(torch.special.gammainc(half, half.new_tensor(self.within**2 / 2))), weights
        generator = comparison.stream("modes").at(1).generator
        counts = self._counts(density, density.sample(EXACT, generator))
        return float(counts.sum()) / EXACT, (counts + 0.5) / float((counts + 0.5).sum())

    def _captured(
        self, comparison: Comparison, counts: Tensor, shares: Tensor
    ) -> tuple[Estimate, ...]:
        n, total = len(comparison.fake), len(counts)
        found = []
        for least in dict.fromkeys((1, self.least)):
            value = int((counts >= least).sum())
            expected = sum(binomial_p(least, n, min(float(q), 1 - 1e-12)) for q in shares)
            missing = total - value
            most = 1 - 0.05 ** (1 / n)
            unseen = (f"A mode without a sample may still have up to {most:.2%} of p_g.",)
            words = "one sample" if least == 1 else f"{least} samples"
            found.append(
                comparison.estimate(
                    self,
                    "modes" if least == 1 else f"modes_{least}",
                    f"modes of {total}" + ("" if least == 1 else f" (>= {least})"),
                    value,
                    through="samples",
                    floor=expected,
                    # Markov: at least m are missed with a probability of at most E[missed] / m.
                    p=min(1.0, (total - expected) / missing) if missing else 1.0,
                    better="higher",
                    meaning=f"{value} of {total} modes have at least {words} of high quality.",
                    notes=(*(unseen if missing and least == 1 else ()), COUNT),
                    details={"counts": counts.tolist()},
                )
            )
        return tuple(found)

    def _quality(self, comparison: Comparison, counts: Tensor, ceiling: float) -> Estimate:
        n, good = len(comparison.fake), int(counts.sum())
        value, q = good / n, min(ceiling, 1 - 1e-12)
        tails = binomial_p(good, n, q), binomial_p(n - good, n, 1 - q)
        interval, p = wilson(good, n), min(1.0, 2 * min(tails))
        worse = f"{1 - value:.1%} of the samples lie off the modes; of the data {1 - q:.1%}."
        if value > ceiling:
            worse = "More samples lie near the modes than of the data: the modes are too narrow."
        return comparison.estimate(
            self,
            "high_quality",
            "high quality",
            value,
            through="samples",
            interval=interval,
            floor=ceiling,
            p=p,
            better="near",
            meaning=meaning(
                value,
                floor=ceiling,
                interval=interval,
                p=p,
                better="near",
                level="As many samples lie near the modes as of the data.",
                worse=worse,
            ),
        )

    def _divergence(self, comparison: Comparison, counts: Tensor, weights: Tensor) -> Estimate:
        if not int(counts.sum()):
            return comparison.estimate(
                self,
                "mode_kl",
                "mode KL",
                math.inf,
                through="samples",
                meaning="No sample is near any mode: there is nothing to compare.",
            )
        histogram = Histogram(counts, weights)
        null = histogram.null(comparison.stream("modes").at(0))
        return comparison.estimate(
            self,
            "mode_kl",
            "mode KL",
            histogram.kl,
            through="samples",
            interval=histogram.interval,
            floor=histogram.floor,
            p=permutation_p(histogram.kl, null),
            meaning=histogram.meaning("mode"),
            details=histogram.details,
        )


def labels_of(classifier: Classifier, x: Float[Tensor, "n ..."]) -> Int64[Tensor, " n"]:
    """The likeliest class of each sample."""
    with torch.no_grad():
        return torch.cat(
            [classifier.probabilities(part).argmax(1).cpu() for part in x.split(CHUNK)]
        )


@dataclass(frozen=True)
class LabelledModes:
    """Classes that p_g has of those of the data, and KL(classes of p_g || classes of the data).

    Both sides are seen by the classifier, whose errors are then the same. Needs a classifier.
    """

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        classifier = comparison.classifier
        if classifier is None:
            raise Unmeasurable("Classes are counted by a classifier: give one, or labelled data.")
        real, fake = (
            torch.bincount(labels_of(classifier, side.x), minlength=classifier.classes)
            for side in (comparison.real, comparison.fake)
        )
        n, there = len(comparison.fake), real > 0
        value, total = int((fake[there] > 0).sum()), int(there.sum())
        chances = 1 - (1 - real[there].double() / real.sum()) ** n
        expected, missing = float(chances.sum()), total - int((fake[there] > 0).sum())
        absent = torch.nonzero(there & (fake == 0)).flatten().tolist()
        classes = comparison.estimate(
            self,
            "classes",
            f"classes of {total}",
            value,
            through=classifier.id,
            floor=expected,
            p=min(1.0, (total - expected) / missing) if missing else 1.0,
            better="higher",
            meaning=f"No sample is of class {', '.join(map(str, absent))}."
            if absent
            else "Every class of the data is there.",
            notes=(COUNT,),
            details={"missing": absent, "fake": fake.tolist(), "real": real.tolist()},
        )
        # Half a sample more of each: a class that the real ones happen to lack costs no infinity.
        weights = (real + 0.5) / float((real + 0.5).sum())
        histogram = Histogram(fake, weights)
        null = homogeneity_null(fake=fake, real=real, stream=comparison.stream("classes"))
        divergence = comparison.estimate(
            self,
            "class_kl",
            "class KL",
            histogram.kl,
            through=classifier.id,
            interval=histogram.interval_beside(real, null),
            floor=float(null.mean()),
            p=permutation_p(histogram.kl, null),
            meaning=histogram.meaning("class"),
            details=histogram.details,
        )
        return classes, divergence
