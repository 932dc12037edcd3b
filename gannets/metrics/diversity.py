"""How diverse the fakes are beside the reals, by the spectrum of their features.

A diversity near that of the reals is best: noise is more diverse than data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import pair_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import Z

__all__ = ["EffectiveRank", "Spread", "Vendi", "effective_rank", "vendi_score"]

STEP = 0.02
"""The share by which a width is moved, for a slope."""
ENOUGH = 1000
"""Samples whose pairs determine the error of a median distance well."""

Measured = tuple[float, float]
"""A value and its standard error."""


def effective_rank(x: Float[Tensor, "n d"]) -> float:
    """exp(-Σ p log p), p = σ / Σ σ of the singular values of centred x: Roy and Vetterli (2007).

    Between 1, all variance along one direction, and min(n - 1, d); 0 where nothing varies.
    """
    return math.exp(_log_rank(x)[0])


def vendi_score(x: Float[Tensor, "n d"], *, width: float) -> float:
    """exp(-Σ λ log λ), λ the eigenvalues of K/n: Friedman and Dieng (2023).

    K has exp(-|x-y|² / 2 width²). The number of things that are wholly unlike, from 1 to n.
    """
    return math.exp(_log_vendi(x, width)[0])


@dataclass(frozen=True)
class EffectiveRank:
    """Effective rank of the fakes over that of as many reals: in how many directions they vary."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "effective_rank"."""
        real, fake = comparison.equally_many(comparison.stream("effective_rank"))
        ours, theirs = _log_rank(fake), _log_rank(real)
        _varying(theirs[0])
        value, interval = _ratio(ours, theirs)
        return (
            comparison.estimate(
                self,
                "effective_rank",
                "effective rank ratio",
                value,
                n=(len(real), len(fake)),
                interval=interval,
                floor=1.0,
                better="near",
                meaning=f"The fakes vary in about {math.exp(ours[0]):.3g} directions; "
                f"the reals, in {math.exp(theirs[0]):.3g}.",
                notes=comparison.note_of(len(real)),
                details={"real": math.exp(theirs[0]), "fake": math.exp(ours[0])},
            ),
        )


@dataclass(frozen=True)
class Spread:
    """tr Cov(fakes) / tr Cov(reals): the variance of the fakes, all features summed."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "spread"."""
        ours, theirs = (
            _log_trace(comparison.fake_features),
            _log_trace(comparison.real_features),
        )
        _varying(theirs[0])
        value, interval = _ratio(ours, theirs)
        return (
            comparison.estimate(
                self,
                "spread",
                "spread ratio",
                value,
                interval=interval,
                floor=1.0,
                better="near",
                meaning=f"The variance of the fakes is {value:.3g} times that of the reals.",
                details={"real": math.exp(theirs[0]), "fake": math.exp(ours[0])},
            ),
        )


