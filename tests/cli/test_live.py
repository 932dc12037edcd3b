"""The display of a training: it is redrawn in place, and the screen is left in order."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from gannets import recipes
from gannets.cli.display import Lines, Pace, Quiet, Terminal
from gannets.training import Training, change

TINY = ["--steps", "20", "--batch", "16", "--set", "record_every=10"]
PROGRAM = "import sys; from gannets.cli import main; sys.exit(main(sys.argv[1:]))"


def on_a_terminal(words: list[str], *, code: int = 0, **extra: str) -> str:
    """What the command writes to a terminal of 30 lines of 90 characters, ending with `code`."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **extra}
    command = [sys.executable, "-c", PROGRAM, *words]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
    ) as process:
        os.close(slave)
        text = b"".join(_chunks(master))
    os.close(master)
    assert process.returncode == code, text.decode()
    return text.decode()


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:  # the other end is closed
            return
        if not chunk:
            return
        yield chunk


class Screen:
    """A terminal, as far as the display uses one: text, colours, and going up and erasing lines."""

    def __init__(self, text: str) -> None:
        self.lines = [""]
        self.row = 0
        self.cursor = True
        self.style = ""
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            self._take(part)

    def _take(self, part: str) -> None:
        if part == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif part == "\r":
            self.column = 0
        elif part.startswith("\x1b["):
            number = int(re.sub(r"\D", "", part) or 1)
            match part[-1]:
                case "A":
                    self.row -= number
                    assert self.row >= 0
                case "K":
                    self.lines[self.row] = ""
                case "m":
                    self.style = "" if part == "\x1b[0m" else part
                case "l" | "h":
                    assert number == 25
                    self.cursor = part[-1] == "h"
                case other:
                    raise AssertionError(f"{part!r} ({other}) was not expected")
        else:
            self.lines[self.row] += part


def test_a_training_on_a_terminal(tmp_path: Path) -> None:
    # Long enough for some redraws on any machine: the picture is due once a second.
    words = ["train", "digits", *TINY, "--steps", "150", "--out", str(tmp_path / "run")]
    text = on_a_terminal(words)
    assert text.count("\x1b[1A") > 20  # redrawn in place
    assert re.search(r"\x1b\[38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+m▀", text)
    screen = Screen(text)
    assert screen.cursor
    assert screen.style == ""
    shown = [line for line in screen.lines if line.strip()]
    # One display, one header and one end, nothing left of earlier frames.
    for once in ("run  ", ".*150/150", "samples +data", "generator  ", "done  ", "next"):
        assert sum(bool(re.match(once, line)) for line in shown) == 1, once
    pictures = [line for line in shown if "▀" in line]
    assert len(pictures) == 18  # four rows of digits, eight high and one apart, two to a line
    assert any(line.startswith("FD[randconv:1]") and "at step 0" in line for line in shown)
    display = screen.lines[: next(i for i, line in enumerate(shown) if line.startswith("done"))]
    assert max(map(len, display)) <= 90
    assert any("discriminator" in line and "R1 0." in line for line in shown)


def test_a_refusal_on_a_terminal_is_plain_too() -> None:
    text = on_a_terminal(["train", "digits", "--steps"], code=2)
    assert text.startswith("gannets: Missing value for argument '--steps'")
    assert "\x1b" not in text
    assert "│" not in text


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    words = ["train", "digits", *TINY, "--out", str(tmp_path / "run")]
    text = on_a_terminal(words, TERM="dumb")
    assert "\x1b" not in text
    assert "▀" not in text
    assert "10/20" in text
    assert "step 20 of 20" in text


@pytest.fixture
def training(tmp_path: Path) -> Training:
    recipe = recipes.get("digits")
    for assignment in ("steps=30", "batch=16", "record_every=10", "sample_every=0"):
        recipe = change(recipe, assignment)
    return Training.start(recipe, out=tmp_path / "run", device="cpu")


def play(training: Training, view: Any) -> dict[str, torch.Tensor]:
    with view:
        for _ in training:
            view()
    return training.state.tensors()


def console(**given: Any) -> Console:
    settings = {"force_terminal": True, "color_system": "truecolor", "width": 90, "height": 30}
    return Console(file=io.StringIO(), **{**settings, **given})


@pytest.mark.parametrize(
    "less",
    [{"no_color": True}, {"color_system": "standard"}, {"width": 30}, {"width": 19}, {"height": 8}],
)
def test_terminals_that_can_do_less(less: dict[str, Any], training: Training) -> None:
    out = console(**less)
    play(training, Terminal(out, training))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    screen = Screen(text)
    assert screen.cursor
    assert not any("▀" in line for line in screen.lines)
    assert max(map(len, screen.lines)) <= out.width
    assert sum("30/30" in line for line in screen.lines) == 1
    assert sum(line.startswith("generator") for line in screen.lines) == 1
    if "no_color" in less:
        assert not re.search(r"\x1b\[(\d+;)*[349][0-9](;\d+)*m", text)


def test_being_watched_changes_nothing(training: Training, tmp_path: Path) -> None:
    other = Training.start(training.recipe, out=tmp_path / "other", device="cpu")
    watched = Terminal(console(), training)
    watched._numbers, watched._pictures = Pace(0.0, share=1e9), Pace(0.0, share=1e9)
    mine, theirs = play(training, watched), play(other, Quiet())
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_plain_lines_come_with_new_numbers_only(training: Training) -> None:
    out = console(force_terminal=False, color_system=None)
    play(training, Lines(out, training, interval=0.0))
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split()[0] for line in lines] == ["0", "10/30", "20/30", "30/30"]
    assert "measured   FD[" in lines[0]
    assert "(perfect: " in lines[0]


def test_an_error_leaves_the_terminal_in_order(training: Training) -> None:
    out = console()
    with pytest.raises(RuntimeError, match="on purpose"), Terminal(out, training):
        raise RuntimeError("on purpose")
    assert Screen(out.file.getvalue()).cursor  # type: ignore[attr-defined]


def test_drawing_has_its_share_of_the_time_and_no_more() -> None:
    pace, now, drawn = Pace(1.0, share=0.01), 0.0, 0.0
    while now < 1000:
        if pace.due(now):
            pace.done(now, now + 0.05)
            now, drawn = now + 0.05, drawn + 0.05
        now += 0.01
    assert 0.009 < drawn / now < 0.0105


def test_one_slow_drawing_is_no_reason_for_a_pause() -> None:
    pace = Pace(1.0, share=0.01)
    pace.done(0.0, 0.5)
    assert pace.due(1.6)


@pytest.mark.benchmark
def test_being_watched_costs_less_than_two_per_cent(training: Training) -> None:
    """Of this thread's processor time, so that it does not matter what else the machine does."""
    recipe = change(change(training.recipe, "steps=1000000"), "batch=128")
    training = Training.start(recipe, out=training.run.path.with_name("timed"), device="cpu")
    spent, begun = 0.0, time.thread_time()
    with Terminal(console(), training) as view:
        for _ in training:
            start = time.thread_time()
            view()
            spent += time.thread_time() - start
            if time.thread_time() - begun > 20:
                break
    share = spent / (time.thread_time() - begun)
    sys.stdout.write(f"watching takes {share:.2%} of the time\n")
    assert share < 0.02
