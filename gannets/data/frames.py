"""Tables in files: CSV (RFC 4180), values separated by tabs, and Parquet where pyarrow is there.

Read as pandas reads them, nothing guessed in silence: a first line that holds no names, another
separator and ragged lines are errors. Empty cells, `?` (as in the tables of UCI), `NA`, `NaN`,
`null` and pandas' other spellings of them mean that a value is missing.
"""

from __future__ import annotations

import csv
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
    separator = "\t" if suffix == ".tsv" else ","
    try:
        frame = pandas.read_parquet(file) if suffix == ".parquet" else _read(file, separator)
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
        if isinstance(error, (pandas.errors.ParserWarning, pandas.errors.ParserError)):
            _check_lines(file, separator, str(path))
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is no table that can be read ({why.rstrip('.')}): save it again as UTF-8, one "
            "line a row and one header line."
        ) from error
    if suffix != ".parquet":
        _check_header(frame, str(path))
    check_frame(frame, str(path))
    if suffix != ".parquet" and frame.iloc[:, -1].isna().any():  # as where a line is too short
        _check_lines(file, separator, str(path))
    return frame


def _read(file: Path, separator: str) -> pandas.DataFrame:
    import pandas

    with warnings.catch_warnings():  # a line of too many cells is only warned of
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        return pandas.read_csv(
            file,
            sep=separator,
            na_values=["?"],
            index_col=False,
            low_memory=False,
            encoding="utf-8-sig",
        )


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


def _check_lines(file: Path, separator: str, what: str) -> None:
    """Refuse a line with fewer or more cells than the header has, by its number."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(text, delimiter=separator)
        columns = None
        try:
            for cells in lines:
                if not cells or (len(cells) == 1 and not cells[0].strip()):
                    continue  # an empty line, which pandas passes over
                columns = columns or len(cells)
                if len(cells) != columns:
                    raise InputError(
                        f"Line {lines.line_num:,} of {what} has {len(cells):,} cells, the header "
                        f"has {columns:,}: mend that line; an empty cell is a missing value."
                    )
        except (csv.Error, UnicodeDecodeError):  # nothing that a count of cells can tell
            return


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
