"""Blind discriminator: D's logits do not hang on a part of x, or no copy of it learns to tell."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import blind_discriminator as scenarios
from benchmarks.diagnosis.scenarios.blind_discriminator import NAMES, Blinkers
from gannets import read
from gannets.data import Arrays
from gannets.diagnosis.blind_discriminator import BlindDiscriminator
from gannets.game import Marginal, Packed, Rotate, Space
from gannets.game.views import Cutout
from gannets.nets import DCGAN, MLP
from gannets.theory import Normal
from gannets.training import Nets, State
from gannets.training.prober import Prober
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


@pytest.mark.parametrize(
    ("hidden", "p", "states"),
    [
        (0.05, 0.005, ["suspected", "suspected", "found"]),
        (0.04, 0.005, ["cleared"] * 3),
        (0.05, 0.01, ["cleared"] * 3),
    ],
)
def test_a_part_without_slope_is_enough_where_fakes_are_told(
    hidden: float, p: float, states: list[str]
) -> None:
    seen = {"verdicts": {"hidden": hidden}, "referee": {"distance_p": p}}
    assert [RULE(case(RECIPE, [seen] * n)).state for n in (1, 2, 3)] == states


class Dark(nn.Module):
    """D of the first `n` numbers of a row: what it answers hangs on no other."""

    def __init__(self, n: int, *, cut: bool = False) -> None:
        super().__init__()
        self.n, self.cut, self.net = n, cut, nn.Linear(n, 1)

    def forward(self, x: Tensor) -> Tensor:
        part = x[:, : self.n].detach() if self.cut else x[:, : self.n]
        return self.net(part).flatten()


@pytest.mark.parametrize("joint", [Marginal(), Packed(samples=2), Marginal(through=(Rotate(p=1),))])
def test_the_share_that_is_hidden_is_that_of_the_variance(joint: Any) -> None:
    """Two of the plane's coordinates, the first of three times the other's deviation: 1 / 10 of the
    variance is in the second, which D is shown only where it sees turns. Of a pack it sees the
    first sample's, so that what is not shown of the second sample is shown of the first.
    """
    wide = Normal(mean=(0.0, 0.0), covariance=((9.0, 0.0), (0.0, 1.0)))
    recipe = base("ring", 0, data=wide, joint=joint)
    for cut in (False, True):
        net = replace(recipe, nets=Nets(MLP((8,)), lambda space, c=cut: Dark(1, cut=c)))
        state = State(net, device="cpu")
        probe = Prober(state, Probing(n=256)).probe(clones=0)
        assert probe.verdicts is not None
        found, turned = probe.verdicts.hidden, bool(getattr(joint, "through", ()))
        if cut:
            assert math.isnan(found)
        else:  # sampling: the share's standard error is .1 * .9 * sqrt(4 / 256) = .011
            assert found == (0 if turned else pytest.approx(0.1, abs=0.05))


class Largest(nn.Module):
    """D looks at the largest of its values, which one only has a slope at each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(m, d) -> (m,)."""
        return self.net(x.amax(1, keepdim=True)).flatten()


def test_what_has_no_slope_at_some_samples_may_still_be_looked_at() -> None:
    """Of 400 values the largest at 64 samples are 64 at most; but all are looked at, and samples
    that exchange the others have other answers.
    """
    data = Arrays(torch.randn(300, 400, generator=torch.Generator().manual_seed(0)))
    recipe = base("ring", 0, data=data, nets=Nets(MLP((8,)), lambda _: Largest()))
    state = State(recipe, device="cpu")
    probe = Prober(state, Probing(n=256)).probe(clones=0)
    assert probe.verdicts is not None
    assert probe.verdicts.hidden == 0


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


@pytest.mark.parametrize("family", ["ring", "digits"])
def test_what_d_is_not_shown_is_found_by_the_third_probe_without_copies(
    family: str, tmp_path: Path
) -> None:
    """Half of the variance lies in the rows, or the coordinate, that D is not shown."""
    (scenario,) = (s for s in scenarios.scenarios() if s.family == family)
    recipe = replace(scenario.recipe(51), steps=130, probing=Probing(every=60, n=128, clones=0))
    finding = symptom_of(recipe, tmp_path / "run", names=NAMES)
    assert (finding.symptom, finding.step) == ("blind discriminator", 120)
    assert 0.4 < finding.evidence[0].value < 0.6


def test_a_d_that_sees_all_is_not() -> None:
    assert len(healthy()) == 5
    assert not [seen.step for seen in healthy() if RULE(seen).state in ("found", "suspected")]
