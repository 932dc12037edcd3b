"""`gannets reproduce`: lists, works, says what fails, keeps what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gannets import reproduce
from gannets.reproduce.common import Bench, Claim, Figure, at_most, shown


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
    assert (
        "| `gannets reproduce figure1 --quick` | what is measured | at most 1 | 0.5 | yes |"
        in table.out
    )


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("figure9",), "Did you mean"),
        (("figure1", "theorem1", "--out", "x"), "--out takes the results of one"),
        (("figure1", "--seed", "-1"), "--seed takes a whole number from 0"),
        (("figure1", "--table"), "Nothing has been reproduced here yet"),
    ],
    ids=["unknown", "one place for two", "negative seed", "nothing to show"],
)
def test_refusals_are_sentences(gannets: Any, words: tuple[str, ...], sentence: str) -> None:
    done = gannets("reproduce", *words)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not Path("runs").exists()
