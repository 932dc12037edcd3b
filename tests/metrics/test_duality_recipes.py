"""The duality gap and D's AUC of every recipe: measured, repeated, and the run left as it was."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from gannets import recipes
from gannets.data import Arrays, Digits, Source, open_source
from gannets.game import Game, Players, both
from gannets.metrics.duality import DualityGap
from gannets.metrics.overfitting import DiscriminatorAUC
from gannets.metrics.played import Played
from gannets.objectives import NonSaturating
from gannets.training.state import State
from gannets.updates import Adam, Mover
from tests.metrics.helpers import compare
from tests.small import NAMES, small


def played(state: State, holdout: Source | None = None) -> Played:
    recipe, movers = state.recipe, state.movers

    def of(f: Any) -> Players[Any]:
        return movers.map(f)

    return Played(
        players=state.players,
        game=recipe.game,
        joint=recipe.joint,
        prior=recipe.prior,
        optimizers=recipe.optimizers,
        train=state.source,
        holdout=holdout,
        batch=recipe.batch,
        generator_batch=recipe.generator_batch,
        constraint=recipe.constraint,
        updates=of(lambda mover: mover.updates),
        scale=of(lambda mover: mover.scale),
        moments=of(Mover.tensors),
    )


@pytest.mark.parametrize("name", NAMES)
def test_of_every_recipe(name: str) -> None:
    state = State(small(name), device="cpu")
    for _ in range(2):
        state.advance()
    given, x = played(state), torch.randn(20, 1)
    metric = DualityGap(steps=3, samples=60, groups=5)
    before = {key: tensor.clone() for key, tensor in state.tensors().items()}
    counters, rng = state.counters(), torch.random.get_rng_state()
    modes = [m.training for net in vars(state.players).values() for m in net.modules()]

    first, again = (metric(compare(x, x + 1, played=given)) for _ in range(2))

    assert [e.key for e in first] == ["gap_discriminator", "gap_generator", "duality_gap"]
    assert all(math.isfinite(e.value) for e in first)
    assert [e.value for e in first] == [e.value for e in again]
    after = state.tensors()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert state.counters() == counters
    assert torch.equal(rng, torch.random.get_rng_state())
    assert modes == [m.training for net in vars(state.players).values() for m in net.modules()]


def test_a_measured_run_goes_on_as_one_that_was_not() -> None:
    """Dropout, batch normalisation and streams: the next steps are the same, to the bit."""
    for name in ("goodfellow2014", "dcgan"):
        plain, watched = (State(small(name), device="cpu") for _ in range(2))
        x = torch.randn(20, 1)
        for _ in range(2):
            plain.advance()
            watched.advance()
            DualityGap(steps=2, samples=60)(compare(x, x + 1, played=played(watched)))
        mine, theirs = plain.tensors(), watched.tensors()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_a_d_that_overfits_100_digits_is_found(seed: int) -> None:
    """1,400 steps without a penalty, on 100 digits against 300 others, drawn at random.

    A slice such as train[:100] will not do: its rows are in order of their writers, and then an
    untrained D too tells them from others (12 of 30 seeds at 5 %; 0 of 30 for random halves).
    """
    x, y = open_source(Digits(), seed=0, device="cpu").all()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    mine, others = (Arrays(x[rows], y[rows]) for rows in (order[:100], order[100:400]))
    recipe = replace(
        recipes.get("digits"),
        data=mine,
        game=Game(NonSaturating()),
        optimizers=both(Adam(lr=1e-3, betas=(0.5, 0.999))),
        batch=50,
        seed=seed,
    )
    state, x = State(recipe, device="cpu"), torch.randn(20, 1)
    held = open_source(others, seed=0, device="cpu")
    start = DiscriminatorAUC()(compare(x, x + 1, played=played(state, held)))[0]
    assert abs(start.value - 0.5) < 0.125  # 3 standard deviations, √(201/12)/100 each
    for _ in range(1_400):
        state.advance()
    end = DiscriminatorAUC()(compare(x, x + 1, played=played(state, held)))[0]
    assert end.value >= 0.75
    assert end.p is not None
    assert end.p < 1e-8
