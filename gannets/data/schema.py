"""A table as rows of numbers, and back: what each column is, learnt once and then frozen.

A numeric column becomes (v - mean) / deviation; where some of its values are missing, they stand at
the mean, and a second number says 1. A categorical column becomes one number for each category
("one-hot"), missing being a category of its own. Decoding takes the largest number of a category
and rounds numbers to the decimals that the column has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gannets.data.frames import check_frame
from gannets.errors import InputError

if TYPE_CHECKING:
    import pandas

__all__ = ["OTHER", "Category", "Number", "TableSchema"]

OTHER = "(other)"
"""What the categories beyond the most common are called, where there are too many."""
TOO_MANY = 1000
"""Categories beyond which a column is taken for names or free text."""
KEPT = 100
"""Categories that such a column keeps."""
DECIMALS = 6
"""Decimals that are looked for in a column of numbers."""


@dataclass(frozen=True)
class Number:
    """A numeric column: standardised, with a second number where values are missing."""

    name: str
    mean: float
    scale: float
    low: float
    high: float
    missing: bool = False
    decimals: int | None = None
    """Every value has at most so many; None: more than 6."""
    integer: bool = False
    """Whether the column holds integers rather than floats."""

    @property
    def width(self) -> int:
        """How many numbers it is encoded in."""
        return 1 + self.missing

    def encode(self, column: pandas.Series) -> np.ndarray:
        """(n, width), float64."""
        values = numbers(column, self.name)
        gone = np.isnan(values)
        if gone.any() and not self.missing:
            raise InputError(
                f"The column {self.name!r} has {int(gone.sum()):,} missing values, and none in "
                "the rows its schema was made of: fill them, or leave those rows out."
            )
        scaled = np.where(gone, 0.0, (values - self.mean) / self.scale)
        return np.stack([scaled, gone], axis=1)[:, : self.width].astype(np.float64)

    def decode(self, x: np.ndarray) -> Any:
        """The values, with NaN for missing ones."""
        values = x[:, 0] * self.scale + self.mean
        if self.decimals is not None:
            values = np.round(values, self.decimals) + 0.0  # no negative zero
        if self.missing:
            return np.where(x[:, 1] > 0.5, np.nan, values)
        return values.astype(np.int64) if self.integer else values


@dataclass(frozen=True)
class Category:
    """A categorical column: one number a category; then one for missing, one for all others."""

    name: str
    values: tuple[str | int | bool, ...]
    missing: bool = False
    other: bool = False
    distinct: int = 0
    """How many categories there were, kept or not."""

    @property
    def width(self) -> int:
        """How many numbers it is encoded in."""
        return len(self.values) + self.missing + self.other

    def codes(self, column: pandas.Series) -> np.ndarray:
        """(n,) int64: a value's place, `missing`'s and `other`'s behind; -1: none of them."""
        found = {value: place for place, value in enumerate(self.values)}
        kept, k = column.isna().to_numpy(), len(self.values)
        plain = plain_values(column, type(self.values[0]) if self.values else str)
        unknown = k + self.missing if self.other else -1
        codes = np.array([found.get(value, unknown) for value in plain], dtype=np.int64)
        codes[kept] = k if self.missing else -1
        return codes

    def encode(self, column: pandas.Series, *, strict: bool = True) -> np.ndarray:
        """(n, width), float64; unless `strict`, a value unknown to the schema is all zeros."""
        codes = self.codes(column)
        if strict and (codes < 0).any():
            row = int(np.flatnonzero(codes < 0)[0])
            value = column.iloc[row]
            given = "missing values" if column.isna().iloc[row] else f"{str(value)[:60]!r}"
            raise InputError(
                f"The column {self.name!r} holds {given} (row {row}), and the rows its schema was "
                "made of do not: leave those rows out, or make the schema of rows that have it."
            )
        return np.eye(self.width + 1)[codes, : self.width]  # -1 is the last row: zeros

    def decode(self, x: np.ndarray) -> Any:
        """The values, with None for missing ones."""
        places: list[Any] = [*self.values, *[None] * self.missing, *[OTHER] * self.other]
        taken = [places[code] for code in x.argmax(axis=1)]
        if not self.missing and not self.other and isinstance(self.values[0], bool | int):
            return np.array(taken)
        return np.array(taken, dtype=object)


