"""Numbers, times and commands, as a person reads them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["clock", "command", "count", "itemised", "number", "speed"]


def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    minutes, s = divmod(max(0, round(seconds)), 60)
    h, m = divmod(minutes, 60)
    return f"{h}:{m:02}:{s:02}" if h else f"{m}:{s:02}"


def number(value: float) -> str:
    """Four figures, as many of them behind the point as fit: -0.0123, 1.234, 123.4, 1.2e+06."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}" if abs(value) >= 1000 else f"{value:.3f}"
    return f"{value:.2g}"


def count(n: int) -> str:
    """950, 12.3 k or 4.56 M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if n >= size:
            return f"{n / size:.3g} {letter}"
    return str(n)


def speed(rate: float) -> str:
    """Steps a second, or seconds a step where that is the larger number."""
    if rate <= 0:
        return "- steps/s"
    return f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


def itemised(losses: Mapping[str, Any]) -> str:
    """A player's loss and what it is the sum of: `0.456 = objective 0.400 + R1 0.056`."""
    values = {name: float(value) for name, value in losses.items()}
    total = number(sum(values.values()))
    if len(values) == 1:
        return total
    return f"{total} = " + " + ".join(f"{name} {number(value)}" for name, value in values.items())


def command(verb: str, *arguments: str | Path) -> str:
    """A command line to be typed, quoted where a shell needs it."""
    return shlex.join(["gannets", verb, *map(str, arguments)])
