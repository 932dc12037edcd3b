"""Rows of a table that are copies of training rows, or nearer to them than chance has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from gannets.data.schema import Category, TableSchema, columns_of, numbers, plain_values
from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.columns import columns
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.gower import Gower
from gannets.metrics.resampling import binomial_p, permutation_p, wilson
from gannets.metrics.tables import frame_of, some

if TYPE_CHECKING:
    import pandas

__all__ = ["TableCopies", "repeats"]


@dataclass(frozen=True)
class TableCopies:
    """Rows that are, or are suspiciously near to, rows that G was trained on.

    `exact_match`: the share of fake rows equal to a training row; the floor is that of the held-out
    rows, p that of Fisher's exact test that fake rows match more often than those do.

    `dcr_share`: the share of fake rows nearer to a training row than to any held-out one, of as
    many of either, in Gower's distance; 1/2 for rows that know neither, ties counting half. p is
    that of a random relabelling of training and held-out rows, exact however many fake rows have
    the same nearest one; the binomial's is in the details.
    """

    rows: int = 2_000
    """Fake rows whose nearest rows are looked for, at most."""
    draws: int = 9_999

    def __post_init__(self) -> None:
        if self.rows < 2 or self.draws < 1:
            raise InputError(f"{self!r} looks at too little: give rows >= 2 and draws >= 1.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        train, holdout = comparison.need_generalisation("A search for copies")
        frames = [frame_of(side) for side in (train, holdout, comparison.fake)]
        return self._exact(comparison, *frames), self._nearer(comparison, *frames)

    def _exact(
        self,
        comparison: Comparison,
        train: pandas.DataFrame,
        holdout: pandas.DataFrame,
        fake: pandas.DataFrame,
    ) -> Estimate:
        schema = TableSchema.fit(train)
        matches, expected = (repeats(f, of=train, schema=schema) for f in (fake, holdout))
        hits, n = int(matches.sum()), len(fake)
        floor = float(expected.double().mean())
        return comparison.estimate(
            self,
            "exact_match",
            "exact matches",
            hits / n,
            through="samples",
            n=(len(train), n),
            interval=wilson(hits, n),
            floor=floor,
            p=_fisher(hits, n, int(expected.sum()), len(holdout)),
            better="near",
            meaning=(
                f"{hits:,} of {n:,} fake rows equal a training row; {floor:.2%} of the held-out do."
            ),
            details={"matches": hits, "holdout_matches": int(expected.sum())},
        )

    def _nearer(
        self,
        comparison: Comparison,
        train: pandas.DataFrame,
        holdout: pandas.DataFrame,
        fake: pandas.DataFrame,
    ) -> Estimate:
        import pandas

        stream = comparison.stream("table_copies")
        n = min(len(train), len(holdout))
        schema = TableSchema.fit(pandas.concat([train, holdout]))
        sides = ((train, n), (holdout, n), (fake, self.rows))
        drawn = [some(side, rows, stream.at(i)) for i, (side, rows) in enumerate(sides)]
        a, b, c = (columns(side, schema=schema) for side in drawn)
        gower = Gower.of(a, b)
        (to_a, which_a), (to_b, which_b) = gower.nearest(c, a), gower.nearest(c, b)
        tied = (to_a - to_b).abs() <= 1e-12  # sums of equal terms in another order
        nearer = (to_a < to_b) & ~tied
        share = float((nearer.double() + 0.5 * tied.double()).mean())
        nearest = torch.where(nearer, which_a, which_b + n)[~tied]
        p, effective = self._relabel(nearest, n, stream.at(3))
        decided = len(nearest)
        subset = (
            ()
            if len(c) == len(fake) and len(train) == len(holdout)
            else (
                f"{len(c):,} fake rows against {n:,} training and {n:,} held-out ones, at random.",
            )
        )
        return comparison.estimate(
            self,
            "dcr_share",
            "nearer to training",
            share,
            through="samples",
            n=(n, len(c)),
            interval=_share_interval(share, effective),
            floor=0.5,
            p=p,
            better="near",
            meaning=_nearer_meaning(share, p),
            notes=(
                *subset,
                *((f"{int(tied.sum()):,} rows are as near to both.",) if tied.any() else ()),
            ),
            details={
                "nearer_to_train": int(nearer.sum()),
                "ties": int(tied.sum()),
                "binomial_p": binomial_p(int(nearer.sum()), decided) if decided else 1.0,
                "median_distance_to_train": float(to_a.median()),
                "median_distance_to_holdout": float(to_b.median()),
            },
        )

    def _relabel(self, nearest: Tensor, n: int, stream: Stream) -> tuple[float, float]:
        """The p of the count nearer to training; and how many independent rows it is worth.

        Were G blind to which rows it was trained on, each training row might as well have changed
        places with the held-out row of the same number: every such exchange is as likely.
        """
        counts = torch.bincount(nearest, minlength=2 * n).double()
        if not len(nearest):
            return 1.0, 0.0
        gained = counts[n:] - counts[:n]
        gained = gained[gained != 0]
        null = torch.zeros(self.draws, dtype=torch.float64)
        size = max(1, (1 << 21) // max(1, len(gained)))
        for start in range(0, self.draws if len(gained) else 0, size):
            rows = min(size, self.draws - start)
            exchanged = stream.uniform(rows, len(gained)) < 0.5
            null[start : start + rows] = exchanged.double() @ gained
        return permutation_p(0.0, null), float(counts.sum().square() / counts.square().sum())


def repeats(
    rows: pandas.DataFrame, *, of: pandas.DataFrame, schema: TableSchema
) -> Bool[Tensor, " n"]:
    """Which of `rows` equal a row of `of` in every column: numbers as numbers, the rest as text."""
    return torch.from_numpy(np.isin(_keys(rows, schema), _keys(of, schema)))


def _keys(frame: pandas.DataFrame, schema: TableSchema) -> np.ndarray:
    """A 64-bit hash of each row: n rows share one by chance with probability n² / 2^65."""
    import pandas

    named = columns_of(frame, [column.name for column in schema.columns])
    plain: dict[str, object] = {}
    for column in schema.columns:
        values = named[column.name]
        if isinstance(column, Category):
            kind = type(column.values[0])
            texts = ["" if v is None else f"={v}" for v in plain_values(values, kind)]
            plain[column.name] = np.array(texts, dtype=object)
        else:
            plain[column.name] = numbers(values, column.name) + 0.0
    hashed = pandas.util.hash_pandas_object(pandas.DataFrame(plain), index=False)
    return np.asarray(hashed)


def _share_interval(share: float, effective: float) -> tuple[float, float]:
    """Wilson's, with as many rows as those that share a nearest one are worth."""
    n = max(1, round(effective))
    low, high = wilson(round(share * n), n) if effective else (0.0, 1.0)
    return min(low, share), max(high, share)


def _nearer_meaning(share: float, p: float) -> str:
    """What a share of rows nearer to the training set says."""
    if p < 0.01 and share > 0.5:
        return f"{share:.1%} of fake rows are nearer to training rows: G has copied some of them."
    return f"{share:.1%} of fake rows are nearer to training rows, as chance would have it."


def _fisher(hits: int, n: int, expected: int, m: int) -> float:
    """P(X >= hits): X of the hits + expected matches fall to the n fake rows, not the m others."""
    total = hits + expected
    k = torch.arange(hits, min(n, total) + 1, dtype=torch.float64)

    def log_choose(a: float, b: Tensor | float) -> Tensor:
        b = torch.as_tensor(b, dtype=torch.float64)
        a_ = torch.tensor(float(a), dtype=torch.float64)
        return torch.lgamma(a_ + 1) - torch.lgamma(b + 1) - torch.lgamma(a_ - b + 1)

    inside = total - k <= m
    log = log_choose(n, k) + log_choose(m, total - k) - log_choose(n + m, float(total))
    return min(1.0, float(log.exp()[inside].sum()))
