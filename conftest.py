"""The documents are run: README.md, CONTRIBUTING.md and docs/ are collected as tests.

Python blocks are executed, one namespace a document, in a temporary folder with seeds fixed.
Shell blocks are read, not executed: every verb and option of `gannets` and every target of `make`
they name has to exist. A line `<!-- skip: next -->` before a block leaves it out.

    pytest README.md docs
"""

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).resolve().parent


def enter(namespace: dict[str, Any]) -> None:
    """Before a document: a temporary folder to write in, and the same numbers every time."""
    import numpy
    import torch

    stack = namespace["_stack"] = ExitStack()
    folder = stack.enter_context(TemporaryDirectory())
    stack.enter_context(patch.dict(os.environ, MPLBACKEND="Agg", HF_HUB_OFFLINE="1"))
    if given := os.environ.get("GANNETS_DATA"):
        os.environ["GANNETS_DATA"] = str(Path(given).resolve())
    stack.enter_context(chdir(folder))
    random.seed(0)
    numpy.random.seed(0)  # noqa: NPY002 (what a reader's own code may use)
    torch.manual_seed(0)
    torch.set_num_threads(1)


def leave(namespace: dict[str, Any]) -> None:
    """After a document: back to the project's folder; the temporary one is gone."""
    namespace["_stack"].close()


def check_shell(example: Example) -> str | None:
    """What is wrong with the first bad command of a shell block, or None."""
    prompted = example.region.lexemes["arguments"] == "console"
    return next(filter(None, map(check, commands(example.parsed, prompted=prompted))), None)


def commands(block: str, *, prompted: bool) -> Iterator[list[str]]:
    """The simple commands of a block, as words. Where lines are `prompted`, the rest is output."""
    for line in block.replace("\\\n", " ").splitlines():
        if prompted and not line.startswith("$ "):
            continue
        words = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in words:
            if set(word) <= set("();<>|&"):
                yield command
                command = []
            elif command or not re.match(r"\w+=", word):
                command.append(word)
        yield command


def check(command: list[str]) -> str | None:
    """What is wrong with one command, or None: unknown programs are not ours to judge."""
    if command[1:3] == ["-m", "gannets"]:
        command = command[2:]
    match command:
        case [program, *words] if Path(program).name == "gannets":
            return check_gannets(words)
        case ["make", *words]:
            return check_make(words)
    return None


def check_gannets(words: list[str]) -> str | None:
    """Whether the verb is there, and its help speaks of every option given."""
    verb = next((word for word in words if not word.startswith("-")), None)
    code, text = gannets_help(verb)
    if code:
        return f"`gannets {verb or ''} --help` fails:\n{text}"
    if verb and text == gannets_help(None)[1]:
        return f"`gannets` has no verb {verb!r}; `--help` says:\n{text}"
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and not re.search(rf"(?<![\w-]){option}(?![\w-])", text):
            return f"`gannets {verb or ''}` has no option {option}; `--help` says:\n{text}"
    return None


@cache
def gannets_help(verb: str | None) -> tuple[int, str]:
    """Exit code and text of `gannets VERB --help`, of this checkout, on a screen without end."""
    program = "import sys; from gannets.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *([verb] if verb else []), "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def check_make(words: list[str]) -> str | None:
    """Whether the Makefile has the targets."""
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        is_target = not word.startswith("-") and "=" not in word
        if is_target and not re.search(rf"^{re.escape(word)}:(?!=)", makefile, re.MULTILINE):
            return f"The Makefile has no target {word!r}."
    return None


pytest_collect_file = Sybil(
    parsers=[
        SkipParser(),
        PythonCodeBlockParser(),
        *(CodeBlockParser(language, check_shell) for language in ("console", "sh", "bash")),
    ],
    patterns=["README.md", "CONTRIBUTING.md", "docs/*.md", "docs/*/*.md"],
    setup=enter,
    teardown=leave,
).pytest()
