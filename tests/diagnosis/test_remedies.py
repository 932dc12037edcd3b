"""The pieces that remedies are put together from: each parses, and does what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import ignored_latent, memorisation
from benchmarks.diagnosis.scenarios.blind_discriminator import Blinkers
from gannets import change, recipes
from gannets.data import Arrays, Digits, Folder, GlobalContrast, Images
from gannets.diagnosis import (
    Remedy,
    augmentation_leak,
    averaging_hides,
    blind_discriminator,
    blow_up,
    constant_output,
    discriminator_overfitting,
    ignored_labels,
    mode_collapse,
    mode_dropping,
    non_finite,
    oscillation,
    plateau,
    starved_discriminator,
    untrained_discriminator,
    value_range,
    vanishing_gradient,
)
from gannets.diagnosis import (
    ignored_latent as ignored,
)
from gannets.diagnosis.case import Case
from gannets.diagnosis.memorisation import remedies
from gannets.diagnosis.remedies import (
    balanced,
    bounded,
    even_rates,
    has_penalty,
    instead,
    is_own,
    lr_of,
    narrower,
    packed,
    scaled_lr,
    slower,
    text,
    with_term,
)
from gannets.diagnosis.shown import DIGITS, more_data, through_views
from gannets.game import Brightness, Conditional, Game, Marginal, Packed, Players, Translation, both
from gannets.nets import MLP
from gannets.objectives import Hinge, Wasserstein
from gannets.terms import R1, Clip, FiniteDifferenceR1, Lazy, MaxNorm, Single
from gannets.training import Nets, Recipe
from gannets.updates import SGD, Adam, Alternating, Linear, Ramp, RMSprop
from tests.diagnosis.synthetic import case

BARE = base("ring", 0, game=Game(Hinge()))


def under(recipe: Recipe, *changes: str, names: Mapping[str, Any] | None = None) -> Recipe:
    for each in changes:
        recipe = change(recipe, each, names)
    return recipe


@given(g=st.floats(1e-6, 1.0), d=st.floats(1e-6, 1.0))
def test_rates_far_apart_meet_in_the_middle(g: float, d: float) -> None:
    recipe = base("ring", 0, optimizers=Players(Adam(lr=g), Adam(lr=d)))
    after = under(recipe, *even_rates(recipe)).optimizers.map(lambda o: o.lr)
    if max(g, d) <= 5 * min(g, d):
        assert (after.generator, after.discriminator) == (g, d)
    else:
        assert after.generator == after.discriminator
        assert after.generator == pytest.approx((g * d) ** 0.5, rel=0.06)  # of two digits


def test_a_rate_of_nought_is_left() -> None:
    assert even_rates(change(BARE, "optimizers.discriminator.lr=0.0")) == ()


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(Adam(lr=0.1), 1e-3), (Adam(lr=2e-4), 2e-5), (SGD(lr=50.0), 5.0)],
)
def test_adam_is_slowed_to_what_is_usual_at_least(optimizer: Any, expected: float) -> None:
    recipe = base("ring", 0, optimizers=both(optimizer))
    slower = under(recipe, scaled_lr(recipe, "generator", 0.1))
    assert lr_of(slower, "generator") == pytest.approx(expected)


def test_a_slope_is_bounded_by_a_penalty_alone() -> None:
    """A hinge game gets R1; a critic with clipped weights becomes a classifier without."""
    assert "R1" in repr(under(BARE, *bounded(BARE)).game)
    clipped = base("ring", 0, game=Game(Wasserstein()), constraint=Clip(0.1))
    after = under(clipped, *bounded(clipped))
    assert after.constraint is None
    assert type(after.game.objective).__name__ == "NonSaturating"
    assert bounded(after) == () == bounded(base("digits", 0))


def test_whose_a_net_is() -> None:
    own = (Blinkers(), ignored_latent.noisy, lambda space: None, partial(ignored_latent.noisy))
    assert all(map(is_own, own))
    assert not is_own(MLP())


def test_a_net_of_ones_own_that_repeats_its_samples_is_replaced() -> None:
    """It may hold them; nothing that is done to the data would change that."""
    copyist = memorisation._recipe("digits", 0)
    first, *_ = remedies(case(copyist, [{}]))
    after = under(copyist, *first.changes)
    assert type(after.nets.generator) is MLP
    assert after.data.split == "train[:90%]"
    few = base("digits", 0, data=copyist.data)
    assert remedies(case(few, [{}]))[0].changes == ('data.split="train[:90%]"',)


# ---------------------------------------------------------------------- values of one's own


def maker(self: Any, space: Any) -> torch.nn.Module:
    """What a net of one's own makes."""
    return torch.nn.Linear(space.latent, 1)


