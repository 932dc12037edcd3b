"""Plateau: not equal, and half of the run has brought nothing."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.diagnosis.bases import base
from gannets.diagnosis import diagnosed
from gannets.diagnosis.plateau import Plateau, best_of
from tests.diagnosis.synthetic import applied, case, healthy

RULE = Plateau()
RECIPE = base("ring", 0)
TOLD = {"nearest_real": 0.7, "nearest_fake": 0.7}
NOISE = [0.03, -0.02, 0.01, -0.03, 0.02, 0.0, -0.01, 0.02]


def run(distance: Any, nearest: Any = None, coverage: Any = None, count: int = 16) -> Any:
    """A run of these statistics, as functions of the probe; by default noise about a level."""
    rows = []
    for i in range(count):
        told = 0.7 + NOISE[i % 8] if nearest is None else nearest(i)
        covered = 0.7 + NOISE[(i + 3) % 8] if coverage is None else coverage(i)
        fields = {"distance": distance(i), "nearest_real": told, "nearest_fake": told}
        rows.append({"referee": {**fields, "coverage": covered}})
    return case(RECIPE, rows)


def level(i: int) -> float:
    return 0.1 + 0.1 * NOISE[(i + 5) % 8]


def test_it_takes_sixteen_probes() -> None:
    assert RULE(run(level)).state == "found"
    assert RULE(run(level, count=15)).state == "unknown"
    finding = diagnosed(run(level), order=(RULE,))
    assert (finding.state, finding.settled, finding.serious) == ("plateau", True, False)


@pytest.mark.parametrize(
    "improving",
    [
        run(lambda i: 0.2 - 0.01 * i),
        run(lambda i: 0.1 if i < 8 else 0.09),
        run(level, nearest=lambda i: 0.8 - 0.01 * i),
        run(level, coverage=lambda i: 0.4 + 0.02 * i),
    ],
)
def test_a_game_that_gets_better_in_any_way_is_not_on_one(improving: Any) -> None:
    assert RULE(improving).state == "cleared"


def test_a_trend_that_is_sure_and_next_to_nothing_is_none() -> None:
    # Of what is told beyond 1/2, .2, the last eight probes win by .01 / 7 a probe 5 %; 15 % by .03.
    def told(by: float) -> str:
        return RULE(run(level, nearest=lambda i: 0.7 - by * (i - 11.5) / 7)).state

    assert (told(0.01), told(0.03)) == ("found", "cleared")


def test_p_g_that_is_not_told_from_data_is_not_on_one() -> None:
    assert RULE(run(level, nearest=lambda i: 0.5)).state == "cleared"


def test_the_gain_is_that_of_medians_of_three() -> None:
    assert best_of([0.5, 0.1, 0.5, 0.4, 0.3, 0.5]) == 0.4
    # .0951 of .1 is a gain of less than 5 %, .0949 of more.
    for late, state in ((0.0951, "found"), (0.0949, "cleared")):
        assert RULE(run(lambda i, late=late: 0.1 if i < 8 else late)).state == state


def test_the_remedy_parses() -> None:
    (larger,) = applied(RECIPE, RULE(run(level)).remedies)
    assert larger.batch == 2 * RECIPE.batch


def test_games_that_have_just_begun_are_not_on_one() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
