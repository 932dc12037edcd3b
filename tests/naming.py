"""Names of test cases that are the same in every process (a lambda's repr holds its address)."""

from __future__ import annotations

from types import FunctionType


def named(value: object) -> str:
    """A value's repr, and nothing for a function."""
    return "" if isinstance(value, FunctionType) else repr(value)[:60]
