"""What is said of evidence: the value of the probe that decides, and what is missing."""

from __future__ import annotations

import pytest

from benchmarks.diagnosis.bases import base
from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer
from gannets.diagnosis.order import diagnosed
from tests.diagnosis.synthetic import case

RECIPE = base("digits", 0)


def spreads(*values: float) -> Case:
    return case(RECIPE, [{"referee": {"spread": value}} for value in values])


def test_what_clears_is_the_last_probe_and_is_what_is_printed() -> None:
    """The median of the three is on the other side."""
    evidence = spreads(0.9, 0.9, 0.5).evidence("spread", "referee.spread", above=0.75)
    assert evidence is not None
    assert (evidence.value, evidence.last, evidence.holds) == (0.9, 0.5, False)
    assert judged("it", (evidence,), why="").why == "spread: 0.5, where it takes at least 0.75"


def test_where_the_median_decides_that_is_printed() -> None:
    evidence = spreads(0.5, 0.5, 0.9).pooled("spread", "referee.spread", above=0.75, probes=3)
    assert evidence is not None
    assert (evidence.value, evidence.last, evidence.holds) == (0.5, None, False)
    assert judged("it", (evidence,), why="").why == "spread: 0.5, where it takes at least 0.75"


def test_copies_that_are_missing_are_said_so_that_it_is_true_of_all_who_say_it() -> None:
    """`gannets diagnose` says it too, where there is no checkpoint, or with --no-copies."""
    seen = spreads(0.9, 0.9, 0.9)
    there = seen.evidence("spread", "referee.spread", above=0.75)
    missing = seen.evidence("gain of a copy", "clones.reference", above=0.1)

    def rule(case: Case) -> Answer:
        return judged("it", (there, missing), why="", costly=1)

    assert rule(seen).asks
    for said in (rule(seen).why, diagnosed(seen, [rule]).sentence):
        assert "copies of D have to be trained" in said
        assert "none were of late" in said
        assert "a whole checkpoint" in said
        assert "--no-copies" in said


@pytest.mark.parametrize("needs", [1, 3])
def test_the_last_value_is_that_of_the_last_probe_that_has_it(needs: int) -> None:
    evidence = spreads(0.8, 0.9, float("nan")).evidence(
        "spread", "referee.spread", above=0.75, needs=needs
    )
    assert evidence is not None
    assert evidence.last == 0.9
