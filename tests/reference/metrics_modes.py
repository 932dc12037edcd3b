"""Modes captured, high quality and KL, sample by sample, as PacGAN's tables count them."""

from __future__ import annotations

import math

import numpy as np


def mode_table(
    points: np.ndarray, centres: np.ndarray, sigma: float
) -> tuple[int, float, float, list[int]]:
    """Modes with a sample within 3 sigma, share within 3 sigma, KL to uniform, counts."""
    counts = [0] * len(centres)
    for x in points:
        distances = [math.dist(x, centre) for centre in centres]
        best = min(range(len(centres)), key=distances.__getitem__)
        if distances[best] <= 3 * sigma:
            counts[best] += 1
    good = sum(counts)
    kl = sum(c / good * math.log(c / good * len(centres)) for c in counts if c)
    return sum(c > 0 for c in counts), good / len(points), kl, counts
