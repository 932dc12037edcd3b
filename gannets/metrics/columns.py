"""How alike two tables are, column by column and pair by pair: 1 is equal, 0 nothing in common.

Each similarity is 1 minus a distance between marginals: Kolmogorov and Smirnov's sup |F - G| for
numbers, the total variation 1/2 Σ |p - q| for categories, missing being one of them, |r - s| / 2
for correlations. What is beyond pairs of columns none of them sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from gannets.data.schema import Category, Number, TableSchema, columns_of, numbers

if TYPE_CHECKING:
    import pandas

__all__ = [
    "Columns",
    "columns",
    "correlations",
    "ks_complement",
    "means",
    "pooled",
    "similarities",
    "tv_complement",
]

PAIRED = 50
"""Categories that a column keeps where pairs are looked at; the rarer are one more."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A table's rows as tensors: numbers with NaN for missing ones, and codes of categories."""

    numbers: Float64[Tensor, "n p"]
    ranks: Int64[Tensor, "n p"]
    """Where a number stands among the real ones, see `_ranks`; -1: missing."""
    codes: Int64[Tensor, "n q"]
    """0 .. k-1 for the k values known; k: missing; k+1: any other."""
    grouped: Int64[Tensor, "n q"]
    """The same with all but the 50 most common values as one: what pairs are counted in."""
    missing: Bool[Tensor, "n c"]
    """Of all columns, in the order of `schema`."""
    schema: TableSchema

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def number_names(self) -> list[str]:
        """The numeric columns."""
        return [column.name for column in self.schema.columns if isinstance(column, Number)]

    @property
    def categories(self) -> list[Category]:
        """The categorical columns."""
        return [column for column in self.schema.columns if isinstance(column, Category)]

    def take(self, rows: Int64[Tensor, " m"]) -> Columns:
        """The rows at `rows`, repeated or not."""
        parts = ("numbers", "ranks", "codes", "grouped", "missing")
        return replace(self, **{part: getattr(self, part)[rows] for part in parts})


def columns(
    frame: pandas.DataFrame, *, schema: TableSchema, common: Columns | None = None
) -> Columns:
    """The rows of `frame` as tensors; ranks and common categories are those among `common`."""
    named = columns_of(frame, [column.name for column in schema.columns])
    missing = torch.from_numpy(
        np.stack([named[column.name].isna().to_numpy() for column in schema.columns], axis=1)
    )
    values = [
        numbers(named[column.name], column.name)
        for column in schema.columns
        if isinstance(column, Number)
    ]
    codes = []
    for column in schema.columns:
        if isinstance(column, Category):
            code, k = column.codes(named[column.name]), len(column.values)
            known = (code >= 0) & (code < k)
            gone = named[column.name].isna().to_numpy()
            codes.append(np.where(gone, k, np.where(known, code, k + 1)))
    n = len(frame)
    number = torch.from_numpy(np.stack(values, axis=1) if values else np.empty((n, 0)))
    coded = torch.from_numpy(np.stack(codes, axis=1) if codes else np.empty((n, 0), np.int64))
    among = (common.numbers, common.codes) if common else (number, coded)
    return Columns(
        numbers=number,
        ranks=_ranks(number, among[0]),
        codes=coded,
        grouped=_grouped(coded, among[1], schema),
        missing=missing,
        schema=schema,
    )


def pooled(real: Columns, fake: Columns) -> Columns:
    """The rows of both sides, ranks and common categories among all: no side is told from them."""
    parts = ("numbers", "codes", "missing")
    both = {part: torch.cat([getattr(side, part) for side in (real, fake)]) for part in parts}
    return Columns(
        **both,
        ranks=_ranks(both["numbers"], both["numbers"]),
        grouped=_grouped(both["codes"], both["codes"], real.schema),
        schema=real.schema,
    )


def _ranks(x: Tensor, of: Tensor) -> Tensor:
    """2k + 1 where x is the k-th different value in `of`, 2k where between that and the one before.

    F steps at these values alone and G climbs between them, so that sup |F - G| is found here.
    """
    ranks = torch.full(x.shape, -1)
    for j in range(x.shape[1]):
        values, there = of[:, j][~of[:, j].isnan()].unique(), ~x[:, j].isnan()
        at = x[there, j].contiguous()
        left, right = (torch.searchsorted(values, at, right=side) for side in (False, True))
        ranks[there, j] = left + right
    return ranks


def _grouped(codes: Tensor, of: Tensor, schema: TableSchema) -> Tensor:
    """The codes with those that are rare in `of` put together."""
    grouped = codes.clone()
    categories = [column for column in schema.columns if isinstance(column, Category)]
    for j, column in enumerate(categories):
        size = len(column.values) + 2
        if size > PAIRED + 1:
            counts = torch.bincount(of[:, j], minlength=size)
            places = torch.full((size,), PAIRED)
            places[counts.argsort(descending=True, stable=True)[:PAIRED]] = torch.arange(PAIRED)
            grouped[:, j] = places[codes[:, j]]
    return grouped


def ks_complement(*, real: Float64[Tensor, " n"], fake: Float64[Tensor, " m"]) -> float:
    """1 - sup |F - G| of the values that are not missing, ties counted exactly.

    NaN where the real side has no values, 0 where only the fake side has none.
    """
    a, b = (_ranks(side[:, None], real[:, None])[:, 0] for side in (real, fake))
    return _ks_of_ranks(real=a, fake=b)


