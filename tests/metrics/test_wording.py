"""What an estimate says, against its interval and its p."""

from __future__ import annotations

import itertools
import math

import pytest

from gannets.metrics.wording import meaning, used, verdict

FLOOR = 1.0
INTERVALS = {"below": (0.2, 0.8), "around": (0.5, 1.5), "above": (1.2, 1.8), "none": None}


@pytest.mark.parametrize(
    ("interval", "p", "better"),
    list(itertools.product(INTERVALS, (None, 1e-3, 0.5, 0.99), ("lower", "higher", "near"))),
)
def test_no_verdict_contradicts_interval_or_p(interval: str, p: float | None, better: str) -> None:
    """From the definition: only what both leave open is level, only what both deny is not."""
    given = INTERVALS[interval]
    value = 1.1 if given is None else sum(given) / 2 + 1e-3
    found = verdict(value, floor=FLOOR, interval=given, p=p, better=better)
    apart = given is not None and interval != "around"
    if found == "level":
        assert not apart
        assert p is None or p > 0.05
    if found in ("worse", "beyond"):
        assert apart or given is None
        ahead = better != "near" and (value < FLOOR) == (better == "lower")
        # One-sided tests do not look at the side that is better than the floor.
        assert p is None or p <= 0.05 or (ahead and p >= 0.95)
        assert (found == "beyond") == ahead
    if found == "undecided":
        assert p is not None
        assert given is not None
        assert apart != (p <= 0.05)
    assert (found == "unknown") == (given is None and p is None)


def test_what_is_not_a_number_or_has_no_floor_is_unknown() -> None:
    assert verdict(math.nan, floor=0.0, interval=(0.0, 1.0)) == "unknown"
    assert verdict(1.0, floor=None, interval=(0.0, 1.0)) == "unknown"
    assert verdict(0.0, floor=0.0, interval=(0.0, 0.0)) == "level"


def test_where_the_two_disagree_the_sentence_says_so() -> None:
    says = {"level": "Equal.", "worse": "Worse."}
    text = meaning(2.0, floor=1.0, interval=(1.5, 2.5), p=0.3, **says)
    assert "lies above" in text
    assert "p = 0.3" in text
    text = meaning(2.0, floor=1.0, interval=(0.5, 2.5), p=0.01, **says)
    assert "holds what a perfect generator gets" in text
    assert meaning(2.0, floor=1.0, interval=(1.5, 2.5), p=0.01, **says) == "Worse."
    assert meaning(1.2, floor=1.0, interval=(0.5, 2.5), p=0.3, **says) == "Equal."
    assert "copies" in meaning(0.1, floor=1.0, interval=(0.0, 0.2), p=1.0, **says)


def test_what_was_used_of_what_was_there() -> None:
    assert used({"real": (5, 5), "fake": (7, 7)}) == ()
    assert used({"real": (5, 5), "fake": (7, 1200)}) == (
        "7 of 1,200 fake samples were used, drawn at random.",
    )
    assert used({"real": (5, 6), "fake": (7, 8)}, "rows") == (
        "5 of 6 real and 7 of 8 fake rows were used, drawn at random.",
    )
