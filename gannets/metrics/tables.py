"""Tables: marginals, pairs, coverage and missing values, and rows that are copies of training rows.

All look at the table itself, not at features of its encoding. Similarities are those of
`gannets.metrics.columns`; what a perfect generator would get is told by resampling the real rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from gannets.data.schema import Category, TableSchema, columns_of, numbers, plain_values
from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.columns import Columns, columns, means, pooled, similarities
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.gower import Gower
from gannets.metrics.resampling import binomial_p, normal_interval, permutation_p, wilson
from gannets.metrics.samples import Samples

if TYPE_CHECKING:
    import pandas

__all__ = ["TableCopies", "TableReport", "frame_of", "repeats"]

LISTED = 50
"""Columns or pairs whose similarities are listed, the least alike first."""
KINDS: Mapping[str, tuple[str, str]] = {
    "ks": ("KS complement", "the distribution of a numeric column"),
    "tv": ("TV complement", "the shares of a column's categories"),
    "pair_correlation": ("pair correlation", "the correlation of two numeric columns"),
    "contingency": ("contingency", "the joint shares of two categorical columns"),
    "column_coverage": ("column coverage", "the range or the categories of a column"),
    "missingness": ("missingness", "the share of missing values of a column"),
}


@dataclass(frozen=True)
class TableReport:
    """Similarities of columns and of pairs of columns, each the mean over them, 1 the best.

    `ks`: 1 - sup |F - G| (numbers); `tv`: 1 - 1/2 Σ |p - q| (categories); `pair_correlation`:
    1 - |r - s| / 2; `contingency`: tv of two columns jointly; `column_coverage`: the share of
    ranges and categories that occur; `missingness`: 1 - the difference of the shares missing. A
    kind that the table has no columns for gives no estimate.

    Floors are those of `draws` pairs of resamples of the real rows, of the same sizes; p is by as
    many permutations of which rows are real, and exact.
    Intervals leave out a block of either side's rows at a time. Coverage has no
    interval: none holds for a maximum.
    """

    rows: int = 10_000
    """Rows a side that are looked at, at most."""
    draws: int = 39
    blocks: int = 20

    def __post_init__(self) -> None:
        if self.rows < 2 or self.draws < 1 or self.blocks < 2:
            raise InputError(
                f"{self!r} looks at too little: give rows >= 2, draws >= 1 and blocks >= 2."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        stream = comparison.stream("table_report")
        frame = frame_of(comparison.real)
        schema = TableSchema.fit(frame)
        real = columns(_some(frame, self.rows, stream.at(0)), schema=schema)
        fake_frame = _some(frame_of(comparison.fake), self.rows, stream.at(1))
        fake = columns(fake_frame, schema=schema, common=real)
        found = similarities(real=real, fake=fake)
        value = means(found)
        errors = _errors(real, fake, self.blocks, value)
        null = self._null(real, len(fake), stream)
        p = self._p(real, fake, stream)
        return tuple(
            self._estimate(
                comparison, key, found[key], value[key], errors[key], null, p.get(key), (real, fake)
            )
            for key in KINDS
            if key in value
        )

    def _null(self, real: Columns, m: int, stream: Stream) -> list[dict[str, float]]:
        """The similarities of resamples of the real rows: of one distribution, of these sizes."""
        n, found = len(real), []
        for i in range(self.draws):
            rows = stream.at(2 + i).integers(n, n + m)
            found.append(means(similarities(real=real.take(rows[:n]), fake=real.take(rows[n:]))))
        return found

    def _p(self, real: Columns, fake: Columns, stream: Stream) -> dict[str, float]:
        """How often rows that change sides at random are as unlike.

        Resamples of the real rows would not do: they are nearer to each other than new rows are.
        """
        rows, n, both = torch.arange(len(real) + len(fake)), len(real), pooled(real, fake)
        orders = [rows]
        for i in range(self.draws):
            orders.append(stream.at(2 + self.draws + i).permutation(len(rows)))
        found = [
            means(similarities(real=both.take(order[:n]), fake=both.take(order[n:])))
            for order in orders
        ]
        # What ties in truth may differ by rounding.
        nulls = {
            key: torch.tensor([each.get(key, 1.0) for each in found[1:]], dtype=torch.float64)
            for key in found[0]
        }
        return {key: permutation_p(-found[0][key], 1e-12 - null) for key, null in nulls.items()}

    def _estimate(
        self,
        comparison: Comparison,
        key: str,
        found: Mapping[str, float],
        value: float,
        error: float,
        null: list[dict[str, float]],
        p: float | None,
        sides: tuple[Columns, Columns],
    ) -> Estimate:
        label, about = KINDS[key]
        nulls = torch.tensor([draw[key] for draw in null if key in draw], dtype=torch.float64)
        worst = sorted(found, key=lambda name: (found[name], name))
        low, high = normal_interval(value, error)
        interval = (max(0.0, low), min(1.0, high)) if key != "column_coverage" else None
        floor = float(nulls.mean()) if len(nulls) else None
        beside = f", {floor:.1%} in a perfect table" if floor is not None else ""
        return comparison.estimate(
            self,
            key,
            label,
            value,
            through="samples",
            n=(len(sides[0]), len(sides[1])),
            interval=interval,
            floor=floor,
            p=p,
            better="higher",
            meaning=f"On average {about} is {value:.1%} alike{beside}; the least: {worst[0]}.",
            notes=_notes(comparison, sides, key),
            details={"least": {name: found[name] for name in worst[:LISTED]}, "of": len(found)},
        )


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
        drawn = [_some(side, rows, stream.at(i)) for i, (side, rows) in enumerate(sides)]
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


def frame_of(samples: Samples) -> pandas.DataFrame:
    """The table that the samples encode, or a sentence where there is none."""
    if samples.frame is None:
        raise Unmeasurable(
            f"Tables are compared column by column, and {samples.name} come without theirs: give "
            "a table, such as Table('file.csv') or a pandas.DataFrame."
        )
    return samples.frame


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


def _some(frame: pandas.DataFrame, n: int, stream: Stream) -> pandas.DataFrame:
    """At most n rows, in random order: rows that are equal are neighbours as they come."""
    return frame.iloc[stream.permutation(len(frame))[:n].numpy()]


def _errors(
    real: Columns, fake: Columns, blocks: int, value: Mapping[str, float]
) -> dict[str, float]:
    """Standard errors by leaving out a block of both sides at a time (Künsch 1989)."""
    g = min(blocks, len(real), len(fake))
    left: list[dict[str, float]] = []
    for block in range(g):
        sides = []
        for side in (real, fake):
            rows = torch.arange(len(side))
            sides.append(side.take(rows[rows * g // len(side) != block]))
        left.append(means(similarities(real=sides[0], fake=sides[1])))
    errors = {}
    for key in value:
        values = torch.tensor([each.get(key, value[key]) for each in left], dtype=torch.float64)
        squares = float((values - values.mean()).square().sum())
        errors[key] = math.sqrt((g - 1) / g * squares)
    return errors


def _notes(comparison: Comparison, sides: tuple[Columns, Columns], key: str) -> tuple[str, ...]:
    """What has to be known of a similarity besides its value."""
    real, fake = sides
    notes = []
    if len(real) < len(comparison.real) or len(fake) < len(comparison.fake):
        notes.append(f"{len(real):,} real and {len(fake):,} fake rows, drawn at random.")
    if key == "tv":
        known = torch.tensor([len(column.values) for column in real.categories])
        strange = (fake.codes > known).any(1) & ~(real.codes > known).any()
        if strange.any():
            notes.append(f"{int(strange.sum()):,} fake rows hold categories no real row has.")
    if key == "column_coverage":
        notes.append(
            "No interval: none holds for a range, which the largest and least values make."
        )
    if key in ("tv", "contingency"):
        notes.extend(real.schema.notes)
    return tuple(notes)


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
