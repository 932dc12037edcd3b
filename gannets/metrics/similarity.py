"""MS-SSIM: how alike two images are, and how alike a generator's images are among themselves.

Wang et al. (2003), eq. 7: MS-SSIM = l_M^{w_M} Π_j (cs_j)^{w_j}, where at each scale j, half the
size of the last, cs is the mean of (2 s_xy + C2)/(s_x² + s_y² + C2) over windows, and l that of
(2 m_x m_y + C1)/(m_x² + m_y² + C1), at the last scale with cs in one mean. Odena et al. (2017)
take the mean over random pairs of one class: the higher, the less diverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import mean_interval
from gannets.metrics.samples import Samples
from gannets.metrics.wording import meaning

__all__ = ["MSSSIM", "ms_ssim", "scales"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
NUMBERS = 1 << 22
"""Of the pairs that are looked at together."""


def scales(height: int, width: int) -> int:
    """On how many scales, 5 at most, an image is as large as a window of 11; 1 for smaller ones."""
    side = min(height, width)
    return max(1, min(len(WEIGHTS), 1 + int(math.log2(max(1.0, side / WINDOW)) + 1e-9)))


def ms_ssim(a: Float[Tensor, "n c h w"], b: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """MS-SSIM of each pair of images with values in [0, 1]; 1 where they are the same.

    Windows are Gaussian, 11 x 11, σ = 1.5, wholly inside the image. Small images have fewer scales,
    with the first weights divided by their sum; below 11 pixels the window shrinks with its σ.
    Scales are halved by 2 x 2 means. Channels are compared one by one and averaged; a negative cs
    counts as 0, as it has no real power.
    """
    a, b = a.double(), b.double()
    n, channels, height, width = a.shape
    levels = scales(height, width)
    weights = torch.tensor(WEIGHTS[:levels], dtype=torch.float64)
    weights = weights / weights.sum()
    a, b = a.reshape(-1, 1, height, width), b.reshape(-1, 1, height, width)
    product = torch.ones(len(a), dtype=torch.float64)
    for level, weight in enumerate(weights):
        if level:
            a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
        luminance, contrast = _ssim_parts(a, b)
        last = level == levels - 1
        part = luminance * contrast if last else contrast
        product = product * part.flatten(1).mean(1).clamp(min=0) ** weight
    return product.view(n, channels).mean(1)


@dataclass(frozen=True)
class MSSSIM:
    """Mean MS-SSIM of random pairs of fakes, of one class where both sides have labels.

    No image is in two pairs, so that the pairs are independent. The floor is the same of the reals;
    p is two-sided, by the difference of the two means.
    """

    pairs: int = 1000

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "ms_ssim"."""
        real, fake = comparison.real, comparison.fake
        if not fake.are_images:
            raise Unmeasurable(
                "MS-SSIM compares images: give samples (n, channels, height, width)."
            )
        labelled = real.y is not None and fake.y is not None
        stream = comparison.stream("ms_ssim")
        ours = self._similarities(fake, labelled, stream.at(0))
        theirs = self._similarities(real, labelled, stream.at(1))
        value, floor = float(ours.mean()), float(theirs.mean())
        several = min(len(ours), len(theirs)) >= 2
        interval = mean_interval(ours) if several else None
        p = _difference_p(ours, theirs) if several else None
        return (
            comparison.estimate(
                self,
                "ms_ssim",
                "MS-SSIM",
                value,
                through="samples",
                n=(2 * len(theirs), 2 * len(ours)),
                interval=interval,
                floor=floor,
                p=p,
                better="near",
                meaning=_meaning(value, floor, interval, p),
                notes=self._notes(comparison, labelled, len(ours)),
                details={"scales": scales(*fake.event[1:]), "pairs": len(ours)},
            ),
        )

    def _similarities(self, samples: Samples, labelled: bool, stream: Stream) -> Tensor:
        pairs = _pairs(len(samples), samples.y if labelled else None, stream)[: self.pairs]
        if not len(pairs):
            raise InputError(f"No two of {samples.name} are of one class: give more of each.")
        size = max(1, NUMBERS // math.prod(samples.event))
        return torch.cat(
            [ms_ssim(samples.x[some[:, 0]], samples.x[some[:, 1]]) for some in pairs.split(size)]
        )

    def _notes(self, comparison: Comparison, labelled: bool, pairs: int) -> tuple[str, ...]:
        levels = scales(*comparison.fake.event[1:])
        notes = [f"{pairs:,} pairs {'of one class' if labelled else 'of any two images'}."]
        if levels < len(WEIGHTS):
            notes.append(f"The images are small: {levels} of 5 scales, weights renormalised.")
        if min(comparison.fake.event[1:]) < WINDOW:
            notes.append("They are smaller than a window of 11 pixels: it shrinks to their size.")
        return tuple(notes)


def _ssim_parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure of each window."""
    rows, columns = (_gaussian(min(WINDOW, side)) for side in a.shape[-2:])

    def blur(x: Tensor) -> Tensor:
        return conv2d(conv2d(x, rows[None, None, :, None]), columns[None, None, None, :])

    # About the middle of [0, 1]: variances then cancel less.
    mean_a, mean_b = blur(a), blur(b)
    half_a, half_b = a - 0.5, b - 0.5
    off_a, off_b = mean_a - 0.5, mean_b - 0.5
    variance = blur(half_a * half_a + half_b * half_b) - off_a * off_a - off_b * off_b
    covariance = blur(half_a * half_b) - off_a * off_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return luminance, (2 * covariance + C2) / (variance + C2)


def _gaussian(size: int) -> Tensor:
    """A window whose sum is 1; σ is 1.5 at size 11, and in proportion below."""
    at = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    window = torch.exp(-at.square() / (2 * (SIGMA * size / WINDOW) ** 2))
    return window / window.sum()


def _pairs(n: int, y: Tensor | None, stream: Stream) -> Int64[Tensor, "pairs 2"]:
    """Disjoint pairs, of one class where there are classes, in random order."""
    order = stream.permutation(n)
    if y is not None:
        order = order[y[order].argsort(stable=True)]
        groups = order.split(torch.unique_consecutive(y[order], return_counts=True)[1].tolist())
    else:
        groups = (order,)
    pairs = torch.cat([group[: len(group) // 2 * 2].view(-1, 2) for group in groups])
    return pairs[stream.permutation(len(pairs))]


def _difference_p(a: Tensor, b: Tensor) -> float:
    """Two-sided p of the means' difference, by the central limit theorem (Welch)."""
    variance = float(a.var()) / len(a) + float(b.var()) / len(b)
    difference = abs(float(a.mean() - b.mean()))
    if variance == 0:
        return 1.0 if difference == 0 else 0.0
    return min(1.0, 2 * NormalDist().cdf(-difference / math.sqrt(variance)))


def _meaning(
    value: float, floor: float, interval: tuple[float, float] | None, p: float | None
) -> str:
    more = "more" if value > floor else "less"
    return meaning(
        value,
        floor=floor,
        interval=interval,
        p=p,
        better="near",
        level="Two fakes are as alike as two reals are, as far as these pairs can tell.",
        worse=f"Two fakes are {more} alike than two reals are: {value:.3f} against {floor:.3f}.",
    )