@dataclass(frozen=True)
class TableSchema:
    """What the columns of a table are: enough to encode its rows and to decode them again."""

    columns: tuple[Number | Category, ...]

    @classmethod
    def fit(cls, frame: pandas.DataFrame, *, categories: Sequence[str] = ()) -> TableSchema:
        """The schema of the rows in `frame`; the columns in `categories` are categorical.

        So are columns of text, booleans, and integers of which there are no more than two. Raises
        `InputError` for columns that are none of these, hold infinity or nothing at all.
        """
        check_frame(frame, "The table")
        if missing := [name for name in categories if name not in frame.columns]:
            raise InputError(
                f"The table has no column {missing[0]!r} to be categorical: its columns are "
                f"{', '.join(map(str, frame.columns[:24]))}."
            )
        return cls(
            tuple(
                _column(frame[name], str(name), forced=name in categories) for name in frame.columns
            )
        )

    @property
    def width(self) -> int:
        """How many numbers a row is encoded in."""
        return sum(column.width for column in self.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not kept in full, a sentence each."""
        return tuple(
            f"The column {column.name!r} has {column.distinct:,} different values, as names or "
            f"free text have: the {len(column.values)} most common are kept, the rest is {OTHER!r}."
            for column in self.columns
            if isinstance(column, Category) and column.other
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the schema's text: all columns, their order, means, scales and categories."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def slices(self) -> dict[str, slice]:
        """Where in an encoded row each column stands."""
        ends = np.cumsum([column.width for column in self.columns]).tolist()
        return {
            column.name: slice(end - column.width, end)
            for column, end in zip(self.columns, ends, strict=True)
        }

    def encode(self, frame: pandas.DataFrame, *, strict: bool = True) -> Float[Tensor, "n d"]:
        """The rows of `frame` as numbers, float32; its columns may come in any order.

        Unless `strict`, a category that the schema does not know is no reason to refuse a row.
        """
        named = columns_of(frame, [column.name for column in self.columns])
        x = np.empty((len(frame), self.width), dtype=np.float32)
        for (name, place), column in zip(self.slices().items(), self.columns, strict=True):
            if isinstance(column, Category):
                x[:, place] = column.encode(named[name], strict=strict)
            else:
                x[:, place] = column.encode(named[name])
        return torch.from_numpy(x)

    def decode(self, x: Float[Tensor, "n d"]) -> pandas.DataFrame:
        """The table whose encoding is nearest to `x` in each column, inverse of `encode`.

        Exact for categories, and for numbers of at most 6 decimals where float32 tells them apart:
        8 million steps of the last decimal on either side of the mean.
        """
        import pandas

        if x.shape[1] != self.width:
            raise InputError(
                f"Rows of {x.shape[1]} numbers are no encoding of this table: it has {self.width}."
            )
        values = x.detach().cpu().double().numpy()
        return pandas.DataFrame(
            {
                name: column.decode(values[:, place])
                for (name, place), column in zip(self.slices().items(), self.columns, strict=True)
            }
        )


def columns_of(frame: pandas.DataFrame, names: Sequence[str]) -> dict[str, pandas.Series]:
    """The columns called `names`, or a sentence on the first that is not there."""
    there = {str(name): frame[name] for name in frame.columns}
    for name in names:
        if name not in there:
            raise InputError(
                f"The table has no column {name!r}: its columns are {', '.join(list(there)[:24])}."
            )
    return there


def numbers(column: pandas.Series, name: str) -> np.ndarray:
    """The values of a numeric column, float64, NaN for missing ones."""
    import pandas

    try:
        values = pandas.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The column {name!r} holds what is no number ({str(error).rstrip('.')}): repair it."
        ) from None
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise InputError(f"The column {name!r} holds infinity (row {row}): drop or repair it.")
    return values


def plain_values(column: pandas.Series, kind: type) -> list[Any]:
    """The values of a categorical column as booleans, integers or text, None for missing ones."""
    gone = column.isna().to_numpy()
    values = column.astype(object).tolist()
    if kind is str:
        return [None if g else str(v) for v, g in zip(values, gone, strict=True)]
    # A table that was read from text, or has missing values, may hold 1.0 or "1" for 1.
    if kind is bool:
        words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        return [
            None if g else words.get(str(v).lower(), v) for v, g in zip(values, gone, strict=True)
        ]
    return [None if g else _whole(v) for v, g in zip(values, gone, strict=True)]


def _whole(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if number.is_integer() else value


def _column(column: pandas.Series, name: str, *, forced: bool) -> Number | Category:
    from pandas.api import types

    if column.isna().all():
        raise InputError(f"The column {name!r} holds no value: drop it.")
    if types.is_bool_dtype(column):
        return _category(column, name, bool)
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        integers = types.is_integer_dtype(column)
        if forced or (integers and column.nunique() <= 2):
            values = numbers(column, name)
            whole = bool((np.isnan(values) | (values == np.round(values))).all())
            return _category(column, name, int if whole else str)
        return _number(numbers(column, name), name, integers)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "mMcV":
        raise InputError(
            f"The column {name!r} holds {column.dtype} values: turn them into numbers or text."
        )
    return _category(column, name, str)


def _number(values: np.ndarray, name: str, integer: bool) -> Number:
    there = values[~np.isnan(values)]
    low, high = float(there.min()), float(there.max())
    if high - low > np.finfo(np.float32).max:
        raise InputError(f"The column {name!r} spans {low:g} to {high:g}: rescale it.")
    scale = float(there.std()) if high > low else 1.0
    decimals = next(
        (d for d in range(DECIMALS + 1) if np.array_equal(np.round(there, d), there)), None
    )
    return Number(
        name=name,
        mean=float(there.mean()) if high > low else low,
        scale=scale if scale > 0 else 1.0,
        low=low,
        high=high,
        missing=len(there) < len(values),
        decimals=decimals,
        integer=integer,
    )


def _category(column: pandas.Series, name: str, kind: type) -> Category:
    values = [value for value in plain_values(column, kind) if value is not None]
    distinct, counts = np.unique(np.array(values, dtype=object), return_counts=True)
    kept, other = distinct.tolist(), len(distinct) > TOO_MANY
    if other:  # the most common, in the order of their names
        kept = sorted(distinct[np.argsort(-counts, kind="stable")[:KEPT]].tolist())
    return Category(
        name=name,
        values=tuple(kept),
        missing=bool(column.isna().any()),
        other=other,
        distinct=len(distinct),
    )
