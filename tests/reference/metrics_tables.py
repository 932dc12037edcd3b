"""Similarities of tables and Gower's distance, written as their definitions, a value at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas


def ks(real: Sequence[float], fake: Sequence[float]) -> float:
    """The largest difference of the two distribution functions, at every value there is."""
    at = [*real, *fake]
    return max(
        abs(sum(v <= x for v in real) / len(real) - sum(v <= x for v in fake) / len(fake))
        for x in at
    )


def tv(real: Sequence[Any], fake: Sequence[Any]) -> float:
    """Half the sum over all values of the difference of their shares."""
    values = {*real, *fake}
    a, b = list(real), list(fake)
    return sum(abs(a.count(v) / len(a) - b.count(v) / len(b)) for v in values) / 2


def gower(one: pandas.Series, other: pandas.Series, ranges: dict[str, float]) -> float:
    """The mean over columns of |a - b| / range, or of whether a and b differ."""
    total = 0.0
    for name in one.index:
        a, b = one[name], other[name]
        if pandas.isna(a) or pandas.isna(b):
            total += 0.0 if pandas.isna(a) and pandas.isna(b) else 1.0
        elif name in ranges:
            total += abs(a - b) / ranges[name]
        else:
            total += 0.0 if a == b else 1.0
    return total / len(one.index)
