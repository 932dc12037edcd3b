"""A process that has imported gannets once, and forks a child for every command line.

A fresh `python -m gannets` spends its first seconds importing; a child of the nursery is at work at
once, so that hundreds of runs can be killed, at any moment of their lives, in a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


class Nursery:
    """Starts `gannets WORDS` in processes that can be killed."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        self._answer()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def start(self, *words: object, log: Path, files: int | None = None) -> int:
        """Start `gannets WORDS`, its output in `log`; returns the number of the process.

        `files` limits the size, in bytes, of any file that it writes.
        """
        return self._ask({"words": [str(w) for w in words], "log": str(log), "files": files})

    def wait(self, child: int) -> int:
        """The exit code of a child, the negative number of the signal that killed it."""
        return self._ask({"wait": child})

    def run(self, *words: object, log: Path, files: int | None = None) -> int:
        """Run `gannets WORDS` to its end and return the exit code."""
        return self.wait(self.start(*words, log=log, files=files))

    def _ask(self, question: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def _serve() -> None:
    import gannets.cli.session
    import gannets.cli.train
    import gannets.recipes
    import gannets.training  # noqa: F401

    _say(0)
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            _, status = os.waitpid(question["wait"], 0)
            _say(os.waitstatus_to_exitcode(status))
        elif (child := os.fork()) == 0:
            os._exit(_live(**question))
        else:
            _say(child)


def _say(answer: int) -> None:
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


def _live(words: list[str], log: str, files: int | None) -> int:
    import resource

    from gannets.cli import main

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, own in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, own)
    if files is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (files, files))
    try:
        return main(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    _serve()
