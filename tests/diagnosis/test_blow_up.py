"""Numbers that are not finite, or on their way there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import blow_up, non_finite
from gannets.diagnosis import Case, Probe, diagnosed
from gannets.diagnosis.blow_up import BlowUp
from gannets.diagnosis.non_finite import NonFinite
from gannets.errors import StoppedError
from gannets.game import Game, both
from gannets.objectives import Hinge, LeastSquares, Wasserstein
from gannets.training import Training
from gannets.training.probing import Probing
from gannets.updates import SGD
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RECIPE = base("digits", 0)


def test_one_failed_update_is_enough_and_only_the_last_probe_counts() -> None:
    failed = Probe(step=7, n=0, failed="the output of the generator's layer 'last' (generator)")
    answer = NonFinite()(Case(probes=(failed,), recipe=RECIPE))
    assert answer.state == "found"
    assert "layer 'last'" in answer.why
    before = case(RECIPE, [{}])
    assert NonFinite()(replace(before, probes=(failed, *before.probes))).state == "cleared"
    assert diagnosed(replace(before, probes=(*before.probes, failed))).symptom == "non-finite"


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"game": Game(Wasserstein())}, "NonSaturating"),
        ({"optimizers": both(SGD(lr=50.0))}, "Adam"),
        ({}, "lr=0.0001"),
    ],
)
def test_remedies_of_numbers_that_are_not_finite(changes: dict[str, Any], first: str) -> None:
    recipe = base("digits", 0, **changes)
    failed = Probe(step=7, n=0, failed="the loss 'objective' (inf) (discriminator)")
    remedies = NonFinite()(Case(probes=(failed,), recipe=recipe)).remedies
    assert first in remedies[0].changes[0]
    applied(recipe, remedies)


@pytest.mark.parametrize("loss", [1e3, -1e3])
def test_a_loss_of_a_thousand_is_found_at_once(loss: float) -> None:
    assert BlowUp()(case(RECIPE, [{}, {"verdicts": {"loss": loss}}])).state == "found"
    below = BlowUp()(case(RECIPE, [{"verdicts": {"loss": 0.999 * loss}}]))
    assert below.state == "cleared"
    assert "size of D's loss" in below.why
    assert BlowUp()(case(RECIPE, [{"verdicts": None}])).state == "unknown"


def test_of_great_data_the_loss_of_a_critic_is_great() -> None:
    """In grey levels from 0 to 255 a critic of slope 1 is 255 times as far."""
    parts = {"verdicts": {"loss": -2e3}, "outputs": {"real_low": 0.0, "real_high": 255.0}}
    assert BlowUp()(case(RECIPE, [parts])).state == "cleared"


def test_a_healthy_game_has_neither() -> None:
    for rule in (NonFinite(), BlowUp()):
        assert all(rule(seen).state == "cleared" for seen in healthy())


@pytest.mark.parametrize("family", ["ring", "digits"])
def test_a_run_of_long_steps_says_which_layer_failed(family: str, tmp_path: Path) -> None:
    recipe = non_finite._long_steps(family, 61)
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    with pytest.raises(StoppedError):
        list(training)
    seen = Case(probes=tuple(training.run.probes()), recipe=recipe)
    finding = diagnosed(seen)
    assert finding.symptom == "non-finite"
    assert "'" in finding.sentence  # the name of a layer, a weight or a loss
    applied(recipe, finding.remedies)


@pytest.mark.parametrize("family", ["ring", "digits"])
def test_a_critic_without_a_bound_is_found_by_its_first_probe(family: str, tmp_path: Path) -> None:
    recipe = replace(blow_up._critic(family, 61), steps=50, probing=Probing(n=128, clones=0))
    finding = symptom_of(recipe, tmp_path / "run")
    assert (finding.symptom, finding.step) == ("blow-up", 50)
    calm, held, *_ = applied(recipe, finding.remedies)
    assert "R1" in repr(calm.game.discriminator_terms)
    assert calm.optimizers.generator.lr == calm.optimizers.discriminator.lr
    assert "GradientPenalty" in repr(held.game.discriminator_terms)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ring", "digits"])
def test_the_first_remedy_of_a_critic_without_a_bound_cures_it(family: str, tmp_path: Path) -> None:
    recipe = replace(blow_up._critic(family, 61), steps=100, probing=Probing(n=128, clones=0))
    finding = symptom_of(recipe, tmp_path / "run")
    cured = applied(recipe, finding.remedies)[0]
    assert symptom_of(cured, tmp_path / "cured").symptom != "blow-up"


@pytest.mark.parametrize("objective", [Hinge(), LeastSquares()])
def test_losses_without_penalties_are_no_blow_up(objective: Any, tmp_path: Path) -> None:
    recipe = base(
        "ring", 61, game=Game(objective), steps=120, probing=Probing(every=60, n=128, clones=0)
    )
    assert symptom_of(recipe, tmp_path / "run").symptom != "blow-up"
