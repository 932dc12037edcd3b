"""Tables in files: CSV (RFC 4180), values separated by tabs, and Parquet where pyarrow is there.

Read as pandas reads them, nothing guessed in silence: a first line that holds no names, another
separator and ragged lines are errors. Empty cells, `?` (as in the tables of UCI), `NA`, `NaN`,
`null` and pandas' other spellings of them mean that a value is missing.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from gannets.errors import InputError

if TYPE_CHECKING:
    import pandas

__all__ = ["TABLES", "check_frame", "read_table"]

TABLES = (".csv", ".tsv", ".parquet")
"""The endings of tables' names."""


def read_table(path: Path | str) -> pandas.DataFrame:
    """The table in a file, one named column a variable. Raises `InputError`."""
    import pandas  # takes half a second: not when gannets is imported

    file = Path(path).expanduser()
    suffix = file.suffix.lower()
    if suffix not in TABLES:
        raise InputError(f"{path} is no table: give a file that ends in {', '.join(TABLES)}.")
    try:
        if suffix == ".parquet":
            frame = pandas.read_parquet(file)
        else:
            with warnings.catch_warnings():  # a line of too many cells is only warned of
                warnings.simplefilter("error", pandas.errors.ParserWarning)
                frame = pandas.read_csv(
                    file,
                    sep="\t" if suffix == ".tsv" else ",",
                    na_values=["?"],
                    index_col=False,
                    low_memory=False,
                    encoding="utf-8-sig",
                )
    except ImportError:
        raise InputError(
            f"{path} is Parquet, which pyarrow reads: pip install 'gannets[parquet]', or save the "
            "table as .csv."
        ) from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): name a file that can."
        ) from error
    # pandas' own errors of parsing are ValueErrors, and so are those of decoding.
    except (ValueError, OverflowError, MemoryError, pandas.errors.ParserWarning) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is no table that can be read ({why.rstrip('.')}): save it again as UTF-8, one "
            "line a row and one header line."
        ) from error
    if suffix != ".parquet":
        _check_header(frame, str(path))
    check_frame(frame, str(path))
    return frame


def check_frame(frame: pandas.DataFrame, what: str) -> None:
    """Refuse a table without rows or columns, and columns that share a name."""
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise InputError(
            f"{what} has {frame.shape[0]} rows and {frame.shape[1]} columns: give at least one "
            "of each."
        )
    names = [str(name) for name in frame.columns]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{what} has two columns called {doubled[0]!r}: rename one.")


def _check_header(frame: pandas.DataFrame, what: str) -> None:
    """Refuse a header that is a row of data, or one that nothing has separated."""
    names = [str(name) for name in frame.columns]
    if names and all(map(_is_number, names)):
        raise InputError(
            f"The first line of {what} holds numbers ({', '.join(names[:3])}), no names: "
            "write a header line that names the columns."
        )
    for separator, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            raise InputError(
                f"{what} seems to be separated by {called}: save it with commas"
                f"{' or name it .tsv' if separator == chr(9) else ''}."
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
