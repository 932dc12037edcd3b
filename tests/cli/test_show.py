"""`gannets show RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gannets import load

Done = tuple[int, str, str]


def test_a_run_is_shown_with_its_numbers(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, err = gannets("show", trained)
    assert (code, err) == (0, "")
    assert "conditional, step 20 of 20 (100%)" in out
    last = load(trained).metrics()[-1]
    for player in ("generator", "discriminator"):
        for name, value in last[player].items():
            row = next(r for r in out.splitlines() if r.split()[:2] == [player, name])
            assert row.split()[2] == f"{value:.3f}"
            assert len(row.split()[3]) == len(load(trained).metrics())
    for path in ("recipe.txt", "metrics.jsonl", "samples/000020.png", "model"):
        assert str(trained / path) in out
    assert "▀" not in out


def test_a_terminal_sees_the_picture(
    gannets: Callable[..., Done], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = gannets("show", trained)
    assert max(line.count("▀") for line in out.splitlines()) == 60
    monkeypatch.setenv("NO_COLOR", "1")
    assert "▀" not in gannets("show", trained)[1]
