"""What reproductions work with: claims that can fail, trainings that go on, reports kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gannets.errors import InputError
from gannets.files import read_json
from gannets.reproduce.common import (
    Bench,
    Claim,
    Figure,
    Halted,
    Reproduced,
    at_least,
    at_most,
    markdown,
    near,
    save_animation,
    shown,
    true,
)
from tests.reproduce.page import absent
from tests.small import small


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        pytest.param(at_most("x", 1.0, 1.0), True, id="at most, equal"),
        pytest.param(at_most("x", 1.1, 1.0), False, id="at most, more"),
        pytest.param(at_least("x", 1.0, 1.0), True, id="at least, equal"),
        pytest.param(at_least("x", 0.9, 1.0), False, id="at least, less"),
        pytest.param(near("x", 224.0, 225.0, within=2.0), True, id="near"),
        pytest.param(near("x", 222.0, 225.0, within=2.0), False, id="not near"),
        pytest.param(at_most("x", math.nan, 1.0), False, id="at most, no number"),
        pytest.param(at_least("x", math.nan, 1.0), False, id="at least, no number"),
        pytest.param(near("x", math.nan, 0.0, within=1.0), False, id="near, no number"),
        pytest.param(true("x", False, expected="so", measured="not so"), False, id="not so"),
        pytest.param(shown("x", 3.0), None, id="shown"),
    ],
)
def test_a_claim_holds_or_not(claim: Claim, holds: bool | None) -> None:
    assert claim.holds is holds
    json.dumps(claim.to_json(), allow_nan=False)


def _report(**changes: object) -> Reproduced:
    claims = (at_most("gap | of V", 0.01, 0.1, source="eq. 4"), shown("beside it", "many"))
    report = Reproduced("figure1", "Figure1()", False, 0, claims, (), 1.5, 0.1, "0.1.0")
    return replace(report, **changes)  # type: ignore[arg-type]


def test_a_report_is_read_as_it_was_kept(tmp_path: Path) -> None:
    report = _report(figures=(Figure(tmp_path / "a.png", "A picture."),))
    report.save(tmp_path)
    assert Reproduced.read(tmp_path) == report
    assert report.holds


def test_a_report_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = _report().save(tmp_path)
    path.write_text(path.read_text().replace('"holds": true', '"holds": false'))
    with pytest.raises(InputError):
        Reproduced.read(tmp_path)


def test_the_table_names_its_commands() -> None:
    failed = near("Parzen LL", 100.0, 225.0, within=5.0)
    reports = [_report(), _report(name="table1_mnist", quick=True, hours=0.0, claims=(failed,))]
    text = markdown(reports)
    assert "`gannets reproduce figure1`, 6 min |" in text
    assert "`gannets reproduce table1-mnist --quick`, 2 s |" in text
    assert r"gap \| of V" in text
    assert "**no**" in text
    columns = {line.replace(r"\|", "").count("|") for line in text.splitlines()}
    assert columns == {6}


def test_a_training_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    recipe = replace(small("ring"), steps=9)
    whole = Bench(tmp_path / "whole").train("ring", recipe)
    steps: list[int] = []
    bench = Bench(
        tmp_path / "halted",
        watch=lambda _, done, __: steps.append(done),
        halted=lambda: len(steps) > 3,
    )
    with pytest.raises(Halted, match="step 4 of ring"):
        bench.train("ring", recipe)
    resumed = replace(bench, halted=lambda: False).train("ring", recipe)
    assert steps == list(range(1, 10))
    assert torch.equal(whole.sample(50), resumed.sample(50))
    # What is finished is not played again.
    again = replace(bench, halted=lambda: True).train("ring", recipe)
    assert torch.equal(again.sample(50), whole.sample(50))


def test_a_run_of_another_recipe_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    recipe = small("ring")
    bench.train("ring", recipe)
    with pytest.raises(InputError, match="another recipe"):
        bench.train("ring", replace(recipe, batch=12))
    with pytest.raises(InputError, match="more than the 2"):
        bench.train("ring", replace(recipe, steps=2))


def test_a_stop_says_what_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, halted=lambda: True)
    with pytest.raises(Halted, match="nothing of it is kept"):
        list(bench.each("counting", [1, 2], 2))
    going = replace(bench, halted=lambda: False)
    going.train("ring", small("ring"))
    with pytest.raises(Halted, match=r"trained: ring\. The same command takes them up"):
        list(bench.each("counting", [1, 2], 2))


def test_what_went_into_a_run_before_is_known(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    run = first.train("ring", small("ring"))
    first.train("ring", small("ring"))
    assert first.taken == {"ring": 0.0}  # what it trains itself is no time before
    log = "2026-01-01 10:00:00  started on cpu\n2026-01-01 12:30:00  finished at step 3\n"
    (run.path / "log.txt").write_text(log)
    second = Bench(tmp_path)
    second.train("ring", small("ring"))
    assert second.taken == {"ring": 2.5}


def test_work_that_is_done_is_kept_with_what_it_is_made_of(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> dict[str, object]:
        done.append(len(done))
        return {"number": len(done), "curve": [0.1, 1e-300]}

    first, other = Bench(tmp_path), Bench(tmp_path, seed=1)
    assert first.kept("curve", "G of 3 updates", work)["number"] == 1
    again = Bench(tmp_path)
    assert again.kept("curve", "G of 3 updates", work) == {"number": 1, "curve": [0.1, 1e-300]}
    path = tmp_path / "trained" / "curve.json"
    assert again.taken["curve.json"] == read_json(path, schema=1)["seconds"] / 3600 > 0
    assert other.kept("curve", "G of 3 updates", work)["number"] == 2
    assert first.kept("curve", "G of 4 updates", work)["number"] == 3
    path.write_text(path.read_text().replace("1e-300", "1e-3"))
    assert first.kept("curve", "G of 4 updates", work)["number"] == 4
    assert first.kept("curve", "G of 4 updates", work)["number"] == 4


@pytest.mark.parametrize(("field", "option"), [("path", "--out"), ("runs", "--runs")])
def test_a_place_that_cannot_be_is_refused_at_once(field: str, option: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "x" / "y"):
        with pytest.raises(InputError, match=f"file is a file: give another with {option}"):
            Bench(**{"path": tmp_path / "out", field: place})
    Bench(tmp_path / "new" / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


PAGE = r"""
| command, time | claim | expected | measured | holds |
|---|---|---|---|---|
| `gannets reproduce theorem1`, 1 min | gap \| of V | at most 1 | 0 | yes |
| `gannets reproduce figure1`, 1 min | \|x\| of 1,000 and (2, 5.5, 1e-3) | at most 1 | 0 | yes |
|  | beside it | | 0 | |

