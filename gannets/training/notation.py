"""The notation of recipes: a value printed as a Python expression, and read back without running
it.

`show` states every field. `parse` builds only what its vocabulary names (dataclasses, and functions
by name), literals and tuples. Nothing is executed; whatever else the text holds is refused with the
offending part quoted. `assign` is the notation of `--set`: `game.discriminator_terms[0].gamma=1`.
This file knows nothing of games; `reading.py` gives it gannets' vocabulary.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from gannets.errors import InputError, unknown
from gannets.training.annotated import coerced, described, fits

__all__ = ["Vocabulary", "assign", "parse", "show"]

T = TypeVar("T")
WIDTH = 92
LONGEST_TEXT = 1_000_000
Vocabulary = Mapping[str, Callable[..., Any]]


def show(value: object, indent: int = 0) -> str:
    """A Python expression that recreates `value`, broken over lines where it is long."""
    name, parts = _parts(value)
    if parts is None:
        return name
    opening, closing = ("(", ")") if name else ("(", ",)" if len(parts) == 1 else ")")
    flat = f"{name}{opening}{', '.join(key + show(part) for key, part in parts)}{closing}"
    if len(flat) + indent <= WIDTH and "\n" not in flat:
        return flat
    pad = " " * (indent + 4)
    lines = [f"{pad}{key}{show(part, indent + 4)}," for key, part in parts]
    return "\n".join([f"{name}(", *lines, " " * indent + ")"])


def _parts(value: object) -> tuple[str, list[tuple[str, object]] | None]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not type(value).__dataclass_params__.repr:  # type: ignore[attr-defined]
            return repr(value), None  # data in memory describes itself
        hints = typing.get_type_hints(type(value))
        return type(value).__name__, [
            (f"{f.name}=", coerced(getattr(value, f.name), hints[f.name]))
            for f in dataclasses.fields(value)
            if f.init
        ]
    if isinstance(value, tuple | list):
        return "", [("", item) for item in value]
    if isinstance(value, types.FunctionType):
        return value.__name__, None
    if isinstance(value, float) and math.isinf(value):
        return ("1e999" if value > 0 else "-1e999"), None  # a number that reads as infinity
    return repr(value), None


def parse(text: str, names: Vocabulary) -> Any:
    """Build the value that `text` describes with `names`, executing nothing."""
    if len(text) > LONGEST_TEXT:
        raise InputError(f"A recipe of {len(text):,} characters is too long to be one.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Reader(text.strip(), names).value(tree.body)
    except SyntaxError as error:
        line = (error.text or "").strip()[:60]
        raise InputError(
            f"This is not an expression in the notation of recipes (line {error.lineno}): {line!r}."
        ) from None
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"This text cannot be read as a recipe: {error}.") from None


class _Reader:
    def __init__(self, text: str, names: Vocabulary) -> None:
        self._text = text
        self._names = names

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as constant):
                return constant
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return tuple(self.value(item) for item in items)
            case ast.Name(id=name) if name in self._names and not _is_class(self._names[name]):
                return self._names[name]
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, args, keywords)
        raise InputError(
            f"The notation of recipes has names of gannets, numbers, strings and tuples, and "
            f"executes nothing: it cannot read {self._quote(node)!r}."
        )

    def _call(self, name: str, args: list[ast.expr], keywords: list[ast.keyword]) -> Any:
        if name not in self._names:
            raise unknown("name in a recipe", name, self._names)
        cls = self._names[name]
        if not _is_class(cls):
            raise InputError(f"{name} is a function; a recipe names it without calling it.")
        fields = [f.name for f in dataclasses.fields(cls) if f.init]  # type: ignore[arg-type]
        if len(args) > len(fields):
            raise InputError(f"{name} has {len(fields)} fields, but {len(args)} values are given.")
        given = dict(zip(fields, map(self.value, args), strict=False))
        for keyword in keywords:
            if keyword.arg is None:
                raise InputError(f"The notation has no {self._quote(keyword.value)!r} behind '**'.")
            if keyword.arg not in fields:
                raise unknown(f"field of {name}", keyword.arg, fields)
            if keyword.arg in given:
                raise InputError(f"{name} is given {keyword.arg} twice.")
            given[keyword.arg] = self.value(keyword.value)
        return make(cls, given)

    def _quote(self, node: ast.AST) -> str:
        quoted = ast.get_source_segment(self._text, node) or ast.dump(node)
        return quoted if len(quoted) <= 60 else quoted[:57] + "..."


def _is_class(value: object) -> bool:
    return isinstance(value, type) and dataclasses.is_dataclass(value)


def make(cls: Callable[..., T], fields: Mapping[str, Any]) -> T:
    """Build a dataclass from its fields, checking each against its annotation."""
    name = getattr(cls, "__name__", str(cls))
    hints = typing.get_type_hints(cls)
    given = {field: coerced(value, hints[field]) for field, value in fields.items()}
    for field, value in given.items():
        if not fits(value, hints[field]):
            raise InputError(
                f"{name}.{field} takes {described(hints[field])}, not {show(value)!s:.80}."
            )
    missing = [
        f.name
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        if f.init
        and f.name not in fields
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{name} needs {', '.join(missing)}.")
    try:
        return cls(**given)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: {error}") from error


_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(-?\d+)\]")


def assign(value: T, assignment: str, names: Vocabulary) -> T:
    """The value with one part replaced, as `optimizers.generator.lr=1e-4` says."""
    path, equals, text = assignment.partition("=")
    steps, position = [], 0
    path = path.strip()
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            break
        steps.append(match[1] if match[1] is not None else int(match[2]))
        position = match.end()
    if not equals or not steps or position < len(path):
        raise InputError(
            f"A change reads path=value, such as optimizers.generator.lr=1e-4 or "
            f"game.discriminator_terms[0].gamma=1.0, not {assignment!r}."
        )
    return typing.cast(T, _replace(value, steps, _literal(text, names), "recipe"))


def _literal(text: str, names: Vocabulary) -> Any:
    """A value in the notation, or a bare word, which is a string: no shell quotes are needed."""
    bare = text.strip()
    known = {"True", "False", "None", *names}
    return (
        bare
        if re.fullmatch(r"[A-Za-z_][\w./-]*", bare) and bare not in known
        else parse(bare, names)
    )


def _replace(value: Any, steps: list[str | int], new: Any, where: str) -> Any:
    if not steps:
        return new
    step, *rest = steps
    if isinstance(step, int):
        if not isinstance(value, tuple):
            raise InputError(f"{where} is {show(value)!s:.60}, which has no [{step}].")
        if not -len(value) <= step < len(value):
            raise InputError(
                f"{where} has {len(value)} entries, counted from 0; there is no [{step}]."
            )
        items = list(value)
        items[step] = _replace(items[step], rest, new, f"{where}[{step}]")
        return tuple(items)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise InputError(f"{where} is {show(value)!s:.60}, which has no field {step!r}.")
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    if step not in fields:
        raise unknown(f"field of {where}", step, fields)
    fields[step] = _replace(fields[step], rest, new, f"{where}.{step}")
    return make(type(value), fields)
