"""Whether G repeats what it was trained on: three tests that see different things.

Closer to train: of a fake sample the nearest training and the nearest held-out sample are equally
likely the nearer one, unless G knows the former. Near-duplicates: fakes nearer to a training sample
than held-out ones ever are. C_T (Meehan, Chaudhuri and Dasgupta 2020, section 3): held-out and fake
samples ranked by their distance to the training set; far below 0 for copies, above 0 for underfit.

Noisy copies are seen by the first only, a few verbatim copies by the second only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import nearest
from gannets.metrics.estimate import Estimate
from gannets.metrics.exchangeable import copying_z, precedence_p, sign_flip_p
from gannets.metrics.nearby import nearest_in_training
from gannets.metrics.overfitting import auc_interval
from gannets.metrics.resampling import binomial_p, wilson

__all__ = ["Memorisation"]

FEWEST = 20
"""Held-out samples below which their distances say nothing."""


@dataclass(frozen=True)
class Memorisation:
    """Closer-to-train share, near-duplicates and C_T, through the comparison's features.

    `quantile` of the distances from held-out to training samples is near; `cells` of a k-means of
    the training samples in each of which C_T is taken (1: over all); at most `most` fakes are
    looked at, and `listed` suspects named. Needs training and held-out samples.
    """

    quantile: float = 0.02
    cells: int = 1
    most: int = 10_000
    listed: int = 20

    def __post_init__(self) -> None:
        """Refuse what is no quantile and no count."""
        if not 0 < self.quantile < 1 or min(self.cells, self.most) < 1 or self.listed < 0:
            raise ValueError(f"{self} needs 0 < quantile < 1, cells and most >= 1, listed >= 0.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        comparison.need_generalisation("Memorisation", least=FEWEST)
        seen = _Seen.of(self, comparison)
        return (
            self._closer(comparison, seen),
            self._duplicates(comparison, seen),
            self._copying(comparison, seen),
        )

    def _closer(self, comparison: Comparison, seen: _Seen) -> Estimate:
        stream = comparison.stream("memorisation/pairs")
        size = min(len(seen.train), len(seen.holdout))
        rows = [stream.permutation(len(side))[:size] for side in (seen.train, seen.holdout)]
        d_train, i = seen.near, seen.nearest
        if size < len(seen.train):
            d_train, i = _nearest(seen.fake, seen.train, rows[0])
        d_held, j = _nearest(seen.fake, seen.holdout, rows[1])
        closer, further = d_train < d_held, d_held < d_train
        # Paired at random: which of a pair was trained on is a coin's toss if G knows neither.
        hits = (
            torch.bincount(i[closer], minlength=len(seen.train))[rows[0]],
            torch.bincount(j[further], minlength=len(seen.holdout))[rows[1]],
        )
        ours, untied = int(closer.sum()), int(closer.sum() + further.sum())
        notes = _notes(seen, size)
        if untied < len(seen.fake):
            notes += (f"{len(seen.fake) - untied:,} are equally near to both and not counted.",)
        if not untied:
            raise InputError(
                "Every sample is equally near to the training and the held-out samples: these hold "
                "the same samples, so nothing can be told."
            )
        share = ours / untied
        # Fakes that share their nearest sample stand or fall together: as many as are independent.
        counts = torch.cat(hits).double()
        effect = float((counts - counts.mean()).square().sum()) / untied
        alone = max(1, round(untied / max(1.0, effect)))
        low, high = wilson(round(share * alone), alone)
        return comparison.estimate(
            self,
            "closer_to_train",
            "closer to train",
            share,
            n=(size, len(seen.fake)),
            interval=(min(low, share), max(high, share)),
            floor=0.5,
            p=sign_flip_p(hits[0] - hits[1]),
            better="near",
            meaning=f"{share:.0%} of the samples are nearer to what G was trained on than to what "
            + ("it never saw." if low > 0.5 or high < 0.5 else "it never saw: as good as half."),
            notes=notes,
            details={
                "binomial_p": binomial_p(ours, untied),
                "closer": ours,
                "further": untied - ours,
                "independent": alone,
            },
        )

    def _duplicates(self, comparison: Comparison, seen: _Seen) -> Estimate:
        m, n = len(seen.holdout), len(seen.fake)
        rank = max(1, math.ceil(self.quantile * m))
        stream = comparison.stream("memorisation/ties")
        before, p = precedence_p(fake=seen.near, holdout=seen.held, rank=rank, stream=stream)
        # A handful of verbatim copies is nearer than any held-out sample: the same test at rank 1.
        nearer, first = precedence_p(fake=seen.near, holdout=seen.held, rank=1, stream=stream.at(1))
        floor, tau = rank / (m + 1), float(seen.held.kthvalue(rank).values)
        p = p if rank == 1 else min(1.0, 2 * min(p, first))  # Bonferroni
        order = seen.near.argsort(stable=True)[: min(before, self.listed)]
        suspects = [
            {
                "fake": int(seen.rows[i]),
                "train": int(seen.nearest[i]),
                "distance": float(seen.near[i]),
            }
            for i in order
        ]
        return comparison.estimate(
            self,
            "near_duplicates",
            "near-duplicates",
            before / n,
            n=(len(seen.train), n),
            interval=wilson(before, n),
            floor=floor,
            p=p,
            meaning=f"{before:,} of {n:,} samples are as near to a training sample as the nearest "
            f"{self.quantile:.0%} of new data, {floor * n:,.0f} were to be expected.",
            notes=_notes(seen, None),
            details={
                "tau": tau,
                "nearer_than_any_holdout": nearer,
                "exact": int((seen.near == 0).sum()),
                "suspects": suspects,
            },
        )

    def _copying(self, comparison: Comparison, seen: _Seen) -> Estimate:
        cells = self._cells(comparison, seen)
        found: list[tuple[float, float, int, int]] = []
        for cell in range(self.cells):
            mine = seen.near[cells[seen.nearest] == cell]
            theirs = seen.held[cells[seen.held_nearest] == cell]
            if min(len(mine), len(theirs)) >= FEWEST or self.cells == 1:
                found.append(
                    (*copying_z(fake=mine, holdout=theirs), len(mine), len(theirs)),
                )
        if not found:
            raise InputError(
                f"No cell of {self.cells} holds {FEWEST} fake and held-out samples: choose fewer."
            )
        share = torch.tensor([part[3] for part in found], dtype=torch.float64)
        share /= share.sum()
        value = float(share @ torch.tensor([part[0] for part in found], dtype=torch.float64))
        error = float(share.norm())
        if value < -3:
            meaning = "The samples are nearer to the training samples than new data is: copying."
        elif value > 3:
            meaning = "The samples are further from the training samples than new data is."
        else:
            meaning = "The samples are as near to the training samples as new data is."
        return comparison.estimate(
            self,
            "ct",
            "C_T",
            value,
            n=(len(seen.train), len(seen.fake)),
            interval=_combined(value, found, share),
            floor=0.0,
            p=math.erfc(-value / error / math.sqrt(2)) / 2,
            better="near",
            meaning=meaning,
            notes=_notes(seen, None),
            details={"cells": [{"z": z, "fake": n, "holdout": m} for z, _, n, m in found]},
        )

    def _cells(self, comparison: Comparison, seen: _Seen) -> Int64[Tensor, " n"]:
        """The cell of each training sample."""
        if self.cells == 1:
            return torch.zeros(len(seen.train), dtype=torch.int64)
        from sklearn.cluster import KMeans

        seed = int(comparison.stream("memorisation/cells").integers(2**31 - 1, 1))
        k = min(self.cells, len(seen.train))
        labels = KMeans(k, n_init=1, random_state=seed).fit_predict(seen.train.numpy())
        return torch.from_numpy(labels).long()


@dataclass(frozen=True, eq=False)
class _Seen:
    """Features, and the nearest training sample of each fake and held-out one."""

    train: Tensor
    holdout: Tensor
    fake: Tensor
    rows: Tensor
    """The numbers of the fakes that are looked at."""
    near: Tensor
    nearest: Tensor
    held: Tensor
    held_nearest: Tensor
    fakes: int
    sizes: tuple[int, int]

    @classmethod
    def of(cls, metric: Memorisation, comparison: Comparison) -> _Seen:
        train, holdout = comparison.need_generalisation("Memorisation")
        every = comparison.fake_features
        rows = comparison.stream("memorisation/fakes").permutation(len(every))[: metric.most]
        seen, new, fake = comparison.see(train), comparison.see(holdout), every[rows]
        near, index = nearest_in_training(comparison, train, comparison.fake, rows)
        every_held = torch.arange(len(holdout))
        held, held_index = nearest_in_training(comparison, train, holdout, every_held)
        return cls(
            seen,
            new,
            fake,
            rows,
            near,
            index,
            held,
            held_index,
            len(every),
            (len(train), len(holdout)),
        )


def _nearest(fake: Tensor, side: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the nearest of `rows` of a side, and its number on that side."""
    distance, which = nearest(fake, side[rows], k=1)
    return distance[:, 0], rows[which[:, 0]]


def _notes(seen: _Seen, size: int | None) -> tuple[str, ...]:
    notes = []
    if len(seen.fake) < seen.fakes:
        notes.append(f"{len(seen.fake):,} of {seen.fakes:,} samples were looked at.")
    if size is not None and seen.sizes != (size, size):
        notes.append(
            f"{size:,} of {seen.sizes[0]:,} training and {seen.sizes[1]:,} held-out samples were "
            "drawn: as many of each."
        )
    if bool((seen.held == 0).any()):
        notes.append(f"{int((seen.held == 0).sum()):,} held-out samples are training samples too.")
    return tuple(notes)


def _combined(
    value: float, found: list[tuple[float, float, int, int]], share: Tensor
) -> tuple[float, float]:
    """Interval of a weighted sum from those of its parts (Zou and Donner 2008)."""
    below = above = 0.0
    for (z, scale, n, m), weight in zip(found, share.tolist(), strict=True):
        low, high = auc_interval(0.5 + z / scale, n, m) if scale else (0.5, 0.5)
        below += (weight * (z - (low - 0.5) * scale)) ** 2
        above += (weight * ((high - 0.5) * scale - z)) ** 2
    return value - math.sqrt(below), value + math.sqrt(above)
