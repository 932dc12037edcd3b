"""How long a run was played: the sum over its sittings, those that were killed among them.

A run's log tells when each sitting began, and when it ended if it was let end. A process that is
killed writes no last line: such a sitting lasted at least until the last thing that is left of it,
a finding in the log, or a checkpoint, a measurement or a picture by its file's time. What it played
after its last checkpoint was played again, so that little is missed.
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from gannets.training import Run

__all__ = ["hours"]

LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)  (started|resumed|stopped|finished|found at step)"
)
LEFT = ("checkpoints/*/state.json", "eval/*.json", "samples/*.png")


def hours(run: Run) -> float:
    """Hours of play, by the run's log and the times of its files; a copy without them has less."""
    log = run.path / "log.txt"
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    lines = [(datetime.fromisoformat(m[1]), m[2]) for m in map(LINE.match, text.splitlines()) if m]
    begins = [i for i, (_, word) in enumerate(lines) if word in ("started", "resumed")]
    signs = _signs(run.path)
    seconds = 0.0
    for first, after in pairwise([*begins, len(lines)]):
        begun = lines[first][0]
        # What is later than the next beginning is of that sitting; of the last, all is.
        until = lines[after][0] if after < len(lines) else datetime.max
        said = lines[first + 1 : after]
        ends = [at for at, word in said if word in ("stopped", "finished")]
        if not ends:
            ends = [begun, *(at for at, _ in said), *(at for at in signs if begun <= at < until)]
        seconds += (max(ends) - begun).total_seconds()
    return seconds / 3600


def _signs(path: Path) -> list[datetime]:
    """When what is left of the run was written."""
    found = [file for pattern in LEFT for file in path.glob(pattern)]
    return [datetime.fromtimestamp(file.stat().st_mtime) for file in found]