| `elsewhere` | gap \| of V | | | |
"""


def test_the_page_has_a_claim_or_lacks_it() -> None:
    there = (shown("|x| of 20 and (7)", 1.0), shown("beside it", 1.0))
    assert absent(_report(claims=there), page=PAGE) == []
    renamed = (shown("|x| of 20 or (7)", 1.0), shown("gap | of V", 1.0))
    assert absent(_report(claims=renamed), page=PAGE) == ["|x| of 20 or (7)", "gap | of V"]
    assert absent(_report(name="theorem1", claims=renamed[1:]), page=PAGE) == []


def test_seeds_have_runs_of_their_own(tmp_path: Path) -> None:
    recipe = small("ring")
    first, second = (Bench(tmp_path, seed=seed).train("ring", recipe) for seed in (0, 1))
    assert first.path != second.path
    assert not torch.equal(first.sample(20), second.sample(20))


FRAMES = [np.full((20, 31, 3), level, dtype=np.uint8) for level in (0, 90, 250)]


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_an_animation_has_its_frames(suffix: str, tmp_path: Path) -> None:
    path = save_animation(tmp_path / f"a{suffix}", FRAMES, fps=10)
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == len(FRAMES)
        for i, frame in enumerate(FRAMES):
            image.seek(i)
            assert abs(int(np.asarray(image.convert("L"))[3, 3]) - int(frame[0, 0, 0])) <= 2
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_animation_refuses_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frames of one shape"):
        save_animation(tmp_path / "a.gif", [])
    with pytest.raises(InputError, match="frames of one shape"):
        save_animation(tmp_path / "a.gif", [FRAMES[0], FRAMES[0][1:]])
    with pytest.raises(InputError, match=r"\.gif"):
        save_animation(tmp_path / "a.jpg", FRAMES)


def test_a_film_without_ffmpeg_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="ffmpeg"):
        save_animation(tmp_path / "a.mp4", FRAMES)
    assert not list(tmp_path.iterdir())
