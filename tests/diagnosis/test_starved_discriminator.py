"""Starved discriminator: a copy of D learns by another optimizer what it does not by its own."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import starved_discriminator as scenarios
from gannets.diagnosis import Clones
from gannets.diagnosis.starved_discriminator import REFERENCE, StarvedDiscriminator
from gannets.game import Players
from gannets.training.probing import Probing
from gannets.updates import SGD, Adam
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = StarvedDiscriminator()
SLOW: dict[str, Any] = {
    "referee": {"c2st": 0.75, "coverage": 0.1},
    "outputs": {"moved": {"generator": 0.02, "discriminator": 5e-3}},
}
LEARNED = {"clones": {"reference": 0.2, "own": 0.05}}
ADAM = base("digits", 0)
FAULTY = replace(ADAM, optimizers=Players(Adam(lr=1e-3), Adam(lr=1e-6, betas=(0.0, 0.99))))


def test_copies_are_asked_for_after_three_probes_and_decide() -> None:
    assert not RULE(case(FAULTY, [SLOW] * 2)).asks
    asking = RULE(case(FAULTY, [SLOW] * 3))
    assert (asking.state, asking.asks) == ("unknown", True)
    found = RULE(case(FAULTY, [SLOW, SLOW, {**SLOW, **LEARNED}]))
    assert found.state == "found"
    assert found.evidence[-1].path == "clones.share"
    assert found.evidence[-1].value == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("clones", "said"),
    [
        ({"reference": 0.19, "own": 0.0}, "gain of V by a copy"),
        ({"reference": 0.5, "own": 0.38}, "share of it"),
        ({"reference": -0.1, "own": -0.2}, "gain of V by a copy"),
    ],
)
def test_copies_clear_it(clones: dict[str, float], said: str) -> None:
    answer = RULE(case(FAULTY, [SLOW, SLOW, {**SLOW, "clones": clones}]))
    assert answer.state == "cleared"
    assert said in answer.why


@pytest.mark.parametrize(
    "parts",
    [
        {**SLOW, "referee": {"c2st": 0.74}},
        {**SLOW, "outputs": {"moved": {"generator": 0.02, "discriminator": 6e-3}}},
    ],
)
def test_what_is_known_without_copies_clears_it_and_spares_them(parts: dict[str, Any]) -> None:
    answer = RULE(case(FAULTY, [SLOW, SLOW, SLOW, parts]))
    assert (answer.state, answer.asks) == ("cleared", False)


def test_a_game_that_covers_more_and_more_is_none() -> None:
    rising = [{**SLOW, **LEARNED, "referee": {"c2st": 0.8, "coverage": 0.05 * i}} for i in range(6)]
    answer = RULE(case(FAULTY, rising))
    assert answer.state == "cleared"
    assert "covered" in answer.why
    falling = list(reversed(rising))
    assert RULE(case(FAULTY, falling)).state == "found"


@given(reference=st.floats(1e-3, 10), own=st.floats(-1, 10))
def test_the_share_is_own_over_reference(reference: float, own: float) -> None:
    clones = Clones(steps=1, reference=reference, own=own, accuracy=0.5)
    assert clones.share * reference == pytest.approx(own, abs=1e-12)


def test_there_is_no_share_of_no_gain() -> None:
    assert math.isnan(Clones(steps=1, reference=0.0, own=0.1, accuracy=0.5).share)


def test_the_remedies_are_the_optimizer_that_was_seen_to_learn_and_more_updates() -> None:
    found = [SLOW, SLOW, {**SLOW, **LEARNED}]
    first, second = applied(FAULTY, RULE(case(FAULTY, found)).remedies)
    assert first.optimizers.discriminator == Adam(lr=1e-3, betas=(0.0, 0.99))
    assert second.update.k == 5
    plain = replace(ADAM, optimizers=Players(Adam(lr=1e-3), SGD(lr=1e-4)))
    first, _ = applied(plain, RULE(case(plain, found)).remedies)
    assert first.optimizers.discriminator == REFERENCE


def test_it_is_found_where_d_hardly_moves(tmp_path: Path) -> None:
    (scenario,) = (s for s in scenarios.scenarios() if s.family == "digits")
    recipe = replace(scenario.recipe(51), steps=200, probing=Probing(every=50, n=128, clones=50))
    finding = symptom_of(recipe, tmp_path / "run")
    assert finding.symptom == "starved discriminator"
    assert finding.step <= 200


def test_a_d_that_keeps_up_is_none() -> None:
    assert len(healthy()) == 5
    assert not [seen.step for seen in healthy() if RULE(seen).state in ("found", "suspected")]