Own = type("MLP", (), {"hidden": 64, "output": 3, "generator": maker, "discriminator": maker})
"""A net of one's own that is called as one of gannets, whose fields are other things."""
Other = type("DCGAN", (), {"hidden": "many", "generator": maker, "discriminator": maker})


def drift(players: Any, batch: Any) -> Any:
    """A term of one's own."""
    return batch.latent.sum() * 0


@dataclass(frozen=True)
class Steps:
    """An optimizer of one's own."""

    def build(self, parameters: Any) -> Any:
        """As `Optimizer` asks it."""
        return SGD(lr=0.1).build(parameters)


@dataclass(frozen=True)
class Seen:
    """Views of one's own, on whose share nothing may be changed."""

    p: str = "often"

    def check(self, event: tuple[int, ...]) -> None:
        """For all."""

    def __call__(self, x: Any, random: Any, step: int) -> Any:
        """As it is."""
        return x


NAMES = {"drift": drift, "Steps": Steps, "Seen": Seen}
PLAIN = base("digits", 0)
OWN = replace(
    PLAIN,
    nets=Nets(Own(), Other()),
    game=Game(Hinge(), discriminator_terms=(drift, Lazy(drift, every=4))),
    optimizers=Players(Steps(), SGD(lr=Linear(0.0, 0.1, steps=1000), momentum=Ramp(0.5, 0.7, 9))),
    joint=Marginal(through=(Seen(), Brightness(p=1.0))),
    constraint=Players(MaxNorm(1.0), Clip()),
)
USUAL = MLP(hidden=(256, 256), activation="leaky_relu")
CASES = {
    "of one's own": OWN,
    "nets that are advised": replace(PLAIN, nets=Nets(USUAL, USUAL)),
    "raw maps": replace(PLAIN, nets=Nets(lambda space: None, lambda space: None)),
    "two normalised": replace(PLAIN, data=GlobalContrast(Images("mnist", split="train[:100]"))),
    **{
        name: recipes.get(name)
        for name in ("goodfellow2014", "wgan", "wgan_gp", "conditional", "dcgan", "hinge", "lsgan")
    },
}


def all_remedies(seen: Case) -> list[Remedy]:
    """What every rule would advise for a recipe, were it found there."""
    recipe = seen.recipe
    found = [
        *mode_collapse.remedies(seen),
        *mode_dropping.remedies(seen),
        *ignored._remedies(seen),
        *blind_discriminator.remedies(seen),
        *value_range._remedies(seen),
        *remedies(seen),
        *discriminator_overfitting.remedies(seen),
        *augmentation_leak._remedies(seen),
        *blow_up._remedies(seen),
        *constant_output._remedies(seen),
        *untrained_discriminator._remedies(seen),
        *starved_discriminator.remedies(seen),
        *vanishing_gradient.remedies(seen),
        *oscillation.remedies(seen),
        *plateau.remedies(seen),
    ]
    for player in ("generator", "discriminator"):
        found += non_finite._remedies(seen, f"the loss ({player})", 0.1)
    if recipe.joint.conditional:
        found += [*ignored_labels._remedies(seen, "G"), *ignored_labels._remedies(seen, "D")]
    if recipe.averaging is not None:
        found += averaging_hides.remedies(seen)
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_remedy_of_every_rule_is_a_change_that_can_be_read(name: str) -> None:
    recipe = CASES[name]
    found = all_remedies(case(recipe, [{}]))
    assert len(found) > 15
    for remedy in found:
        changed = under(recipe, *remedy.changes, names=NAMES)
        assert changed != recipe, remedy
        assert remedy.why.endswith(".")
        rates = [lr_of(changed, player) for player in ("generator", "discriminator")]
        given = [part for part in remedy.changes if ".lr=" in part]
        assert not given or min(rate for rate in rates if rate == rate) > 0, remedy


