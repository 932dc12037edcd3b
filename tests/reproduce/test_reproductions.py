"""Every reproduction there is: its quick version holds, its figures open, it is listed as it is.

On which seeds a threshold was set is said beside it in the reproduction's file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gannets import reproduce
from gannets.errors import InputError
from gannets.reproduce.common import Figure, Reproduced, Reproduction
from tests.reproduce.page import absent

NAMES = reproduce.names()
NEED_DATA = ("table1_faces", "figure2_faces", "figure2_cifar10", "figure2_cifar10_conv")
"""Those of files that gannets neither has nor fetches; their quick versions take half a minute."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one has trained, others find."""
    return tmp_path_factory.mktemp("trained")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in NEED_DATA else ()) for name in NAMES],
)
def test_its_quick_version_holds(
    name: str,
    tmp_path: Path,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    shared_data: Callable[[str], Path],
) -> None:
    if name in NEED_DATA:
        monkeypatch.setenv("GANNETS_DATA", str(shared_data("faces48").parent))
    try:
        report = reproduce.reproduce(name, quick=True, out=tmp_path, runs=trained)
    except InputError as error:
        if name in NEED_DATA and "is not here" in str(error):
            pytest.skip(str(error))
        raise
    assert not report.failed, "\n".join(map(str, report.failed))
    assert any(claim.holds for claim in report.claims), "It claims nothing."
    for figure in report.figures:
        _opens(figure)
    assert Reproduced.read(tmp_path) == dataclasses.replace(report)
    assert not (lacking := absent(report)), f"docs/paper.md has no row of {lacking}"


def _opens(figure: Figure) -> None:
    assert figure.caption.endswith(".")
    if figure.path.suffix == ".mp4":
        assert figure.path.stat().st_size > 1000
        return
    with Image.open(figure.path) as image:
        image.load()
        assert min(image.size) > 100
        # A blank page is no figure.
        assert len(image.convert("L").getcolors() or range(257)) > 2


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_value_that_says_what_it_shows(name: str) -> None:
    about = reproduce.about(name)
    assert about.section[0] in "123456"
    assert len(about.shows) < 200
    assert about.shows.endswith(".")
    assert all(about.takes)
    work = reproduce.get(name)
    assert isinstance(work, Reproduction)
    assert dataclasses.is_dataclass(work)
    assert type(work.quick()) is type(work)
    with pytest.raises(dataclasses.FrozenInstanceError):
        work.anything = 1  # type: ignore[attr-defined]
