"""How often p-values and intervals are right, of every metric there is, counted.

Each metric is measured on `REPEATS` fresh pairs of sets, once with p_g = p_data and once with fakes
that are moderately wrong. A p-value is right if p <= 5 % comes up in 3 to 7 % of the former. An
interval is of the expectation of the value at this n, for which the mean over the repeats stands:
it is right if it holds that in 90 to 98 % of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from gannets.metrics.catalogue import METRICS
from gannets.metrics.comparison import Metric
from gannets.metrics.estimate import Estimate
from tests.contracts.metric_cases import GAMES, KINDS, Case, encoded, kind_of, quick

REPEATS, N = 200, 100
SLACK = 0.031
"""Of 200 repeats a share of 5 % has a standard error of 1.5 %: two of them are allowed for.

There are about 30 p-values and 110 intervals: by chance a few are beyond, were all right but just.
Seeds were not chosen; what was found beyond is listed below with the number and its reason.
"""

FAST: Mapping[str, Metric] = {
    "gan_train": replace(quick("gan_train"), steps=4),  # type: ignore[type-var]
    "mmd": replace(quick("mmd"), permutations=199),  # type: ignore[type-var]
    "energy": replace(quick("energy"), permutations=199),  # type: ignore[type-var]
    "kd": replace(quick("kd"), permutations=199),  # type: ignore[type-var]
    "one_nn": replace(quick("one_nn"), permutations=199),  # type: ignore[type-var]
}
"""Fewer permutations and steps: a p-value is valid for any number of them."""


def _points(case: Case) -> Case:
    """A little narrower, and off by a quarter of a standard deviation."""
    x = 0.9 * case.fake.x + 0.18
    return replace(case, fake=replace(case.fake, x=x))


def _images(case: Case) -> Case:
    """Half of the bright thirds are paler."""
    x = torch.where(case.fake.x > 0.5, 0.5 + 0.4 * (case.fake.x - 0.5), case.fake.x)
    return replace(case, fake=replace(case.fake, x=x))


def _rows(case: Case) -> Case:
    """One number is off, and one category too frequent."""
    frame = case.fake.frame
    assert frame is not None
    kind = np.where(np.arange(len(frame)) % 5 == 0, "x", frame["kind"])
    return replace(case, fake=encoded(frame.assign(a=frame["a"] + 0.3, kind=kind)))


WRONG: Mapping[str, Callable[[Case], Case]] = {
    "points": _points,
    "images": _images,
    "channels": _images,
    "rows": _rows,
}


@cache
def repeated(name: str, right: bool) -> Mapping[str, list[Estimate]]:
    """The estimates of all repeats by key."""
    found: dict[str, list[Estimate]] = {}
    metric = FAST.get(name) or quick(name)
    for seed in range(REPEATS):
        if name in GAMES:
            case = GAMES[name][0 if right else 1](seed)
        else:
            case = KINDS[kind_of(name)](N, N, 10_000 + seed)
            case = case if right else WRONG[kind_of(name)](case)
        for estimate in metric(case.comparison(seed=seed)):
            found.setdefault(estimate.key, []).append(estimate)
    return found


def rejected(estimates: list[Estimate]) -> float | None:
    """How often p <= 5 %."""
    p = [estimate.p for estimate in estimates if estimate.p is not None]
    return sum(each <= 0.05 for each in p) / len(p) if p else None


def covered(estimates: list[Estimate]) -> float | None:
    """How often the interval holds the mean of the values."""
    ours = [e for e in estimates if e.interval is not None]
    if not ours:
        return None
    mean = sum(estimate.value for estimate in ours) / len(ours)
    if ours[0].key == "fd_inf":  # of FD itself, which is not below 0
        mean = max(mean, 0.0)
    slack = 1e-12 * (1 + abs(mean))
    intervals = [e.interval for e in ours if e.interval is not None]
    return sum(low - slack <= mean <= high + slack for low, high in intervals) / len(ours)


def table(names: list[str]) -> list[tuple[Any, ...]]:
    """All rates: of rejections with p_g = p_data, and of intervals there and where fakes err."""
    rows = []
    for name in names:
        null, off = repeated(name, True), repeated(name, False)
        rows += [
            (key, rejected(null[key]), covered(null[key]), covered(off.get(key, []) or null[key]))
            for key in null
        ]
    return rows