@dataclass(frozen=True)
class Vendi:
    """Vendi score of the fakes, beside that of as many reals (Friedman and Dieng 2023).

    The kernel is exp(-|x-y|² / 2 w²), w the median distance of reals unless `width` is given.
    The score grows with n: it is comparable at one n only. At most `most` of each side are used.
    """

    width: float | None = None
    most: int = 1000

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate: "vendi"."""
        real, fake = comparison.equally_many(comparison.stream("vendi"), self.most)
        width = _median_distance(real) if self.width is None else self.width
        if not width > 0:
            raise InputError(
                "Half of the reals or more are one point, so that their median distance, the "
                "width of Vendi's kernel, is 0: give Vendi(width=...)."
            )
        (log_ours, error), (log_theirs, _) = _log_vendi(fake, width), _log_vendi(real, width)
        if self.width is None:  # It is an estimate as well.
            wider = _log_vendi(fake, width * (1 + STEP))[0]
            slope = (wider - log_ours) / (width * STEP)
            error = math.hypot(error, slope * _width_error(real))
        ours, theirs = math.exp(log_ours), math.exp(log_theirs)
        return (
            comparison.estimate(
                self,
                "vendi",
                "Vendi",
                ours,
                n=(len(real), len(fake)),
                interval=(
                    max(1.0, ours * math.exp(-Z * error)),
                    min(float(len(fake)), ours * math.exp(Z * error)),
                ),
                floor=theirs,
                better="near",
                meaning=f"The fakes are as diverse as {ours:.3g} wholly unlike samples; as many "
                f"reals, as {theirs:.3g}.",
                notes=comparison.note_of(len(real)),
                details={"width": width},
            ),
        )


def _width_error(real: Tensor) -> float:
    """The standard error of the median distance of reals, which come in random order.

    A sample moves it by (1/2 - F_i)/f, F_i the share of the others within it, f the density there;
    the median is of pairs, in which each sample is twice.
    """
    some = real[:ENOUGH].double()
    distances = torch.cdist(some, some, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = distances[tuple(torch.triu_indices(len(some), len(some), 1))]
    low, middle, high = pairs.quantile(pairs.new_tensor([0.4, 0.5, 0.6])).tolist()
    within = (distances <= middle).double().sum(1).sub(1) / (len(some) - 1)
    return 2 * float(within.std()) * (high - low) / 0.2 / math.sqrt(len(real))


def _log_rank(x: Tensor) -> Measured:
    """The log of the effective rank H, and its standard error by the delta method.

    dH/dσ = -(log p + H) / Σσ, dσ/dλ = 1 / 2σ, and a sample's pull on the eigenvalue λ = σ² of the
    covariance is (v·x)² - λ.
    """
    n = len(x)
    centred = x.double() - x.double().mean(0)
    if _constant(x, float(centred.square().sum()) / n):
        return -math.inf, 0.0
    wide = n < centred.shape[1]
    gram = (centred @ centred.T if wide else centred.T @ centred) / n
    variances, vectors = torch.linalg.eigh(gram)
    keep = variances > max(centred.shape) * torch.finfo(gram.dtype).eps * variances[-1]
    variances, vectors = variances[keep], vectors[:, keep]
    along = n * variances * vectors.square() if wide else (centred @ vectors).square()
    sigma = variances.sqrt()
    p = sigma / sigma.sum()
    h = -(p * p.log()).sum()
    slope = -(p.log() + h) / sigma.sum() / (2 * sigma)
    pull = (along - variances) @ slope
    return float(h), float(pull.std()) / math.sqrt(n)


def _log_trace(x: Tensor) -> Measured:
    """The log of tr Cov(x), and its standard error by the delta method."""
    n = len(x)
    squares = (x.double() - x.double().mean(0)).square().sum(1)
    mean = float(squares.mean())
    if _constant(x, mean):
        return -math.inf, 0.0
    return math.log(mean * n / (n - 1)), float(squares.std()) / math.sqrt(n) / mean


def _constant(x: Tensor, variance: float) -> bool:
    """Whether what varies is rounding error, as far as numbers of their size can tell."""
    rounding = 8 * torch.finfo(torch.float64).eps * float(x.abs().max())
    return variance <= x.shape[1] * rounding**2


def _log_vendi(x: Tensor, width: float) -> Measured:
    """The entropy H of ρ = Σ φφᵀ/n, and its standard error: x pulls H by -φᵀ(log ρ)φ - H."""
    n = len(x)
    x = x.double() - x.double().mean(0)
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    kernel = torch.exp(-distances.square() / (2 * width**2))
    values, vectors = torch.linalg.eigh(kernel / n)
    values = values.clamp(min=0)
    h = -torch.xlogy(values, values).sum()
    pull = -n * vectors.square() @ torch.xlogy(values, values) - h
    return float(h), float(pull.std()) / math.sqrt(n)


def _ratio(ours: Measured, theirs: Measured) -> tuple[float, tuple[float, float]]:
    value, error = math.exp(ours[0] - theirs[0]), math.hypot(ours[1], theirs[1])
    return value, (value * math.exp(-Z * error), value * math.exp(Z * error))


def _varying(log: float) -> None:
    if log == -math.inf:
        raise InputError(
            "All reals have the same features, so that nothing can be more or less diverse than "
            "they are: choose features in which the reals differ."
        )


def _median_distance(x: Tensor) -> float:
    """Of 8 n pairs of samples: of each with those some places further on."""
    offsets = range(1, min(len(x), 9))
    return float(torch.cat([pair_distances(x, x.roll(by, 0)) for by in offsets]).median())
