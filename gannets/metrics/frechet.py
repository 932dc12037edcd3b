"""FD = |μ_r - μ_g|² + tr(S_r + S_g - 2 (S_r S_g)^{1/2}), Fréchet's distance between two Gaussians.

Dowson and Landau 1982; Heusel et al. 2017, eq. 6. With factors S = F Fᵀ the last term is twice the
nuclear norm of F_rᵀ F_g: real, never negative, right for singular covariances, and of no more than
n rows where n < d.

Of two n-samples of one law FD is not 0 but about C/n: `frechet_floor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.frechet_null import Floor, permutation_test, split_floor
from gannets.metrics.moments import SampleMoments
from gannets.metrics.resampling import quadratic_interval
from gannets.metrics.wording import meaning

__all__ = ["Frechet", "frechet_distance", "frechet_floor", "frechet_of_moments"]

LARGE = 1024
"""From this rank on, singular values by the symmetric eigenproblem of the Gram matrix."""
CONDITION = 1e-5
"""The least ratio of a Cholesky factor's diagonal with which it is taken for QR's."""
PRECISION = 1e-10
"""The relative error of their sum up to which singular values are taken from a Gram matrix."""


def frechet_distance(*, real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> float:
    """FD between the Gaussians fitted to two sets of features; 0 exactly for equal arrays.

    Raises `InputError` for fewer than two rows, numbers that are not finite, and unequal widths.
    """
    _check(real, fake)
    if torch.equal(real, fake):
        return 0.0
    first, second = _shifted(real, fake)
    mean, covariance = _distance(first, second)
    return max(0.0, mean + covariance)


def frechet_of_moments(*, real: SampleMoments, fake: SampleMoments) -> float:
    """FD of accumulated or stored moments.

    A covariance has half the digits of its samples: where it is singular, FD is exact to about
    1e-8 of the trace only.
    """
    gap = real.gap(fake).square().sum()
    traces = real.factor.square().sum() + fake.factor.square().sum()
    return max(0.0, float(gap + traces - 2 * _nuclear(real.factor.T @ fake.factor)))


def frechet_floor(covariance: Float[Tensor, "d d"], *, n_real: int, n_fake: int) -> float:
    """E[FD] of two samples of one Gaussian:

    (1/n_r + 1/n_g) (5/4 tr S + 1/2 Σ_ij l_i l_j / (l_i + l_j)),

    to second order in 1/n (the expansion of the Bures distance with Wishart's moments), l the
    eigenvalues of S: (2d + d(d+1)/2)/n for S = I and n on both sides. Too high where n < 2d.
    """
    values = torch.linalg.eigvalsh(covariance.double()).clamp(min=0)
    sums = values[:, None] + values
    pairs = torch.outer(values, values) / torch.where(sums > 0, sums, 1)
    return float((1 / n_real + 1 / n_fake) * (1.25 * values.sum() + pairs.sum() / 2))


@dataclass(frozen=True)
class Frechet:
    """Fréchet distance of the features, with what a perfect generator gets at this n.

    The floor is that of random splits of the real samples, brought to this n: it assumes nothing of
    their law, where the closed form is a Gaussian's. The interval is for E[FD_n], the bias at this
    n included: the variance of FD's first order in the samples (the infinitesimal jackknife:
    Jaeckel 1972, Efron 1982), less the part of the second order that it counts twice, which is the
    variance under the null.
    """

    splits: int = 100
    """Random splits of the real samples,"""
    permutations: int = 199
    """and exchanges of real and fake, at most: fewer where the features are many."""

    def __post_init__(self) -> None:
        """Refuse no splits, and too few permutations for any p-value."""
        if self.splits < 4 or self.permutations < 0:
            raise InputError(
                f"Frechet takes splits >= 4 and permutations >= 0, not {self.splits} and "
                f"{self.permutations}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """FD."""
        real, fake = comparison.real_features, comparison.fake_features
        _check(real, fake)
        d, n = real.shape[1], (len(real), len(fake))
        first, second = _shifted(real, fake)
        identical = torch.equal(real, fake)
        mean, covariance = (0.0, 0.0) if identical else _distance(first, second)
        clamped = mean + covariance < 0
        value = max(0.0, mean + covariance)
        stream = comparison.stream("fd")
        floor = comparison.once(
            ("split floor", n, self.splits),
            lambda: split_floor(first, n=n, draws=self.splits, stream=stream),
        )
        p = permutation_test(first, second, draws=self.permutations, stream=stream.at(1))
        first_order = first_order_variance(first, second)
        low, high = quadratic_interval(value, first_order=first_order, null=floor.std**2)
        interval = (max(0.0, low), high)
        notes = _notes(min(n), d, floor, clamped=clamped, identical=identical)
        if p is None and self.permutations >= 19:
            notes += (f"No p: with {d} features too few permutations can be afforded.",)
        estimate = comparison.estimate(
            self,
            "fd",
            "FD",
            value,
            interval=interval,
            floor=floor.mean,
            p=p,
            meaning=_meaning(value, floor, interval, p, identical=identical),
            notes=notes,
            details={
                "mean_part": mean,
                "covariance_part": covariance,
                "floor_split": floor.mean,
                "floor_closed": frechet_floor(_covariance(first), n_real=n[0], n_fake=n[1]),
                "z": None
                if floor.std == 0 or floor.extrapolated
                else (value - floor.mean) / floor.std,
                "splits": floor.draws,
                "clamped": clamped,
            },
        )
        return (estimate,)


def _check(real: Tensor, fake: Tensor) -> None:
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"Features of {real.shape[1]} and of {fake.shape[1]} numbers cannot be compared: both "
            "sides need one extractor."
        )
    for name, x in (("real", real), ("fake", fake)):
        if len(x) < 2:
            raise InputError(f"FD needs at least 2 {name} samples, not {len(x)}.")
        if not bool(torch.isfinite(x).all()):
            raise InputError(f"The {name} features hold NaN or infinity: leave these rows out.")


def _shifted(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both from the first real row on, as doubles: no digits are lost to a common offset."""
    origin = real[0].double()
    return real.double() - origin, fake.double() - origin


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def _distance(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """The part of the means and that of the covariances, which may be negative by rounding."""
    gap = real.mean(0) - fake.mean(0)
    first, second = _factor(real), _factor(fake)
    traces = first.square().sum() + second.square().sum()
    nuclear = _nuclear(first.T @ second)
    return float(gap.square().sum()), float(traces - 2 * nuclear)


def _factor(x: Float[Tensor, "n d"]) -> Float[Tensor, "d r"]:
    """F with F Fᵀ the covariance of the rows and r <= min(n, d)."""
    centred = (x - x.mean(0)) / math.sqrt(len(x) - 1)
    if len(x) <= x.shape[1]:
        return centred.T
    if x.shape[1] >= LARGE:
        # A Cholesky factor is cheaper than QR, and as good where S is far from singular.
        lower, failed = torch.linalg.cholesky_ex(centred.T @ centred)
        if int(failed) == 0 and _regular(lower):
            return lower
    return torch.linalg.qr(centred, mode="r").R.T


def _regular(lower: Tensor) -> bool:
    diagonal = lower.diagonal().abs()
    return bool(diagonal.min() > CONDITION * diagonal.max())


def _nuclear(product: Float[Tensor, "r s"]) -> Tensor:
    """The sum of the singular values of F_rᵀ F_g."""
    if min(product.shape) >= LARGE:
        gram = product @ product.T if product.shape[0] <= product.shape[1] else product.T @ product
        squares = torch.linalg.eigvalsh(gram)
        # A square is known to eps of the greatest; its root s, then, to that over 2 s.
        rounding = torch.finfo(squares.dtype).eps * squares[-1]
        if bool(squares[0] > rounding):
            values = squares.sqrt()
            if bool((rounding / (2 * values)).sum() < PRECISION * values.sum()):
                return values.sum()
    return torch.linalg.svdvals(product).sum()


def first_order_variance(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> float:
    """The variance of FD_n to first order in the samples: Σ over sides of var(influence)/n."""
    first, second = real - real.mean(0), fake - fake.mean(0)
    gap = real.mean(0) - fake.mean(0)
    left, right = _factor(real), _factor(fake)
    u, s, vt = torch.linalg.svd(left.T @ right, full_matrices=False)
    keep = s > 1e-7 * s.max() if float(s.max()) > 0 else s > 0
    root = s[keep].rsqrt()
    # |B_i|² = (V s Vᵀ)_ii for the i-th sample: what it adds to the nuclear norm, n times.
    sides = (
        (first, right @ (vt.T[:, keep] * root), gap),
        (second, left @ (u[:, keep] * root), -gap),
    )
    variance = 0.0
    for x, weights, direction in sides:
        n = len(x)
        influence = x.square().sum(1) - (x @ weights).square().sum(1)
        influence = influence * (n / (n - 1)) + 2 * (x @ direction)
        variance += float(influence.var()) / n
    return variance


def _notes(n: int, d: int, floor: Floor, *, clamped: bool, identical: bool) -> tuple[str, ...]:
    notes = []
    if n < 2 * d:
        notes.append(
            f"{n:,} samples are few for {d} features (fewer than {2 * d:,}): most of FD is the "
            "error of estimating covariances. Read it against its floor, or give more samples."
        )
    if floor.extrapolated:
        notes.append("The floor is extrapolated from smaller splits: good to about 10 %.")
    if clamped:
        notes.append("The sum was negative by rounding and is given as 0.")
    if identical:
        notes.append("Both sets are the same samples.")
    return tuple(notes)


def _meaning(
    value: float,
    floor: Floor,
    interval: tuple[float, float],
    p: float | None,
    *,
    identical: bool,
) -> str:
    if identical:
        return "The two sets are the same, which no generator's samples are."
    worse = "The real samples do not scatter at all, and the fake ones are not like them."
    if floor.mean > 0:
        times = value / floor.mean
        worse = (
            f"{times:.3g} times what real samples get among themselves: p_g differs from p_data."
        )
    # A floor that is extrapolated is good to 10 %: so far it decides nothing.
    slack = 0.1 * floor.mean if p is None and floor.extrapolated else 0.0
    return meaning(
        value,
        floor=min(max(value, floor.mean - slack), floor.mean + slack),
        interval=interval,
        p=p,
        level="FD sees no difference from p_data at this n.",
        worse=worse,
    )
