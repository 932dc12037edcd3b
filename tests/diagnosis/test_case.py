"""What the rules are asked about: copies of D grow old, and are trained only where it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.diagnosis.bases import base
from gannets.diagnosis.case import AGAIN
from gannets.diagnosis.mode_collapse import ModeCollapse
from gannets.diagnosis.order import asks
from gannets.diagnosis.starved_discriminator import StarvedDiscriminator
from tests.diagnosis.synthetic import case

RECIPE = base("ring", 0)
FEW: dict[str, Any] = {
    "referee": {"coverage": 0.05, "spread": 0.2, "c2st": 0.95},
    "outputs": {"moved": {"generator": 0.02, "discriminator": 1e-3}},
}
NOTHING = {**FEW, "clones": {"accuracy": 0.6, "reference": 0.1, "own": 0.1}}
"""A copy that tells nothing: of a D that is neither starved nor led round."""


@pytest.mark.parametrize("rule", [ModeCollapse(), StarvedDiscriminator()])
def test_a_copy_of_d_grows_old(rule: Any) -> None:
    """G has moved on since: what a copy could not do then says nothing of now."""
    young = rule(case(RECIPE, [NOTHING, *[FEW] * (AGAIN - 1)]))
    assert (young.state, young.asks) == ("cleared", False)
    old = rule(case(RECIPE, [NOTHING, *[FEW] * AGAIN]))
    assert (old.state, old.asks) == ("unknown", True)
    again = rule(case(RECIPE, [NOTHING, *[FEW] * AGAIN, NOTHING]))
    assert (again.state, again.asks) == ("cleared", False)


def test_copies_are_trained_only_where_a_verdict_hangs_on_them() -> None:
    asking = case(RECIPE, [FEW] * 4)
    assert asks(asking)
    stands = {**FEW["outputs"], "still": {"discriminator": 1.0, "generator": 0.0}}
    found = case(RECIPE, [{**FEW, "outputs": stands}] * 4)
    assert StarvedDiscriminator()(found).asks
    assert not asks(found)  # "discriminator not trained" is found before


def test_a_statistic_may_be_asked_for_from_an_update_on() -> None:
    made = case(RECIPE, [{"referee": {"c2st": v}} for v in (0.9, 0.8, 0.7)])
    whole = made.evidence("told", "referee.c2st", above=0.7)
    late = made.evidence("told", "referee.c2st", above=0.7, since=500)
    assert whole is not None
    assert late is not None
    assert (whole.window, whole.held) == ((250, 750), 3)
    assert (late.window, late.held) == ((500, 750), 2)
    assert made.evidence("told", "referee.c2st", above=0.7, since=800) is None


def test_the_rules_are_values() -> None:
    assert replace(ModeCollapse(), variety=0.3) == ModeCollapse(variety=0.3)
