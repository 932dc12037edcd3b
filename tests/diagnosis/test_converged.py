"""Converged: said by the referee, of the samples it has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.diagnosis.scenarios import blind_discriminator as blind
from benchmarks.diagnosis.scenarios import converged as scenarios
from gannets.diagnosis import Case, diagnosed
from gannets.diagnosis.converged import Converged
from gannets.training import Training
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import case, healthy

RULE = Converged()
RECIPE = scenarios.scenarios()[0].recipe(0)
EVEN: dict[str, Any] = {"referee": {}, "clones": {}}
LINE = 0.5 + 2.5 * 0.5 / math.sqrt(512)


def test_it_takes_three_probes_and_a_copy_of_d() -> None:
    bare = {"referee": {}}
    asking = RULE(case(RECIPE, [bare] * 3))
    assert (asking.state, asking.asks) == ("unknown", True)
    found = RULE(case(RECIPE, [EVEN] * 3))
    assert found.state == "found"
    finding = diagnosed(case(RECIPE, [EVEN] * 3), order=(RULE,))
    assert (finding.state, finding.settled, finding.serious) == ("converged", True, False)


@pytest.mark.parametrize(
    "parts",
    [
        {"referee": {"distance_p": 0.045}},
        {"referee": {"c2st": LINE + 1e-3}},
        {"referee": {"c2st": 0.5, "beyond": LINE + 1e-3}},
        {"referee": {"nearest_fake": 2 * LINE - 0.5 + 1e-3}},
        {"referee": {"coverage": 0.87}},
        {"referee": {}, "clones": {"reference": 0.11}},
    ],
)
def test_any_difference_clears_it(parts: dict[str, Any]) -> None:
    assert RULE(case(RECIPE, [EVEN, EVEN, EVEN, {"clones": {}, **parts}])).state == "cleared"


def test_the_line_is_two_and_a_half_standard_errors_of_the_samples() -> None:
    edge = {"referee": {"c2st": LINE - 1e-3, "nearest_real": LINE - 1e-3}, "clones": {}}
    assert RULE(case(RECIPE, [edge] * 3)).state == "found"
    few = case(RECIPE, [{"referee": {"c2st": 0.58}, "clones": {}}] * 3)
    # 512 samples tell .58 from 1/2; 128 do not: 2.5 errors are .11.
    assert RULE(few).state == "cleared"
    smaller = replace(few, probes=tuple(replace(p, n=64) for p in few.probes))
    assert RULE(smaller).state == "found"


def test_a_distance_that_still_falls_is_not_the_end() -> None:
    falling = [{"referee": {"distance": 0.1 - 0.01 * i}, "clones": {}} for i in range(8)]
    answer = RULE(case(RECIPE, falling))
    assert answer.state == "cleared"
    assert "falls" in answer.why


def test_it_is_too_early_before_750_updates() -> None:
    assert RULE(case(RECIPE, [EVEN] * 2)).state == "unknown"


def test_a_blind_d_that_calls_it_even_has_not_converged(tmp_path: Path) -> None:
    scenario = next(s for s in blind.scenarios() if s.family == "ring")
    recipe = replace(scenario.recipe(65), steps=800, probing=Probing(every=200, clones=0))
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    for _ in training:
        pass
    seen = Case(probes=tuple(training.run.probes()), recipe=recipe, endless=True)
    assert seen.last.verdicts is not None
    assert abs(seen.last.verdicts.loss - seen.last.verdicts.loss_undecided) < 0.1  # D: all even
    assert RULE(seen).state == "cleared"


@pytest.mark.slow
def test_a_gaussian_is_learnt(tmp_path: Path) -> None:
    training = Training.start(RECIPE, out=tmp_path / "run", device="cpu")
    said = set()
    for _ in training:
        if training.finding is not None:
            said.add(training.finding.symptom)
    assert "converged" in said


def test_a_game_that_has_just_begun_is_not() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
