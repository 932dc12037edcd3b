"""Vanishing gradient: D is sure, its factor is 0, and G stands still; all three, and for long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import vanishing_gradient as scenarios
from gannets.diagnosis.vanishing_gradient import VanishingGradient
from gannets.game import Game, Players
from gannets.objectives import Minimax, NonSaturating
from gannets.terms import R1
from gannets.training.probing import Probing
from gannets.updates import SGD, Adam
from tests.diagnosis.synthetic import applied, case, symptom_of

RULE = VanishingGradient()
GONE: dict[str, Any] = {
    "verdicts": {"accuracy": 0.99, "factor": 1e-2},
    "outputs": {"move": 2e-3},
}
FAULTY = base("digits", 0, game=Game(Minimax()), optimizers=Players(SGD(lr=0.05), Adam(lr=1e-3)))


def test_it_is_found_at_the_thresholds_after_three_probes() -> None:
    assert RULE(case(FAULTY, [GONE] * 2)).state == "suspected"
    answer = RULE(case(FAULTY, [{}, *[GONE] * 3]))
    assert answer.state == "found"
    assert [(e.path, e.held) for e in answer.evidence] == [
        ("verdicts.accuracy", 3),
        ("verdicts.factor", 3),
        ("outputs.move", 3),
    ]
    assert answer.evidence[0].window == (500, 1000)


@pytest.mark.parametrize(
    ("part", "field", "value", "said"),
    [
        ("verdicts", "accuracy", 0.985, "D's accuracy"),
        ("verdicts", "factor", 0.02, "lets through"),
        ("outputs", "move", 0.003, "movement of G"),
    ],
)
def test_each_statistic_can_clear_it(part: str, field: str, value: float, said: str) -> None:
    last = {**GONE, part: {**GONE[part], field: value}}
    answer = RULE(case(FAULTY, [GONE, GONE, GONE, last]))
    assert answer.state == "cleared"
    assert said in answer.why
    assert RULE(case(FAULTY, [last, GONE, GONE])).state == "suspected"


def test_it_cannot_be_told_where_no_movement_was_seen() -> None:
    assert RULE(case(FAULTY, [{**GONE, "outputs": {"move": None}}] * 3)).state == "unknown"
    assert RULE(case(FAULTY, [{}] * 3)).state == "cleared"


@given(
    accuracy=st.floats(0.5, 1),
    factor=st.floats(1e-8, 1),
    move=st.floats(0, 1),
)
def test_what_is_found_is_found_where_all_is_worse(
    accuracy: float, factor: float, move: float
) -> None:
    def found(accuracy: float, factor: float, move: float) -> bool:
        parts = {"verdicts": {"accuracy": accuracy, "factor": factor}, "outputs": {"move": move}}
        return RULE(case(FAULTY, [parts] * 3)).state == "found"

    assert found(accuracy, factor, move) == (
        accuracy >= RULE.accuracy and factor <= RULE.factor and move <= RULE.move
    )
    if found(accuracy, factor, move):
        assert found((1 + accuracy) / 2, factor / 2, move / 2)


def test_the_remedies_fit_the_recipe() -> None:
    first, second, third = applied(FAULTY, RULE(case(FAULTY, [GONE] * 3)).remedies)
    assert first.game == Game(NonSaturating(), discriminator_terms=(R1(gamma=1.0),))
    assert isinstance(second.optimizers.generator, Adam)
    assert type(third.game.objective).__name__ == "Wasserstein"
    # Nothing that is there already is advised.
    penalised = replace(FAULTY, game=Game(NonSaturating(), discriminator_terms=(R1(gamma=1.0),)))
    for remedied in applied(penalised, RULE(case(penalised, [GONE] * 3)).remedies):
        assert len(remedied.game.discriminator_terms) == 1


def test_it_is_found_in_a_game_that_stands_still(tmp_path: Path) -> None:
    (scenario,) = (s for s in scenarios.scenarios() if s.family == "digits")
    recipe = replace(scenario.recipe(51), steps=150, probing=Probing(every=50, n=128))
    finding = symptom_of(recipe, tmp_path / "run")
    assert (finding.symptom, finding.step) == ("vanishing gradient", 150)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()])
def test_a_game_that_moves_is_none(tmp_path: Path, objective: Any) -> None:
    # The saturating loss under Adam as well: small gradients alone are no failure.
    recipe = base("digits", 52, game=Game(objective), steps=200, probing=Probing(every=50, n=128))
    assert symptom_of(recipe, tmp_path / "run").symptom != "vanishing gradient"
