"""Whether a value is what the annotation of a recipe's field says."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import types
import typing
from typing import Any, TypeVar

__all__ = ["coerced", "described", "fits"]


def coerced(value: Any, hint: Any) -> Any:
    """An integer where a float is meant is that float, so that it is printed as one."""
    alternatives = _alternatives(hint)
    if type(value) is int and float in alternatives and int not in alternatives:
        return float(value)
    if isinstance(value, tuple):
        for alternative in alternatives:
            arguments = typing.get_args(alternative)
            if typing.get_origin(alternative) is tuple and arguments:
                if arguments[-1] is Ellipsis:
                    return tuple(coerced(item, arguments[0]) for item in value)
                if len(arguments) == len(value):
                    return tuple(map(coerced, value, arguments))
    return value


def fits(value: Any, hint: Any) -> bool:
    """Whether `value` is of the annotated type, as far as annotations of recipes go."""
    alternatives = _alternatives(hint)
    if len(alternatives) > 1:
        return any(fits(value, alternative) for alternative in alternatives)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if hint is None or hint is type(None):
        return value is None
    if hint in (int, float):
        number = isinstance(value, hint if hint is int else int | float)
        return number and not isinstance(value, bool) and not math.isnan(value)
    if origin is typing.Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(fits(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    cls = origin or hint
    if getattr(cls, "_is_protocol", False):
        members = _members(cls)
        if not all(hasattr(value, member) for member in members):
            return False
        return "__call__" not in members or _called_alike(value, cls)
    if not isinstance(cls, type):
        return True
    if not isinstance(value, cls):
        return False
    if origin is not None and dataclasses.is_dataclass(cls):  # Players[Optimizer]
        return all(fits(getattr(value, f.name), arguments[0]) for f in dataclasses.fields(cls))
    return True


def _members(protocol: type) -> set[str]:
    return {
        name
        for cls in protocol.__mro__
        if getattr(cls, "_is_protocol", False)
        for name in (*vars(cls), *getattr(cls, "__annotations__", {}))
        if name == "__call__" or not name.startswith("_")
    }


def _called_alike(value: Any, protocol: Any) -> bool:
    """Whether a callable takes the arguments of a protocol's `__call__`.

    Many values of a recipe are callables; what tells an update from a term is what they are called
    with. Values of gannets use the protocol's names, a caller's own must take as many arguments.
    """
    try:
        own = list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return True
    asked = list(inspect.signature(protocol.__call__).parameters)[1:]
    return own == asked if type(value).__module__.startswith("gannets.") else len(own) == len(asked)


def described(hint: Any) -> str:
    """An annotation in words, for a message."""

    def one(hint: Any) -> str:
        if hint is type(None):
            return "None"
        if typing.get_origin(hint) is typing.Literal:
            return " or ".join(map(repr, typing.get_args(hint)))
        if typing.get_origin(hint) is not None:
            return re.sub(r"\b[a-z_]+(\.[a-z_]+)*\.(?=[A-Z])", "", str(hint))
        return getattr(hint, "__name__", str(hint))

    return " or ".join(map(one, _alternatives(hint)))


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(a for arg in typing.get_args(hint) for a in _alternatives(arg))
    return (hint,)
