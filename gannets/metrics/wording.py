"""What an estimate says in a sentence, in one voice: no sentence contradicts its interval or p.

A value is told from its floor, what a perfect generator gets, where its p is at most 5 % and its
95 % interval leaves the floor out. Where one of the two is missing the other decides; where they
disagree the sentence says that they do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from gannets.metrics.estimate import Better

__all__ = ["Verdict", "meaning", "used", "verdict"]

Verdict = Literal["level", "worse", "beyond", "undecided", "unknown"]
"""As a perfect generator's; worse; better than that; p and interval disagree; neither is there."""

LEVEL = 0.05
BEYOND = "Better than new real samples get: some of the samples may be copies of real ones."
UNKNOWN = "There is neither an interval nor a p to tell it from what a perfect generator gets."


def verdict(
    value: float,
    *,
    floor: float | None,
    interval: tuple[float, float] | None = None,
    p: float | None = None,
    better: Better = "lower",
) -> Verdict:
    """On which side of its floor a value is, as far as its interval and its p can tell.

    `p` may be one-sided: on the side that is better than the floor it then is near 1, and the
    interval alone decides. For "near" every difference is for the worse.
    """
    if floor is None or math.isnan(value) or (interval is None and p is None):
        return "unknown"
    ahead = better != "near" and (value < floor) == (better == "lower") and value != floor
    signs = [] if interval is None else [not interval[0] <= floor <= interval[1]]
    blind = ahead and p is not None and p >= 1 - LEVEL and any(signs)
    if p is not None and not blind:
        signs.append(p <= LEVEL)
    if not any(signs):
        return "level"
    if not all(signs):
        return "undecided"
    return "beyond" if ahead else "worse"


def meaning(
    value: float,
    *,
    floor: float | None,
    interval: tuple[float, float] | None = None,
    p: float | None = None,
    better: Better = "lower",
    level: str,
    worse: str,
    beyond: str = BEYOND,
) -> str:
    """The sentence for the verdict: `level`, `worse` or `beyond`, each whole and with its stop.

    `worse` is for either side where `better` is "near": word it by value > floor.
    """
    found = verdict(value, floor=floor, interval=interval, p=p, better=better)
    if found == "undecided":
        return _undecided(value, floor or 0.0, p or 0.0)
    return {"level": level, "worse": worse, "beyond": beyond, "unknown": UNKNOWN}[found]


def _undecided(value: float, floor: float, p: float) -> str:
    side = "above" if value > floor else "below"
    if p <= LEVEL:
        return (
            f"Undecided at this n: p = {p:.2g}, but the 95 % interval holds what a perfect "
            "generator gets."
        )
    return (
        f"Undecided at this n: the 95 % interval lies {side} what a perfect generator gets, but "
        f"p = {p:.2g}."
    )


def used(sides: Mapping[str, tuple[int, int]], what: str = "samples") -> tuple[str, ...]:
    """The note that not all were used, of {"real": (500, 900), "fake": (500, 500)}: so many of so
    many. Empty where all were.
    """
    cut = {side: some for side, some in sides.items() if some[0] < some[1]}
    if not cut:
        return ()
    parts = [f"{n:,} of {there:,} {side}" for side, (n, there) in cut.items()]
    return (f"{' and '.join(parts)} {what} were used, drawn at random.",)
