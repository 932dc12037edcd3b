"""Ctrl-C, SIGTERM and SIGUSR1: the first lets the step finish, the second stops at once.

SIGUSR1 is how a cluster says that the time is up and that the job is to be queued again.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["Interruption"]

NAMES = {
    getattr(signal, name): "Ctrl-C" if name == "SIGINT" else name
    for name in ("SIGINT", "SIGTERM", "SIGUSR1")
    if hasattr(signal, name)  # Windows has no SIGUSR1
}


class Interruption:
    """Within its block the first signal is noted in `signal`; the second raises `SystemExit`."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, object] = {}

    @property
    def code(self) -> int:
        """The exit code of a process that the signal ended: 128 and the signal's number."""
        return 128 + (self.signal or 0)

    @property
    def name(self) -> str:
        """What the person did."""
        return NAMES[signal.Signals(self.signal)] if self.signal is not None else "nothing"

    def __enter__(self) -> Interruption:
        # Only the main thread may handle signals; elsewhere they are its owner's business.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in NAMES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise SystemExit(128 + number)
        self.signal = number
