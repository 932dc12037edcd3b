"""Blind discriminator: the referee tells the fakes, and no copy of D learns to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import blind_discriminator as scenarios
from benchmarks.diagnosis.scenarios.blind_discriminator import NAMES, Blinkers
from gannets import read
from gannets.diagnosis.blind_discriminator import BlindDiscriminator
from gannets.game import Marginal, Space
from gannets.game.views import Cutout
from gannets.nets import DCGAN, MLP
from gannets.training import Nets
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = BlindDiscriminator()
EVEN: dict[str, Any] = {"verdicts": {"accuracy": 0.8}}
APART: dict[str, Any] = {**EVEN, "referee": {"c2st": 0.95}}
OFF: dict[str, Any] = {**EVEN, "referee": {"c2st": 0.6, "beyond": 0.98}}
MANY: dict[str, Any] = {
    **EVEN,
    "referee": {"c2st": 0.85, "nearest_real": 0.97, "nearest_fake": 0.99},
}
BLIND = {"clones": {"accuracy": 0.8}}
RECIPE = base("digits", 0)


@pytest.mark.parametrize(("seen", "bar"), [(APART, 0.8), (MANY, 0.8), (OFF, 0.9)])
def test_copies_are_asked_for_after_three_probes_and_decide(
    seen: dict[str, Any], bar: float
) -> None:
    assert not RULE(case(RECIPE, [seen] * 2)).asks
    asking = RULE(case(RECIPE, [seen] * 3))
    assert (asking.state, asking.asks) == ("unknown", True)
    assert RULE(case(RECIPE, [seen, seen, {**seen, "clones": {"accuracy": bar}}])).state == "found"
    sees = RULE(case(RECIPE, [seen, seen, {**seen, "clones": {"accuracy": bar + 0.01}}]))
    assert sees.state == "cleared"
    assert "a copy of D tells" in sees.why


@pytest.mark.parametrize(
    "parts",
    [
        {**APART, "referee": {"c2st": 0.94}},
        {**OFF, "referee": {"c2st": 0.94, "beyond": 0.97}},
        {**APART, "verdicts": {"accuracy": 0.85}},
    ],
)
def test_what_is_known_without_copies_clears_it_and_spares_them(parts: dict[str, Any]) -> None:
    answer = RULE(case(RECIPE, [APART, APART, APART, parts]))
    assert (answer.state, answer.asks) == ("cleared", False)


def test_a_game_of_which_the_referee_tells_less_and_less_is_none() -> None:
    falling = [{**APART, **BLIND, "referee": {"c2st": 1 - 0.01 * i}} for i in range(5)]
    answer = RULE(case(RECIPE, falling))
    assert answer.state == "cleared"
    assert "fewer" in answer.why
    assert RULE(case(RECIPE, list(reversed(falling)))).state == "found"


def test_the_remedies_show_d_more() -> None:
    found = [APART, APART, {**APART, **BLIND}]
    (wider,) = applied(RECIPE, RULE(case(RECIPE, found)).remedies)
    assert wider.nets.discriminator == MLP(hidden=(512, 512), activation="leaky_relu")
    hidden = replace(RECIPE, joint=Marginal(through=(Cutout(),)))
    plain, wider = applied(hidden, RULE(case(hidden, found)).remedies)
    assert plain.joint == Marginal()
    conv = replace(RECIPE, nets=Nets(MLP(), DCGAN(width=32)))
    (wider,) = applied(conv, RULE(case(conv, found)).remedies)
    assert wider.nets.discriminator.width == 64
    linear = replace(RECIPE, nets=Nets(MLP(), MLP(hidden=())))
    (deep,) = applied(linear, RULE(case(linear, found)).remedies)
    assert deep.nets.discriminator.hidden == (256, 256)
    own = replace(RECIPE, nets=Nets(MLP(), Blinkers()))
    (seeing,) = applied(own, RULE(case(own, found)).remedies)
    assert isinstance(seeing.nets.discriminator, MLP)


def test_the_scenarios_d_is_blind_to_the_rest_and_its_recipe_can_be_read_again() -> None:
    recipe = next(s for s in scenarios.scenarios() if s.family == "digits").recipe(0)
    assert read(str(recipe), NAMES) == recipe
    net = recipe.nets.discriminator.discriminator(Space(event=(1, 8, 8), latent=32))
    x = torch.rand(5, 1, 8, 8)
    other = x.clone()
    other[:, :, 4:] = 0
    assert torch.equal(net(x), net(other))
    other[:, :, 3] += 1
    assert not torch.equal(net(x), net(other))


def test_it_is_found_where_d_sees_half(tmp_path: Path) -> None:
    (scenario,) = (s for s in scenarios.scenarios() if s.family == "digits")
    recipe = replace(scenario.recipe(51), steps=300, probing=Probing(every=100, n=128, clones=30))
    finding = symptom_of(recipe, tmp_path / "run", names=NAMES)
    assert finding.symptom == "blind discriminator"


def test_a_d_that_sees_all_is_not() -> None:
    assert len(healthy()) == 5
    assert not [seen.step for seen in healthy() if RULE(seen).state in ("found", "suspected")]
