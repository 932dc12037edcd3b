"""Where a run was begun: versions, machine, data, parent. Equal bits are promised nowhere else."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import gannets
from gannets.errors import InputError
from gannets.files import read_json, write_json

__all__ = [
    "describe",
    "differences",
    "note_tried",
    "read_environment",
    "tried_before",
    "write_environment",
]

SCHEMA = 1
_DECISIVE = ("torch", "platform", "device", "device_name", "threads")
"""What decides how sums are rounded."""


def describe(device: torch.device) -> dict[str, Any]:
    """This process, as far as it bears on what a run computes."""
    return {
        "gannets": gannets.__version__,
        "git": _git_hash(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
    }


def differences(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What has changed since a run was begun that may change its bits: `torch 2.13 -> 2.14`."""
    return ", ".join(
        f"{key} {begun[key]} -> {now[key]}"
        for key in _DECISIVE
        if key in begun and begun[key] != now[key]
    )


def write_environment(
    run: Path, *, device: torch.device, fingerprint: str, parent: Mapping[str, Any] | None = None
) -> None:
    """Write `environment.json`; `parent` is the checkpoint that the run goes on from."""
    own = {"schema": SCHEMA, **describe(device), "data_sha256": fingerprint}
    write_json(run / "environment.json", own if parent is None else {**own, "parent": dict(parent)})


def read_environment(run: Path) -> dict[str, Any] | None:
    """What `environment.json` says; None where it cannot be read."""
    try:
        return read_json(run / "environment.json", schema=SCHEMA)
    except InputError:
        return None


def note_tried(run: Path, tried: Sequence[Sequence[str]]) -> None:
    """Note the changes that were tried in a row, the last in this run, with where it was begun."""
    begun = read_json(run / "environment.json", schema=SCHEMA)
    write_json(run / "environment.json", {**begun, "tried": [list(changes) for changes in tried]})


def tried_before(run: Path) -> list[tuple[str, ...]]:
    """What was tried in a row until this run, itself included; none for a run of one's own."""
    tried = (read_environment(run) or {}).get("tried", [])
    return [tuple(changes) for changes in tried]


def _git_hash() -> str | None:
    """The commit of gannets, where it runs from a checkout."""
    root = Path(gannets.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
