"""Errors are sentences: what was given, what is valid, what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["InputError", "RunWarning", "StoppedError", "did_you_mean", "unknown"]


LONGEST_LIST = 24


class InputError(ValueError):
    """What the caller gave cannot be used; the message is one sentence for a person.

    The command line prints it and exits with code 2. Any other exception is a defect of gannets.
    """


class StoppedError(RuntimeError):
    """A run cannot go on; the message says why, what is kept and what to change.

    The command line prints it and exits with code 1.
    """


class RunWarning(UserWarning):
    """A run is gone on with, but not quite as one would think; the message says why.

    The command line prints it and goes on.
    """


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest valid name, or an empty string."""
    near = difflib.get_close_matches(given, list(valid), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def unknown(kind: str, given: str, valid: Iterable[str]) -> InputError:
    """An `InputError` that names the unknown thing, the nearest valid one, and all valid ones."""
    names = sorted(valid)
    listed = f" Valid: {', '.join(names)}." if len(names) <= LONGEST_LIST else ""
    return InputError(f"Unknown {kind} {given[:60]!r}.{did_you_mean(given, names)}{listed}")
