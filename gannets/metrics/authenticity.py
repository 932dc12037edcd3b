"""Two older scores of memorisation, for comparison with published numbers.

AuthPct (Alaa et al. 2022): a fake sample is authentic if it is further from its nearest training
sample than that one is from its own nearest. MiFID (Bai et al. 2021): FD divided by the mean cosine
distance to the nearest training sample, where that is below 0.1.

Both take noise for novelty: training samples with noise on them are "authentic".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.distances import blocks, nearest
from gannets.metrics.estimate import Estimate
from gannets.metrics.exchangeable import hypergeometric_p
from gannets.metrics.frechet import frechet_distance
from gannets.metrics.nearby import nearest_in_training, own_neighbours
from gannets.metrics.samples import Samples
from gannets.metrics.subsampling import share_interval

__all__ = ["Authenticity", "MemorisationInformed", "authentic", "cosine_distance"]

MOST = 10_000
"""Fakes that are looked at."""
TOLD = 5
"""Groups of the rarer kind, from which their scatter can be told."""


def authentic(*, train: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> Bool[Tensor, " m"]:
    """Whether d(fake, its nearest t of train) > d(t, its nearest other of train).

    Raises `InputError` for fewer than two training samples.
    """
    distance, which = nearest(fake, train, k=1)
    own, _ = nearest(train, train, k=1, skip_self=True)
    return distance[:, 0] > own[which[:, 0], 0]


def _interval(yes: Bool[Tensor, " m"], which: Int64[Tensor, " m"]) -> tuple[float, float]:
    """Of the share: samples with one nearest training sample stand or fall together as that is
    drawn, so that the sums of such groups are what scatters (Liang and Zeger 1986). Where the few
    that differ are of too few groups to tell, groups are taken to stand or fall as one.
    """
    n, share = len(yes), float(yes.double().mean())
    off = yes.double() - share
    sums = off.new_zeros(int(which.max()) + 1).index_add_(0, which, off)
    error, rare = float(sums.norm()) / n, yes if share < 0.5 else ~yes
    if 0 < share < 1 and len(which[rare].unique()) < TOLD:
        # Of a share of n²/Σ size² independent groups this would be the error.
        groups = torch.bincount(which).double()
        error = max(error, float(groups.norm()) / n * math.sqrt(share * (1 - share)))
    return share_interval(share, error, n)


def cosine_distance(*, train: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> float:
    """Mean over the fakes of min_t 1 - |cos(fake, t)|; a row of zeros is at distance 1 of all."""
    mine, theirs = (torch.nn.functional.normalize(x.double(), dim=1) for x in (fake, train))
    total = 0.0
    for block in blocks(len(mine), len(theirs)):
        total += float((1 - (mine[block] @ theirs.T).abs().amax(1)).clamp_(min=0).sum())
    return total / len(mine)


@dataclass(frozen=True)
class Authenticity:
    """Percentage of authentic samples; its floor is what held-out samples get, where there are."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        train = _train(comparison, "Authenticity")
        stream = comparison.stream("authenticity")
        rows = stream.permutation(len(comparison.fake))[:MOST]
        own = own_neighbours(comparison, train, k=1)[0][:, 0]

        def judged(samples: Samples, rows: Tensor) -> tuple[Tensor, Tensor]:
            distance, which = nearest_in_training(comparison, train, samples, rows)
            return distance > own[which], which

        found, which = judged(comparison.fake, rows)
        n, yes, floor, p = len(rows), int(found.sum()), None, None
        if comparison.holdout is not None:
            others, _ = judged(comparison.holdout, torch.arange(len(comparison.holdout)))
            floor = 100 * float(others.double().mean())
            # Fakes and held-out samples are exchangeable where p_g = p_data: Fisher, few authentic.
            no = n - yes
            every = no + int((~others).sum())
            p = hypergeometric_p(no, draws=n, good=every, bad=n + len(others) - every)
        low, high = _interval(found, which)
        value = 100 * yes / n
        if floor is None:
            meaning = (
                f"{value:.0f} % of the samples are no nearer copies than training samples are."
            )
        elif 100 * high < floor:
            meaning = f"Fewer samples are authentic than the {floor:.0f} % of new data: copies."
        elif 100 * low > floor:
            meaning = f"More than the {floor:.0f} % of new data: novel, or noise; it cannot tell."
        else:
            meaning = f"As many samples are authentic as of new data, {floor:.0f} %."
        estimate = comparison.estimate(
            self,
            "authenticity",
            "AuthPct",
            value,
            n=(len(train), n),
            interval=(100 * low, 100 * high),
            floor=floor,
            p=p,
            better="near" if floor is not None else "higher",
            meaning=meaning,
            notes=() if n == len(comparison.fake) else (f"{n:,} samples were looked at.",),
        )
        return (estimate,)


@dataclass(frozen=True)
class MemorisationInformed:
    """FD / m, m the mean least cosine distance to training samples if below `below`, else 1.

    MiFID is its name through Inception's features only. FD is to the real samples.
    """

    below: float = 0.1

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        train = _train(comparison, "The memorisation-informed FD")
        known, fake = comparison.see(train), comparison.fake_features
        value, distance = self._value(known, real=comparison.real_features, fake=fake)
        floor = None
        held = comparison.holdout
        if held is not None and held is not comparison.real and len(held) >= len(fake):
            rows = comparison.stream("mifid").permutation(len(held))[: len(fake)]
            floor, _ = self._value(
                known, real=comparison.real_features, fake=comparison.see(held)[rows]
            )
        penalised = distance < self.below
        estimate = comparison.estimate(
            self,
            "mifid",
            "MiFD",
            value,
            floor=floor,
            meaning=f"FD times {1 / max(distance, 1e-14):.3g}, for samples that near to training "
            "samples."
            if penalised
            else "FD itself: the samples are not near to training samples.",
            notes=(
                *(
                    ()
                    if floor is not None
                    else ("No floor: fewer held-out samples than fake ones.",)
                ),
                "No interval: it jumps where the cosine distance crosses its threshold.",
            ),
            details={"cosine_distance": distance, "penalised": penalised},
        )
        return (estimate,)

    def _value(self, known: Tensor, *, real: Tensor, fake: Tensor) -> tuple[float, float]:
        distance = cosine_distance(train=known, fake=fake)
        fd = frechet_distance(real=real, fake=fake)
        return fd / (max(distance, 1e-14) if distance < self.below else 1.0), distance


def _train(comparison: Comparison, what: str) -> Samples:
    if comparison.train is None:
        raise Unmeasurable(f"{what} is of the samples G was trained on: give those as train.")
    if len(comparison.train) < 3:
        raise InputError(f"{len(comparison.train)} training samples are too few: give 3 or more.")
    return comparison.train
