"""What is asked most often must not wait for torch, nor the terminal be left in disorder."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

QUICK = ["", "--help", "--version", "train --help", "sample --help", "show --help", "recipes",
         "data --help", "check --help", "trian", "train --stepps 3"]  # fmt: skip


@pytest.mark.parametrize("words", QUICK)
def test_no_torch_before_it_is_needed(words: str) -> None:
    program = (
        "import sys\nfrom gannets.cli import main\n"
        f"code = main({words.split()!r})\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == (2 if words in QUICK[-2:] else 0), done.stderr
    assert done.stdout or done.stderr


def seconds(program: str) -> float:
    """The quickest of a few."""

    def once() -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        return time.perf_counter() - begun

    return min(once() for _ in range(5))


def test_the_overview_and_help_come_at_once() -> None:
    # Against Python's own start and some of its library, so that a slow machine is no failure.
    bare = seconds("import argparse, dataclasses, importlib, json")
    start = "import sys; from gannets.cli import main; "
    assert seconds(start + "sys.exit(main([]))") < bare + 0.1 + bare
    assert seconds(start + "sys.exit(main(['train', '--help']))") < 6 * bare + 0.3


def test_python_m_gannets_is_gannets() -> None:
    from gannets import __version__

    words = [sys.executable, "-m", "gannets", "--version"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"gannets {__version__}\n")


def test_a_reader_that_leaves_is_no_error() -> None:
    program = "import sys; from gannets.cli import main; sys.exit(main(['show', 'digits']))"
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
