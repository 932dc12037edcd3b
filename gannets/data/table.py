"""A table in a file of the user's, as data: its rows, encoded."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from gannets.data import splits
from gannets.data.frames import read_table
from gannets.data.schema import TableSchema
from gannets.data.source import TensorSource
from gannets.errors import InputError, RunWarning

if TYPE_CHECKING:
    import pandas

__all__ = ["Table"]

_PARTS = ("train", "test")


@dataclass(frozen=True)
class Table:
    """The rows of a CSV or Parquet file, encoded as points: see `gannets.data.schema`.

    The schema is that of all rows of `path`, whatever the split: a row is encoded alike in each.
    `test` is the file of the test part, if there is one. `categories` names the columns of numbers
    that stand for categories.
    """

    path: str
    split: str = "train"
    test: str | None = None
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        splits.parse(self.split, _PARTS)

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The encoded rows on `device`; a `RunWarning` says what of them is not kept in full."""
        schema, rows = self._read()
        for note in schema.notes:
            warnings.warn(note, RunWarning, stacklevel=2)
        return TensorSource(schema.encode(rows).to(device), seed=seed)

    def on(self, split: str) -> Table:
        """Another part; "validation" is what the training slice leaves over."""
        return replace(self, split=splits.other(self.split, split, _PARTS))

    def schema(self) -> TableSchema:
        """What the columns are; decodes what was encoded."""
        return self._read()[0]

    def frame(self) -> pandas.DataFrame:
        """The rows of the split as they are, aligned with those of `load(...).all()`."""
        return self._read()[1]

    def _read(self) -> tuple[TableSchema, pandas.DataFrame]:
        """The schema, and the rows of the split."""
        split = splits.parse(self.split, _PARTS)
        frame = read_table(self.path)
        schema = TableSchema.fit(frame, categories=self.categories)
        if split.part == "test":
            if self.test is None:
                raise InputError(
                    f"{self.path} has no test part: give Table(path, test=another file), or hold "
                    "rows back by training on a slice such as train[:90%]."
                )
            frame = read_table(self.test)
        return schema, frame.iloc[split.of(len(frame))].reset_index(drop=True)
