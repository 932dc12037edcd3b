"""The pieces that remedies are put together from: each parses, and does what it says."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import ignored_latent, memorisation
from benchmarks.diagnosis.scenarios.blind_discriminator import Blinkers
from gannets import change
from gannets.diagnosis.memorisation import remedies
from gannets.diagnosis.remedies import bounded, even_rates, is_own, lr_of, scaled_lr
from gannets.game import Game, Players, both
from gannets.nets import MLP
from gannets.objectives import Hinge, Wasserstein
from gannets.terms import Clip
from gannets.training import Recipe
from gannets.updates import SGD, Adam
from tests.diagnosis.synthetic import case

BARE = base("ring", 0, game=Game(Hinge()))


def under(recipe: Recipe, *changes: str) -> Recipe:
    for text in changes:
        recipe = change(recipe, text)
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
