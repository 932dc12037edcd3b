"""Mode collapse: fakes without variety, which a copy of D can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import mode_collapse as scenarios
from gannets.diagnosis.mode_collapse import LASTS, ModeCollapse
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = ModeCollapse()
FEW: dict[str, Any] = {"referee": {"coverage": 0.2, "c2st": 0.75}}
SEEN = {**FEW, "clones": {"accuracy": 0.75}}
RECIPE = scenarios.scenarios()[0].recipe(0)


def place(i: int) -> dict[str, Any]:
    """Tracks of eight latents that all stand at ±2 in turn."""
    return {"track": (2.0 if i % 2 else -2.0,) * 32}


def test_it_takes_probes_in_a_row_and_a_copy_of_d() -> None:
    assert LASTS > 3
    assert not RULE(case(RECIPE, [FEW] * (LASTS - 1))).asks
    asking = RULE(case(RECIPE, [FEW] * LASTS))
    assert (asking.state, asking.asks) == ("unknown", True)
    found = RULE(case(RECIPE, [FEW] * (LASTS - 1) + [SEEN]))
    assert found.state == "found"
    assert found.evidence[0].value == pytest.approx(0.2 / 0.97)


def test_fakes_that_hardly_differ_have_no_variety_whatever_they_cover() -> None:
    same = {"referee": {"coverage": 0.4, "spread": 0.1, "c2st": 0.6, "beyond": 0.9}}
    answer = RULE(case(RECIPE, [{**same, "clones": {"accuracy": 1.0}}] * LASTS))
    assert answer.state == "found"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({**SEEN, "referee": {"coverage": 0.25, "c2st": 0.9}}, "variety"),
        ({**SEEN, "referee": {"coverage": 0.1, "c2st": 0.74}}, "referee tells"),
        ({**SEEN, "clones": {"accuracy": 0.74}}, "copy of D"),
    ],
)
def test_any_of_it_missing_clears_it(parts: dict[str, Any], said: str) -> None:
    answer = RULE(case(RECIPE, [FEW] * LASTS + [parts]))
    assert answer.state == "cleared"
    assert said in answer.why


def test_variety_that_grows_is_none_unless_it_is_next_to_nothing() -> None:
    def rising(top: float) -> Any:
        return RULE(
            case(
                RECIPE,
                [{**SEEN, "referee": {"coverage": top * (i + 1) / 6, "c2st": 1}} for i in range(6)],
            )
        )

    assert (rising(0.2).state, rising(0.05).state) == ("cleared", "found")
    assert "grows" in rising(0.2).why


def test_a_distance_that_falls_by_a_quarter_is_none() -> None:
    def falling(by: float) -> Any:
        # Eight probes, whose median is 1 and whose line falls by so much from first to last.
        rows = [1 + by * (0.5 - i / 7) for i in range(8)]
        return RULE(
            case(RECIPE, [{**SEEN, "referee": {**FEW["referee"], "distance": d}} for d in rows])
        )

    assert (falling(0.26).state, falling(0.24).state) == ("cleared", "found")
    assert "falls" in falling(0.26).why


def test_it_is_too_early_before_750_updates() -> None:
    assert RULE(case(RECIPE, [SEEN] * 2)).state == "unknown"


def test_what_swings_through_the_data_is_no_collapse() -> None:
    swing = [{**SEEN, "outputs": place(i)} for i in range(8)]
    assert RULE(case(RECIPE, swing)).state == "cleared"
    still = [{**SEEN, "outputs": place(0)} for _ in range(8)]
    assert RULE(case(RECIPE, still)).state == "found"


def test_remedies_parse_and_the_first_bounds_d_and_evens_the_rates() -> None:
    first, *_ = applied(RECIPE, RULE(case(RECIPE, [SEEN] * LASTS)).remedies)
    rates = first.optimizers.map(lambda o: o.lr)
    assert rates.generator == rates.discriminator
    assert "R1" in repr(first.game.discriminator_terms)
    calm = base("digits", 0)
    packed, *_ = applied(calm, RULE(case(calm, [SEEN] * LASTS)).remedies)
    assert type(packed.joint).__name__ == "Packed"


def test_a_g_that_outruns_d_is_found_on_the_ring(tmp_path: Path) -> None:
    recipe = replace(RECIPE, seed=61, steps=800, probing=Probing(every=150, n=128, clones=50))
    assert symptom_of(recipe, tmp_path / "run").symptom == "mode collapse"


def test_healthy_games_are_none() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
