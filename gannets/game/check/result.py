"""What a check finds, and what all checks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gannets.game.stream import Stream

__all__ = ["Result", "Verdict", "normal", "results"]

Verdict = tuple[bool, str]


@dataclass(frozen=True)
class Result:
    """What one check found."""

    name: str
    passed: bool
    sentence: str
    """What was measured."""


def results(checks: Mapping[str, Callable[..., Verdict]], *given: Any) -> list[Result]:
    """Run each of `checks` on what is given."""
    return [_result(name, verdict, *given) for name, verdict in checks.items()]


def _result(name: str, verdict: Callable[..., Verdict], *given: Any) -> Result:
    try:
        return Result(name, *verdict(*given))
    except Exception as error:  # what is checked is foreign code, and may fail in any way
        return Result(name, False, f"It raised {type(error).__name__}: {error}")


def normal(*shape: int, index: int = 0) -> Tensor:
    """N(0, 1) in float64, always the same."""
    return Stream(0, "check").at(index).normal(*shape).double()
