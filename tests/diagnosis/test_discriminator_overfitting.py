"""Discriminator overfitting: D's AUC of training against held-out samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import discriminator_overfitting as scenarios
from gannets.data import Digits
from gannets.diagnosis import Verdicts
from gannets.diagnosis.discriminator_overfitting import DiscriminatorOverfitting
from gannets.game import Game, Marginal
from gannets.game.views import Translation
from gannets.objectives import NonSaturating
from gannets.terms import R1
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy, probe, symptom_of

RULE = DiscriminatorOverfitting()
KNOWS: dict[str, Any] = {"verdicts": {"auc_train": 0.65, "auc_train_p": 1e-4}}
RECIPE = base("digits", 0)


def test_it_is_found_at_the_thresholds_after_three_probes() -> None:
    assert RULE(case(RECIPE, [KNOWS] * 2)).state == "suspected"
    answer = RULE(case(RECIPE, [{}, *[KNOWS] * 3]))
    assert answer.state == "found"
    assert [e.path for e in answer.evidence] == ["verdicts.auc_train", "verdicts.auc_train_p"]


@pytest.mark.parametrize(
    "last", [{"auc_train": 0.64, "auc_train_p": 1e-9}, {"auc_train": 0.7, "auc_train_p": 2e-4}]
)
def test_a_small_difference_and_an_unsure_one_are_none(last: dict[str, float]) -> None:
    assert RULE(case(RECIPE, [KNOWS, KNOWS, KNOWS, {"verdicts": last}])).state == "cleared"


def test_samples_that_are_new_for_ever_cannot_be_known() -> None:
    answer = RULE(case(RECIPE, [KNOWS] * 3, endless=True))
    assert answer.state == "cleared"
    assert "drawn anew" in answer.why


@given(train=st.floats(-5, 5), held=st.floats(-5, 5), fake=st.floats(-5, 5), a=st.floats(0.1, 10))
def test_r_v_is_that_of_karras_and_knows_no_scale(
    train: float, held: float, fake: float, a: float
) -> None:
    def r_v(*logits: float) -> float:
        seen = probe(1, verdicts=dict(zip(("train", "held", "fake"), logits, strict=True)))
        assert isinstance(seen.verdicts, Verdicts)
        return seen.verdicts.r_v

    if abs(train - fake) < 1e-3:
        return  # a ratio of noise
    # Eq. 1: 0 where D(held out) is D(train), 1 where it is D(fake).
    assert r_v(train, train, fake) == 0
    assert r_v(train, fake, fake) == pytest.approx(1)
    assert r_v(a * train + 1, a * held + 1, a * fake + 1) == pytest.approx(
        r_v(train, held, fake), rel=1e-6, abs=1e-6
    )


def test_the_remedies_fit_the_recipe() -> None:
    few = replace(RECIPE, data=Digits(split="train[:100]"), game=Game(NonSaturating()))
    found = RULE(case(few, [KNOWS] * 3)).remedies
    more, views, smaller, best = applied(few, found)
    assert more.data == Digits(split="train[:90%]")
    assert more.game.discriminator_terms == (R1(gamma=1.0),)
    # What is moved in is black, which is -1 in these data.
    assert views.joint == Marginal(through=(Translation(fill=-1.0),))
    assert smaller.nets.discriminator.hidden == (128, 128)
    assert best.evaluation is not None
    assert best.evaluation.stop is not None
    # All data, a penalty: what is there already is not advised.
    views, smaller, best = applied(RECIPE, RULE(case(RECIPE, [KNOWS] * 3)).remedies)
    assert views.game == RECIPE.game
    seen = replace(RECIPE, joint=Marginal(through=(Translation(),)))
    assert len(RULE(case(seen, [KNOWS] * 3)).remedies) == 2


def test_it_is_found_where_a_hundred_images_are_all(tmp_path: Path) -> None:
    (scenario,) = (s for s in scenarios.scenarios() if s.family == "digits")
    recipe = replace(scenario.recipe(51), probing=Probing(every=100, n=128))
    finding = symptom_of(recipe, tmp_path / "run")
    assert finding.symptom == "discriminator overfitting"


def test_a_thousand_images_and_a_penalty_are_none() -> None:
    assert len(healthy()) == 5
    assert not [seen.step for seen in healthy() if RULE(seen).state in ("found", "suspected")]
