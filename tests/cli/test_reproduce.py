"""`gannets reproduce`: lists, works, says what fails, keeps what it found."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gannets import reproduce
from gannets.errors import InputError
from gannets.reproduce.common import Bench, Claim, Figure, Reproduced, at_most, shown


@dataclass(frozen=True)
class Modest:
    """A reproduction that takes no time."""

    bound: float = 1.0

    def quick(self) -> Modest:
        return self

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        for _ in bench.each("counting", range(3), 3):
            pass
        yield at_most("what is measured", 0.5, self.bound, source="eq. 1")
        yield shown("what stands beside it", 2.0)


@pytest.fixture
def modest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "get", lambda name: Modest())


@dataclass(frozen=True)
class Lacking(Modest):
    """One whose data are not there."""

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        raise InputError("faces48.zip is not here.")
        yield


@dataclass(frozen=True)
class Interrupted(Modest):
    """One that is stopped between two claims."""

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        yield shown("the first", 1.0)
        signal.raise_signal(signal.SIGINT)
        yield shown("the second", 2.0)
        yield shown("the third", 3.0)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "get", lambda name: Modest(bound=0.1))


def test_without_a_name_they_are_listed(gannets: Any) -> None:
    done = gannets("reproduce")
    assert done.code == 0
    for name in reproduce.names():
        assert name.replace("_", "-") in done.out


@pytest.mark.usefixtures("modest")
def test_what_holds_is_said_and_kept(gannets: Any) -> None:
    done = gannets("reproduce", "figure1", "--quick")
    assert done.code == 0
    assert "holds" in done.out
    assert "0.5" in done.out
    assert "runs/reproduce/figure1-quick" in done.out.replace("\n", "")
    kept = json.loads(Path("runs/reproduce/figure1-quick/report.json").read_text())
    assert [claim["what"] for claim in kept["claims"]] == [
        "what is measured",
        "what stands beside it",
    ]
    table = gannets("reproduce", "--table", "--quick")
    assert table.code == 0
    assert "| what is measured | at most 1 (eq. 1) | 0.5 | yes |" in table.out


@pytest.mark.usefixtures("failing")
def test_what_fails_is_said_and_exits_with_1(gannets: Any) -> None:
    done = gannets("reproduce", "theorem1", "--quick", "--out", "there")
    assert done.code == 1
    assert "FAILS" in done.out
    assert "1 of 1 claims do not hold" in done.out


@pytest.mark.usefixtures("modest")
def test_json_is_all_there_is_on_standard_output(gannets: Any) -> None:
    done = gannets("reproduce", "figure1", "--quick", "--json")
    found = json.loads(done.out)
    assert found["holds"] is True
    assert found["claims"][0]["value"] == 0.5


def test_json_is_a_list_where_several_were_asked_for(
    gannets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = {"figure1": Lacking(), "theorem1": Modest()}
    monkeypatch.setattr(reproduce, "get", works.__getitem__)
    done = gannets("reproduce", "figure1", "theorem1", "--quick", "--json")
    lacking, modest = json.loads(done.out)
    assert done.code == 2
    assert lacking == {
        "name": "figure1",
        "quick": True,
        "seed": 0,
        "refused": "faces48.zip is not here.",
    }
    assert modest["holds"] is True
    for words, code in ((("theorem1", "theorem1"), 0), (("figure1", "figure1"), 2)):
        done = gannets("reproduce", *words, "--json")
        assert (done.code, len(json.loads(done.out))) == (code, 1)
    done = gannets("reproduce", "figure1", "--json")
    assert done.code == 2
    assert json.loads(done.out)["refused"] == "faces48.zip is not here."
    assert "faces48.zip is not here." in done.err


@pytest.mark.usefixtures("modest")
@pytest.mark.parametrize("option", ["--out", "--runs"])
def test_a_place_that_cannot_be_is_refused_before_anything_is_done(
    gannets: Any, option: str
) -> None:
    Path("afile").touch()
    done = gannets("reproduce", "figure1", "--quick", option, "afile/x")
    assert done.code == 2
    assert f"afile is a file: give another with {option}" in done.err
    assert "what is measured" not in done.out


@pytest.mark.usefixtures("modest")
def test_the_table_has_the_full_report_or_else_the_quick_one(gannets: Any) -> None:
    for words in (("figure1", "--quick"), ("theorem1", "--quick"), ("theorem1",)):
        assert gannets("reproduce", *words).code == 0
    table = gannets("reproduce", "--table")
    assert table.code == 0
    assert "| `gannets reproduce figure1 --quick`, " in table.out
    assert "| `gannets reproduce theorem1`, " in table.out
    assert "theorem1 --quick" not in table.out
    quick = gannets("reproduce", "--table", "--quick")
    assert "| `gannets reproduce theorem1 --quick`, " in quick.out


@pytest.mark.parametrize(
    ("seconds", "hours", "words"),
    [(0.2, 0.0, "1 s"), (44.4, 0.0, "44 s"), (100.0, 0.0, "2 min"), (12.0, 2.0, "2 h")],
)
def test_times_are_rounded_and_have_what_was_trained_before(
    seconds: float, hours: float, words: str
) -> None:
    report = Reproduced("figure1", "Figure1()", False, 0, (), (), seconds, hours, "0.1.0")
    assert report.took == words


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "in runs/reproduce: run `gannets reproduce all --quick` first."),
        (
            ("xy-game", "--quick", "--seed", "2"),
            "in runs/reproduce/xy_game-quick-seed2: run `gannets reproduce xy-game --quick --seed "
            "2` first.",
        ),
        (("xy-game", "--out", "x"), "in x: run `gannets reproduce xy-game --out x` first."),
    ],
    ids=["all", "one", "elsewhere"],
)
def test_without_a_report_the_table_says_what_makes_one(
    gannets: Any, words: tuple[str, ...], sentence: str
) -> None:
    done = gannets("reproduce", *words, "--table")
    assert done.code == 2
    assert f"There is no report {sentence}" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("figure9",), "Did you mean"),
        (("figure1", "theorem1", "--out", "x"), "--out takes the results of one"),
        (("all", "nosuch"), "Unknown reproduction 'nosuch'"),
        (("figure1", "--device", "nodev"), "nodev"),
        (("figure1", "--table", "--json"), "choose one"),
        (("figure1", "--seed", "-1"), "--seed takes a whole number from 0"),
        (("figure1", "--table"), "There is no report in runs/reproduce/figure1"),
    ],
    ids=[
        "unknown",
        "one place for two",
        "unknown beside all",
        "no device",
        "two formats",
        "negative seed",
        "nothing to show",
    ],
)
def test_refusals_are_sentences(gannets: Any, words: tuple[str, ...], sentence: str) -> None:
    done = gannets("reproduce", *words)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not Path("runs").exists()


def test_of_several_one_that_lacks_its_data_does_not_stop_the_others(
    gannets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = {"figure1": Lacking(), "theorem1": Modest()}
    monkeypatch.setattr(reproduce, "get", works.__getitem__)
    done = gannets("reproduce", "figure1", "theorem1", "--quick")
    assert done.code == 2
    assert "faces48.zip is not here" in done.err
    assert "not reproduced: figure1" in done.err
    assert "1 claims hold" in done.out
    assert sorted(path.name for path in Path("runs/reproduce").iterdir()) == ["theorem1-quick"]


def test_ctrl_c_between_two_claims_stops_all(gannets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "get", lambda name: Interrupted())
    done = gannets("reproduce", "figure1", "theorem1")
    assert done.code == 130
    assert "Stopped; nothing of it is kept, and the same command begins anew." in done.err
    assert "the third" not in done.out
    assert "Theorem 1" not in done.out
    assert not Path("runs/reproduce/figure1/report.json").exists()


@pytest.mark.usefixtures("modest")
def test_a_name_with_dashes_is_the_same_in_python(gannets: Any) -> None:
    assert gannets("reproduce", "xy-game").code == 0
    report = reproduce.reproduce("xy-game", quick=True)
    assert report.name == "xy_game"
    assert Path("runs/reproduce/xy_game/report.json").is_file()
    assert Path("runs/reproduce/xy_game-quick/report.json").is_file()
    assert gannets("reproduce", "xy_game", "--seed", 3).code == 0
    assert Path("runs/reproduce/xy_game-seed3/report.json").is_file()
