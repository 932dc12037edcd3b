"""What two equal runs have in common, as hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

OWN = {"log.txt", "environment.json", "lock"}
"""What is a run's own: when it was what, where, and who writes it."""


def hashes(run: Path, *, checkpoints: str = "all") -> dict[str, str]:
    """The SHA-256 of every file that equal runs have alike.

    A run that was stopped by a signal keeps a checkpoint of that moment besides: with
    `checkpoints="last"` only the last is compared.
    """
    last = max(path.name for path in (run / "checkpoints").glob("[0-9]*"))
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        old = name.startswith("checkpoints/") and not name.startswith(f"checkpoints/{last}")
        if path.is_file() and path.name not in OWN and not (old and checkpoints == "last"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
