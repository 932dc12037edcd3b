"""One process writes to a run: the lock on its directory, which a process that dies lets go of.

The lock is the operating system's (flock) on the file `lock`, in which its owner stands: however
the owner ends, the lock ends with it, and a file that is left behind locks nobody out. Where a file
system has no flock, the owner who stands in the file is looked for among this machine's processes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
import weakref
from pathlib import Path
from typing import Any

from gannets.errors import InputError
from gannets.files import write_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lock"]

_NO_FLOCK = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


class Lock:
    """The right to write to a run, held until `release`, the end of the object or of the process.

    Raises `InputError`, which names the owner, where somebody else has it.
    """

    def __init__(self, run: Path) -> None:
        self.path = run / "lock"
        descriptor = _flocked(self.path)
        if descriptor is None:
            _claim(self.path)
        else:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _me().encode())
        self._finalizer = weakref.finalize(self, _let_go, self.path, descriptor, os.getpid())

    def release(self) -> None:
        """Let go of the run."""
        self._finalizer()


def _flocked(path: Path) -> int | None:
    """A descriptor of the file, locked; None where the file system has no such locks."""
    if fcntl is None:
        return None
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last owner may have removed the file between the two lines above.
            if _same_file(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise _taken(path) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno in _NO_FLOCK:
                return None
            raise
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _claim(path: Path) -> None:
    """Without flock: refuse where the owner is alive, or on a machine that cannot be asked."""
    owner = _owner(path)
    here = owner.get("host") == socket.gethostname()
    if owner and (not here or _alive(owner.get("pid"))):
        raise _taken(path, f" If that process is no more, delete {path}.")
    write_text(path, _me())


def _alive(pid: Any) -> bool:
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 2**31:
        return False
    if os.name == "nt":  # where signal 0 is not a question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _me() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "since": since}
    return json.dumps(owner) + "\n"


def _owner(path: Path) -> dict[str, Any]:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _taken(path: Path, advice: str = "") -> InputError:
    owner = _owner(path)
    known = {key: str(owner.get(key, "unknown"))[:60] for key in ("pid", "host", "since")}
    return InputError(
        f"{path.parent} is being written by process {known['pid']} on {known['host']}, since "
        f"{known['since']}: wait for it or stop it, or train into another directory.{advice}"
    )


def _let_go(path: Path, descriptor: int | None, pid: int) -> None:
    if os.getpid() != pid:  # a child that was forked owns nothing
        return
    with contextlib.suppress(OSError):
        if descriptor is None or _same_file(descriptor, path):
            path.unlink()
    if descriptor is not None:
        os.close(descriptor)
