"""Which part of the data: `train`, `test`, `train[:50000]`, `train[50000:]`, `train[:90%]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from gannets.errors import InputError, unknown

__all__ = ["Split", "other", "parse"]

_SPLIT = re.compile(r"(\w+)(?:\[(\d{1,18}%?)?:(\d{1,18}%?)?\])?", re.ASCII)


class Split(NamedTuple):
    """A part of the data and a slice of its rows: counts, or percentages such as `90%`."""

    part: str
    start: str | None = None
    stop: str | None = None

    def __str__(self) -> str:
        if self.start is None and self.stop is None:
            return self.part
        return f"{self.part}[{self.start or ''}:{self.stop or ''}]"

    def of(self, n: int) -> slice:
        """The rows this split selects of the `n` that its part has."""
        start, stop = _row(self.start, n, default=0), _row(self.stop, n, default=n)
        if not 0 <= start < stop <= n:
            raise InputError(
                f"The split {str(self)!r} selects no rows, or rows beyond the {n} there are: "
                f"take a slice from 0 to {n}, such as {self.part}[:90%]."
            )
        return slice(start, stop)


def parse(text: str, parts: Sequence[str]) -> Split:
    """Read a split of data that have `parts`."""
    match = _SPLIT.fullmatch(text)
    if match is None:
        raise InputError(
            f"The split {text!r} cannot be read: write a part ({', '.join(parts)}) or a slice of "
            f"one, such as {parts[0]}[:50000], {parts[0]}[50000:] or {parts[0]}[:90%]."
        )
    part, start, stop = match.groups()
    if part not in parts:
        raise unknown("split", part, parts)
    for bound in (start, stop):
        if bound and bound.endswith("%") and int(bound[:-1]) > 100:
            raise InputError(f"The split {text!r} asks for {bound}: write 0% to 100%.")
    return Split(part, start, stop)


def other(text: str, wanted: str, parts: Sequence[str]) -> str:
    """The split `wanted` of data whose recipe trains on the split `text`.

    The part that is trained on keeps its slice. Where no part is called `validation`, it is what
    the training slice leaves over: `train[50000:]` to `train[:50000]`.
    """
    now = parse(text, parts)
    if wanted == now.part:
        return text
    if wanted == "validation" and wanted not in parts:
        if (now.start is None) == (now.stop is None):
            raise InputError(
                f"The split {text!r} leaves nothing over for validation: train on a slice, "
                f"such as {now.part}[:90%], and validation is the rest."
            )
        return str(Split(now.part, now.stop, now.start))
    return str(parse(wanted, parts))


def _row(bound: str | None, n: int, *, default: int) -> int:
    if bound is None:
        return default
    return n * int(bound[:-1]) // 100 if bound.endswith("%") else int(bound)
