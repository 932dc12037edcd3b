"""A folder to run in, and the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

# Small enough for seconds, and all there is: it records, draws, saves.
TINY = ["--steps", "20", "--batch", "16", "--set", "record_every=5", "--set", "sample_every=10"]


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def gannets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run `gannets WORDS` here, in an empty folder, without a terminal."""
    from gannets.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*words: object) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on images with labels."""
    return _train(tmp_path_factory, "conditional")


@pytest.fixture(scope="module")
def trained_on_points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on points in the plane."""
    return _train(tmp_path_factory, "ring")


def _train(tmp_path_factory: pytest.TempPathFactory, recipe: str) -> Path:
    from gannets.cli import main

    path = tmp_path_factory.mktemp("trained") / recipe
    assert main(["train", "--recipe", recipe, "--out", str(path), "--quiet", *TINY]) == 0
    return path
