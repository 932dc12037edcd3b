"""Parzen log-likelihood, point by point and term by term."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm


def parzen(samples: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    values = []
    for x in points:
        terms = [norm.logpdf(x, loc=s, scale=sigma).sum() for s in samples]
        values.append(logsumexp(terms) - np.log(len(samples)))
    return np.array(values)
