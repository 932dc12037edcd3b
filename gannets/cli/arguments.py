"""From words to the call of a verb. tyro reads the verb's signature; refusals are one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff
from tyro.constructors import PrimitiveConstructorSpec

from gannets.errors import InputError, unknown

__all__ = ["SEED", "WHOLE_NUMBER", "WHOLE_NUMBERS", "option", "parse"]

Verb = Callable[..., int]


def option(metavar: str, text: str, *, name: str | None = None) -> Any:
    """How a verb's parameter is described in its help. A default worth knowing is in the text.

    `name` is the option's, where Python keeps it for itself.
    """
    return tyro.conf.arg(metavar=metavar, help=text, help_behavior_hint="", name=name)


def _read(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"it takes a whole number, not {word!r}") from None


WHOLE_NUMBER: PrimitiveConstructorSpec[int] = PrimitiveConstructorSpec(
    nargs=1,
    metavar="N",
    instance_from_str=lambda words: _read(words[0]),
    is_instance=lambda value: value is None or isinstance(value, int),
    str_from_instance=lambda value: [str(value)],
)
"""Beside `int` or `int | None`: where it is given something else, it says what it takes."""


def _seed(word: str) -> int:
    if (seed := _read(word)) < 0:
        raise ValueError(f"a seed is a whole number from 0 on, not {word}")
    return seed


SEED: PrimitiveConstructorSpec[int] = dataclasses.replace(
    WHOLE_NUMBER, instance_from_str=lambda words: _seed(words[0])
)
"""The same for a seed."""

WHOLE_NUMBERS: PrimitiveConstructorSpec[tuple[int, ...]] = PrimitiveConstructorSpec(
    nargs="*",
    metavar="N",
    instance_from_str=lambda words: tuple(map(_read, words)),
    is_instance=lambda value: isinstance(value, tuple),
    str_from_instance=lambda values: [str(value) for value in values],
)
"""The same beside `tuple[int, ...]`."""


def parse(verb: Verb, name: str, words: Sequence[str]) -> Callable[[], int] | None:
    """The call of `verb` that `words` ask for; None where they asked for its help, now printed."""
    _refuse_unknown_options(verb, words)

    @functools.wraps(verb)
    def call(*args: Any, **kwargs: Any) -> Callable[[], int]:
        return functools.partial(verb, *args, **kwargs)

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                call,
                prog=f"gannets {name}",
                args=list(words),
                config=(FlagCreatePairsOff, DisallowNone),
            )
    except SystemExit as stop:
        if not stop.code:
            return None
    raise InputError(f"{_sentence(complaint.getvalue())} See `gannets {name} --help`.")


def _refuse_unknown_options(verb: Verb, words: Sequence[str]) -> None:
    options = [
        f"--{name.strip('_').replace('_', '-')}"
        for name, parameter in inspect.signature(verb).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for word in words:
        given = word.partition("=")[0].replace("_", "-")
        if re.match(r"--?[A-Za-z]", given) and given not in (*options, "-h", "--help"):
            raise unknown("option", word.partition("=")[0], options)


def _sentence(box: str) -> str:
    """The first part of the box in which tyro complains, as a sentence."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)  # it is coloured where the output is a terminal
    lines = [line.strip(" │╭╰╮╯") for line in plain.splitlines()]
    text: list[str] = []
    for line in lines:
        if not text and (not line or line.startswith("─") or line.endswith("─")):
            continue  # the upper edge
        if not line or line.startswith("──"):
            break
        text.append(line)
    return " ".join(text).removeprefix("Error parsing ").rstrip(".") + "."