def test_nets_of_ones_own_are_replaced_and_not_taken_apart() -> None:
    assert narrower(OWN, "generator") is None
    for rule in (value_range._remedies, blind_discriminator.remedies):
        (*_, last) = rule(case(OWN, [{}]))
        assert "=MLP(hidden=(256, 256)" in last.changes[0]


def test_an_output_that_follows_bounds_that_are_wrong_is_let_free() -> None:
    for output, expected in (("auto", "linear"), ("tanh", "auto")):
        recipe = replace(PLAIN, nets=Nets(MLP(output=output), MLP()))
        (remedy,) = value_range._remedies(case(recipe, [{}]))
        assert under(recipe, *remedy.changes).nets.generator.output == expected


# ------------------------------------------------------------------------------------ the rates


def test_a_rate_is_that_of_now_and_d_moves_k_times() -> None:
    warm = Linear(0.0, 1e-3, steps=1000)
    recipe = replace(PLAIN, optimizers=Players(Adam(lr=1e-3), Adam(lr=warm)))
    assert lr_of(recipe, "discriminator", 0) == 0
    assert lr_of(recipe, "discriminator", 250) == pytest.approx(2.5e-4)
    often = replace(recipe, update=Alternating(k=2))
    assert lr_of(often, "discriminator", 250) == pytest.approx(5e-4)
    assert lr_of(often, "generator", 250) == 1e-3


def test_no_remedy_gives_a_rate_of_nought() -> None:
    """A D that is warmed up from 0: at its first update there is no mean to take."""
    warm = Linear(0.0, 1e-3, steps=10_000)
    recipe = replace(PLAIN, optimizers=Players(Adam(lr=1e-3, betas=(0.0, 0.9)), Adam(lr=warm)))
    assert even_rates(recipe, 0) == ()
    assert [each for each in balanced(recipe, 0) if ".lr" in each] == []
    assert slower(recipe, 0.1, 0) == ("optimizers.generator.lr=0.0001",)
    after = under(recipe, *even_rates(recipe, 1000))
    assert lr_of(after, "discriminator") == lr_of(after, "generator") == pytest.approx(3.2e-4)
    assert "schedule" in instead(recipe, even_rates(recipe, 1000))
    assert instead(recipe, ("optimizers.generator.lr=0.0001", "batch=4")) == ""
    assert "schedule" in mode_collapse.remedies(case(CASES["goodfellow2014"], [{}]))[0].why


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(lr=0.1, momentum=0.5), SGD(lr=0.1)),
        (SGD(lr=0.1, momentum=Ramp(0.5, 0.7, steps=100)), SGD(lr=0.1)),
        (SGD(lr=0.1), SGD(lr=0.1)),
        (RMSprop(lr=0.1, momentum=0.9), RMSprop(lr=0.1)),
        (Adam(lr=0.1, betas=(0.5, 0.9)), Adam(lr=0.1, betas=(0.0, 0.9))),
    ],
)
def test_momentum_of_every_kind_is_let_go(optimizer: Any, expected: Any) -> None:
    recipe = replace(PLAIN, optimizers=both(optimizer))
    assert under(recipe, *balanced(recipe, 250)).optimizers == both(expected)


# -------------------------------------------------------------------------- what holds D


