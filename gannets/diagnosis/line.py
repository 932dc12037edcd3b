"""Dataclasses of numbers as JSON has them, and back: a line of `probes.jsonl`, a finding.

JSON has no number that is not finite: there it is null. What is read may be damaged, and is
believed only as far as each field is of its own type.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from gannets.errors import InputError

__all__ = ["plain", "read"]

T = TypeVar("T")


def plain(value: Any) -> Any:
    """As JSON has it: tuples are lists, and what is not finite is null."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read(cls: type[T], line: Any, *, name: str = "a line") -> T:
    """The `cls` that `line` describes; what it does not know there is passed over.

    Raises `InputError` where a field is missing, or not what `cls` declares: a number, text, a list
    of numbers, numbers by name, or another such dataclass.
    """
    if not isinstance(line, Mapping):
        raise _no(line, name, "an object")
    hints = get_type_hints(cls)
    given: dict[str, Any] = {}
    for each in fields(cls):  # type: ignore[arg-type]
        if each.name in line:
            given[each.name] = _value(hints[each.name], line[each.name], each.name)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise InputError(f"{name} has no {each.name!r}.")
    return cls(**given)


def _value(hint: Any, value: Any, name: str) -> Any:
    """A field's value, as its type says."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if get_origin(hint) is None or get_origin(hint) in (tuple, Mapping):
        kinds = [hint]
    elif value is None:  # of a type that allows for it
        return None
    (kind,) = kinds
    if is_dataclass(kind) and isinstance(kind, type):
        return read(kind, value, name=repr(name))
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _no(value, repr(name), "a list of numbers")
        return tuple(_number(each, name) for each in value)
    if get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise _no(value, repr(name), "numbers by name")
        return {key: _number(each, name) for key, each in value.items()}
    if kind is float:
        return _number(value, name)
    if type(value) is not kind:
        raise _no(value, repr(name), "a whole number" if kind is int else "text")
    return value


def _number(value: Any, name: str) -> float:
    if value is None:
        return math.nan
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        raise _no(value, repr(name), "a number")
    return float(value)


def _no(value: Any, name: str, what: str) -> InputError:
    return InputError(f"{name} has to be {what}, not {str(value)[:40]!r}.")
