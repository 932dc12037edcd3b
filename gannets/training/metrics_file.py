"""The metrics of a run, and its probes: a JSON object a line, added as the game is played.

A process that is killed may leave half a line at the end, which is left out. What a checkpoint is
taken after has reached the disk before it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gannets.errors import InputError
from gannets.files import append_text, sync

__all__ = ["MetricsFile"]


class MetricsFile:
    """The file at `path`, which need not be there yet. Every line tells its step, and the losses
    of `players`, if any.
    """

    def __init__(self, path: Path, *, players: Sequence[str] = ()) -> None:
        self.path = path
        self._players = players

    def add(self, line: dict[str, Any]) -> None:
        """Add a line; its numbers must be finite."""
        append_text(self.path, json.dumps(line, allow_nan=False) + "\n")

    def sync(self) -> None:
        """Wait until the lines are on the disk."""
        if self.path.exists():
            sync(self.path)

    def lines(self) -> list[dict[str, Any]]:
        """Every line; a last one that was cut off is left out, any other damage is refused."""
        return [record for record, _, _ in self._read()]

    def numbered(self) -> list[tuple[int, dict[str, Any]]]:
        """The same, each with its number in the file, from 1."""
        return [(number, record) for record, _, number in self._read()]

    def damaged(self, number: int, why: str = "") -> InputError:
        """The refusal of a line."""
        return InputError(
            f"{self.path}, line {number}, is damaged: {why}remove the line to go on without it."
        )

    def rewind(self, step: int) -> None:
        """Cut off what was recorded after `step`. No room is needed for it."""
        kept = self._read(step)
        end = kept[-1][1] if kept else 0
        if self.path.exists() and self.path.stat().st_size > end:
            os.truncate(self.path, end)
            self.sync()

    def _read(self, step: float = math.inf) -> list[tuple[dict[str, Any], int, int]]:
        """Every line up to the last of at most `step`, the place in the file where it ends, and its
        number.
        """
        try:
            blob = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}.") from None
        found: list[tuple[dict[str, Any], int, int]] = []
        gaps: dict[int, int] = {}
        end = 0
        for number, line in enumerate(blob.split(b"\n")[:-1], 1):
            end += len(line) + 1
            record = _record(line, self._players)
            if record is None:
                gaps[len(found)] = number
            elif record["step"] <= step:
                found.append((record, end, number))
        if lost := [number for before, number in gaps.items() if before < len(found)]:
            raise self.damaged(lost[0])
        return found


def _record(line: bytes, players: Sequence[str]) -> dict[str, Any] | None:
    """What a line says, or None where it is not a line of such a file."""
    try:
        record = json.loads(line.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("step")) is not int:
        return None
    for player in players:
        losses = record.get(player)
        if not isinstance(losses, dict) or not all(map(_is_number, losses.values())):
            return None
    return record


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _refuse(constant: str) -> float:
    raise ValueError(constant)
