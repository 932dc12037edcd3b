"""Tables: marginals, pairs, coverage and missing values.

They look at the table itself, not at features of its encoding. Similarities are those of
`gannets.metrics.columns`; what a perfect generator would get is told by resampling the real rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gannets.data.schema import TableSchema
from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.columns import Columns, columns, means, pooled, similarities
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import normal_interval, permutation_p
from gannets.metrics.samples import Samples

if TYPE_CHECKING:
    import pandas

__all__ = ["TableReport", "frame_of", "some"]

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
        real = columns(some(frame, self.rows, stream.at(0)), schema=schema)
        fake_frame = some(frame_of(comparison.fake), self.rows, stream.at(1))
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


def frame_of(samples: Samples) -> pandas.DataFrame:
    """The table that the samples encode, or a sentence where there is none."""
    if samples.frame is None:
        raise Unmeasurable(
            f"Tables are compared column by column, and {samples.name} come without theirs: give "
            "a table, such as Table('file.csv') or a pandas.DataFrame."
        )
    return samples.frame


def some(frame: pandas.DataFrame, n: int, stream: Stream) -> pandas.DataFrame:
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
