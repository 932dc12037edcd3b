"""Averaging hides oscillation: last weights far from data, an average that is near."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import averaging_hides as scenarios
from gannets.diagnosis import Case, diagnosed
from gannets.diagnosis.averaging_hides import AveragingHides
from gannets.training import Training
from tests.diagnosis.synthetic import EVEN, applied, case, healthy

RULE = AveragingHides()
RECIPE = scenarios.scenarios()[0].recipe(0)


def hidden(swing: float = 0.12, far: float = 0.04, near: float = 0.0048, count: int = 8) -> Case:
    """Last weights that stand at ±swing in turn, and their average at 0."""
    made = case(
        RECIPE,
        [
            {
                "referee": {"distance": near},
                "outputs": {"track": (0.0,) * 32, "track_raw": (swing * (-1) ** i,) * 32},
            }
            for i in range(count)
        ],
    )
    raw = replace(EVEN, distance=far)
    return replace(made, probes=tuple(replace(p, raw=raw) for p in made.probes))


def test_it_takes_a_swing_a_distance_and_an_average_that_has_less_of_it() -> None:
    assert RULE(hidden()).state == "found"
    assert RULE(hidden(count=7)).state == "unknown"


@pytest.mark.parametrize("field", [{"swing": 0.11}, {"far": 0.039}, {"near": 0.0049}])
def test_any_of_it_missing_clears_it(field: dict[str, float]) -> None:
    assert RULE(hidden(**field)).state == "cleared"


def test_what_is_drawn_is_what_is_judged() -> None:
    for evidence in RULE(hidden(swing=0.2, count=10)).evidence:
        assert evidence.curve[-1] == (2_500, pytest.approx(evidence.value))


def test_it_is_no_failure() -> None:
    finding = diagnosed(hidden(), order=(RULE,))
    assert (finding.symptom, finding.state) == ("averaging hides oscillation", "watch")
    assert not finding.serious


def test_without_an_average_there_is_nothing_to_hide() -> None:
    bare = replace(hidden(), recipe=replace(RECIPE, averaging=None))
    assert RULE(bare).state == "cleared"


def test_remedies_parse() -> None:
    bound, longer = applied(RECIPE, RULE(hidden()).remedies)
    assert "R1" in repr(bound.game.discriminator_terms)
    assert longer.averaging.half_life == 4 * RECIPE.averaging.half_life
    (longer,) = applied(base("digits", 0), RULE(replace(hidden(), recipe=base("ring", 0))).remedies)
    assert longer.averaging.half_life == 80_000


@pytest.mark.slow
def test_an_affine_g_with_an_average_is_found(tmp_path: Any) -> None:
    training = Training.start(scenarios.scenarios()[0].recipe(64), out=tmp_path / "a", device="cpu")
    for _ in training:
        pass
    said = RULE(Case(probes=tuple(training.run.probes()), recipe=training.recipe))
    assert said.state == "found", said


def test_healthy_games_are_none() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
