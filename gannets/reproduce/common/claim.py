"""What a reproduction finds, a line at a time: claims, expected and measured, and figures."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Claim", "Figure", "at_least", "at_most", "near", "shown", "true"]


@dataclass(frozen=True)
class Claim:
    """One line of the table of results."""

    what: str
    """What is measured, of what: "greatest |D - D*| where a sample falls, two normals"."""
    expected: str
    """As theory or the paper has it, in words and figures."""
    measured: str
    holds: bool | None = None
    """Whether it is so; None for what is shown beside the others and not judged."""
    source: str = ""
    """Where the expectation comes from: "Goodfellow et al. 2014, table 1"."""
    value: float | None = None
    """What was measured, as a number where it is one."""

    def to_json(self) -> dict[str, Any]:
        """The claim as a JSON object; a number that is none is left to the words."""
        finite = self.value is not None and math.isfinite(self.value)
        return {**asdict(self), "value": self.value if finite else None}


@dataclass(frozen=True)
class Figure:
    """A picture or an animation that was saved."""

    path: Path
    caption: str


def at_most(what: str, value: float, bound: float, *, source: str = "", note: str = "") -> Claim:
    """`value` <= `bound`. A NaN does not hold."""
    return _judged(what, f"at most {_number(bound)}", value, value <= bound, source, note)


def at_least(what: str, value: float, bound: float, *, source: str = "", note: str = "") -> Claim:
    """`value` >= `bound`. A NaN does not hold."""
    return _judged(what, f"at least {_number(bound)}", value, value >= bound, source, note)


def near(
    what: str, value: float, expected: float, *, within: float, source: str = "", note: str = ""
) -> Claim:
    """|value - expected| <= `within`. A NaN does not hold."""
    words = f"{_number(expected)} ± {_number(within)}"
    return _judged(what, words, value, abs(value - expected) <= within, source, note)


def true(what: str, holds: bool, *, expected: str, measured: str, source: str = "") -> Claim:
    """What is so or not, in words of its own."""
    return Claim(what, expected, measured, bool(holds), source)


def shown(what: str, measured: float | str, *, expected: str = "", source: str = "") -> Claim:
    """A number that stands beside the others and is not judged."""
    if isinstance(measured, str):
        return Claim(what, expected, measured, None, source)
    return Claim(what, expected, _number(measured), None, source, float(measured))


def _judged(what: str, expected: str, value: float, holds: bool, source: str, note: str) -> Claim:
    measured = _number(value) + (f" {note}" if note else "")
    return Claim(what, expected, measured, bool(holds), source, float(value))


def _number(value: float) -> str:
    """Four figures: 225, 0.693, 1.2e-09."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.2g}"