def _ks_of_ranks(*, real: Tensor, fake: Tensor) -> float:
    size = int(torch.maximum(real.max(), fake.max())) + 2
    a, b = (
        torch.bincount(side + 1, minlength=size)[1:].double().cumsum(0) for side in (real, fake)
    )
    if a[-1] == 0 or b[-1] == 0:
        return 0.0 if a[-1] > 0 else float("nan")
    return 1.0 - float((a / a[-1] - b / b[-1]).abs().max())


def tv_complement(*, real: Int64[Tensor, " n"], fake: Int64[Tensor, " m"]) -> float:
    """1 - 1/2 Σ |p - q|, p and q the shares of each code."""
    size = int(max(real.max(), fake.max())) + 1
    p, q = (torch.bincount(side, minlength=size).double() / len(side) for side in (real, fake))
    return 1.0 - 0.5 * float((p - q).abs().sum())


def correlations(x: Float64[Tensor, "n p"]) -> Float64[Tensor, "p p"]:
    """Pearson's correlations, each over the rows that have both values; NaN for constants."""
    there = ~x.isnan()
    mask = there.double()
    mean = x.nanmean(0)
    centred = torch.where(there, x - mean, 0.0)
    high = torch.where(there, x, -torch.inf).max(0).values
    low = torch.where(there, x, torch.inf).min(0).values
    centred[:, high <= low] = 0.0  # the mean of equal numbers is not exactly that number
    scale = centred.abs().max(0).values
    centred = centred / torch.where(scale > 0, scale, 1.0)
    n = mask.T @ mask
    sums = (centred.T @ mask) / n
    spread = ((centred.square().T @ mask) / n - sums.square()).clamp_min(0)
    spread = torch.where(spread > 1e-14, spread, torch.nan)
    shared = centred.T @ centred / n - sums * sums.T
    return (shared / (spread * spread.T).sqrt()).clamp(-1, 1)


def similarities(*, real: Columns, fake: Columns) -> dict[str, dict[str, float]]:
    """Each kind of similarity, by column or by pair of columns ("a, b")."""
    numeric, categories = real.number_names, [column.name for column in real.categories]

    def each(of: Callable[..., float], names: list[str], part: str) -> dict[str, float]:
        sides = zip(getattr(real, part).T, getattr(fake, part).T, names, strict=True)
        return {name: of(real=a, fake=b) for a, b, name in sides}

    found = {
        "ks": each(_ks_of_ranks, numeric, "ranks"),
        "tv": each(tv_complement, categories, "codes"),
        "pair_correlation": _pair_correlation(real, fake),
        "contingency": _contingency(real, fake),
        "column_coverage": each(_range_coverage, numeric, "numbers")
        | each(_category_coverage, categories, "codes"),
        "missingness": _missingness(real, fake),
    }
    return {
        key: {name: value for name, value in values.items() if value == value}
        for key, values in found.items()
    }


def means(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean of each kind of similarity that there is."""
    return {key: sum(each.values()) / len(each) for key, each in found.items() if each}


def _range_coverage(*, real: Tensor, fake: Tensor) -> float:
    """The share of the real values' range that the fake ones' range covers."""
    a, b = real[~real.isnan()], fake[~fake.isnan()]
    if not len(a) or not len(b):
        return 0.0 if len(a) else float("nan")
    low, high = float(a.min()), float(a.max())
    if low == high:
        return float(b.min() <= low <= b.max())
    return max(0.0, min(high, float(b.max())) - max(low, float(b.min()))) / (high - low)


def _category_coverage(*, real: Tensor, fake: Tensor) -> float:
    """The share of the real categories that occur among the fake ones."""
    there = real.unique()
    return float(torch.isin(there, fake).double().mean())


def _missingness(real: Columns, fake: Columns) -> dict[str, float]:
    """1 - the difference of the shares of missing values, where a side misses any."""
    p, q = (side.missing.double().mean(0) for side in (real, fake))
    return {
        column.name: 1.0 - abs(float(p[j] - q[j]))
        for j, column in enumerate(real.schema.columns)
        if float(p[j] + q[j]) > 0
    }


def _pair_correlation(real: Columns, fake: Columns) -> dict[str, float]:
    """1 - |r - s| / 2; a fake column that is constant has correlation 0, a real one no pairs."""
    names = real.number_names
    if len(names) < 2:
        return {}
    r, s = correlations(real.numbers), correlations(fake.numbers).nan_to_num(0.0)
    alike = (1 - (r - s).abs() / 2).tolist()
    return {
        f"{names[i]}, {names[j]}": alike[i][j]
        for i in range(len(names))
        for j in range(i + 1, len(names))
    }


def _contingency(real: Columns, fake: Columns) -> dict[str, float]:
    """The total variation complement of two columns' joint distribution."""
    names = [column.name for column in real.categories]
    size = PAIRED + 2
    return {
        f"{names[i]}, {names[j]}": tv_complement(
            real=real.grouped[:, i] * size + real.grouped[:, j],
            fake=fake.grouped[:, i] * size + fake.grouped[:, j],
        )
        for i in range(len(names))
        for j in range(i + 1, len(names))
    }