def test_what_holds_d_is_let_go_and_what_holds_g_stays() -> None:
    for held, left in (
        (Clip(), None),
        (Players(None, Clip()), Players(None, None)),
        (Players(Clip(1.0), Clip()), Players(Clip(1.0), None)),
        (Players(Clip(), None), Players(Clip(), None)),
        (MaxNorm(1.0), MaxNorm(1.0)),
    ):
        recipe = replace(BARE, constraint=held)
        assert under(recipe, *bounded(recipe)).constraint == left


def test_a_penalty_is_seen_inside_others() -> None:
    for term in (R1(), Lazy(Single(R1())), FiniteDifferenceR1()):
        assert has_penalty(replace(PLAIN, game=Game(Hinge(), discriminator_terms=(term,))))
    assert not has_penalty(OWN)


def test_functions_are_stated_by_their_names() -> None:
    after = under(OWN, with_term(OWN, "R1(gamma=2.0)"), names=NAMES)
    assert after.game.discriminator_terms == (drift, Lazy(drift, every=4), R1(gamma=2.0))
    for value in ((), (R1(),), (Translation(fill=-1.0), Brightness())):
        assert text(value) == repr(value)


# -------------------------------------------------------------------------- what is shown


def rows(split: str, apart: int | None, data: Any = None) -> str | None:
    seen = case(replace(PLAIN, data=data or Images("mnist", split=split)), [{}])
    return more_data(replace(seen, probes=(replace(seen.last, apart=apart),)))


def test_more_data_are_more() -> None:
    ninety = 'data.split="train[:90%]"'
    assert rows("train[:50000]", 10_000) == ninety
    assert rows("train[:53999]", 6_001) == ninety
    assert rows("train[:54000]", 6_000) is None
    assert rows("train[:55000]", 5_000) is None
    assert rows("train[:500]", None) is None  # how many there are was not seen
    assert rows("train", 10_000) is None
    x = np.zeros((200, 2), dtype=np.float32)
    assert rows("", 20, Arrays(x, split="train[:179]")) == ninety
    assert rows("", 20, Arrays(x, split="train[:180]")) is None
    # Held-out digits are a part of their own: 1,077 is nine tenths of those to train on.
    assert rows("", 300, Digits(split="train[:1076]")) == ninety
    assert rows("", 300, Digits(split="train[0:1077]")) is None
    assert len(Digits().load(seed=0, device=torch.device("cpu"))) == DIGITS
    inner = GlobalContrast(Images("mnist", split="train[:100]"))
    assert rows("", 59_900, inner) == 'data.data.split="train[:90%]"'


def test_views_are_for_images() -> None:
    x = np.zeros((20, 8), dtype=np.float32)
    pictures = np.zeros((20, 1, 8, 8), dtype=np.float32)
    for data, there in (
        (Arrays(x, bounds=(-1.0, 1.0)), False),
        (Arrays(pictures, bounds=(-1.0, 1.0)), True),
        (Arrays(pictures), False),
        (Digits(), True),
        (Folder("pictures"), True),
        (base("ring", 0).data, False),
    ):
        recipe = replace(PLAIN, data=data)
        assert (through_views(recipe) is not None) == there
    assert through_views(OWN) is None


def test_packs_are_made_where_batches_are_even_and_nothing_else_is_lost() -> None:
    views = (Translation(fill=-1.0),)
    seen = replace(PLAIN, joint=Marginal(through=views))
    for rule in (mode_collapse.remedies, mode_dropping.remedies, ignored._remedies):
        (*_, last) = rule(case(seen, [{}]))
        assert under(seen, *last.changes).joint == Packed(samples=2, through=views)
        for changes in (
            {"batch": 63},
            {"generator_batch": 31},
            {"joint": Packed(samples=4)},
            {"joint": Conditional()},
        ):
            recipe = replace(seen, **changes)
            assert packed(recipe) == ()
            assert not any("Packed" in str(each.changes) for each in rule(case(recipe, [{}])))
    assert packed(replace(seen, batch=63, generator_batch=64)) == ()
