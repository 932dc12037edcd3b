"""Every recipe there is, played for a few updates on small data of its own kind."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from gannets import recipes
from gannets.data import Arrays
from gannets.errors import InputError
from gannets.game import Batch, Conditional, Gaussian, Marginal, Packed
from gannets.training import Recipe, State, play
from tests.small import NAMES, small


def drawn(state: State) -> Batch:
    """A batch as D sees it."""
    return state.draws.batch(state.draws.next(10, 0, data=True), state.players.generator)


def weights(recipe: Recipe) -> list[torch.Tensor]:
    state = State(recipe, device="cpu")
    for _ in range(recipe.steps):
        state.advance()
    return [t.clone() for t in state.tensors().values()]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_plays(name: str) -> None:
    steps = list(play(small(name), device="cpu"))
    assert [step.index for step in steps] == [1, 2, 3]
    for step in steps:
        for items in (step.losses.generator, step.losses.discriminator):
            assert "objective" in items
            assert all(math.isfinite(float(loss)) for loss in items.values())
    terms = recipes.get(name).game.discriminator_terms
    assert len(steps[-1].losses.discriminator) == 1 + len(terms)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_a_function_of_its_seed(name: str) -> None:
    """Two runs are equal bit for bit, also when torch's global generator stands elsewhere."""
    first = weights(small(name))
    torch.manual_seed(1)
    torch.rand(7)
    second = weights(small(name))
    other = weights(small(name, seed=1))
    assert all(map(torch.equal, first, second))
    assert any(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_torchs_global_generator_is_left_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    weights(small(name))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is(name: str) -> None:
    assert recipes.get(name).name == name
    text = recipes.docstring(name)
    assert len(recipes.summary(name)) < 100
    assert "To expect" in text


def test_the_settings_of_2014() -> None:
    """The facts of the authors' mnist.yaml that are easy to get wrong."""
    recipe = recipes.get("goodfellow2014")
    rates = State(small("goodfellow2014"), device="cpu").movers
    assert rates.generator.rates() == {"lr": 0.1, "momentum": 0.5}
    assert recipe.batch == 100
    z = recipe.prior(100_000, State(small("goodfellow2014"), device="cpu").draws.random["latent"])
    assert float(z.abs().max()) <= math.sqrt(3)
    assert float(z.var()) == pytest.approx(1.0, abs=0.01)  # 1e7 draws: sd of the variance is 3e-4


def test_the_settings_of_2014_on_faces_and_on_cifar() -> None:
    """The facts of the authors' other four files that are easy to get wrong."""
    rates = {
        "goodfellow2014_faces": (100, 0.05),
        "goodfellow2014_faces_deep": (100, 0.05),
        "goodfellow2014_cifar10": (100, 0.025),
        "goodfellow2014_cifar10_conv": (128, 0.004),
    }
    for name, (batch, lr) in rates.items():
        recipe = recipes.get(name)
        movers = State(small(name), device="cpu").movers
        assert recipe.batch == batch
        assert movers.generator.rates() == {"lr": lr, "momentum": 0.5}
        # Theirs descends half of this objective.
        assert movers.discriminator.rates() == {"lr": lr / 2, "momentum": 0.5}
        assert recipe.prior == Gaussian(100)
    faces = recipes.get("goodfellow2014_faces")
    assert faces.steps == round(50 * 57.44)
    assert recipes.get("goodfellow2014_faces_deep").steps == round(22 * 57.44)


def test_no_column_of_the_players_of_faces_is_long() -> None:
    state = State(small("goodfellow2014_faces"), device="cpu")

    def longest() -> list[float]:
        players = vars(state.parameters).values()
        weights = [[p.detach() for p in each if p.ndim == 2] for each in players]
        return [max(float(w.norm(dim=1).max()) for w in each) for each in weights]

    assert longest()[0] > 1.9365  # G's sparse rows begin beyond, as the authors' do
    with torch.no_grad():
        state.parameters.discriminator[0].mul_(1e4)
    state.advance()
    for norm in longest():  # both players reach the bound: float32 rounds it by 1e-7
        assert norm == pytest.approx(1.9365, rel=1e-6)


@pytest.mark.parametrize("name", ["goodfellow2014", "goodfellow2014_faces"])
def test_a_step_of_2014_is_one_draw_for_both_players(name: str) -> None:
    state = State(small(name), device="cpu")
    before = state.counters()
    state.advance()
    after = state.counters()
    assert after["draws"] - before["draws"] == 1
    assert after["real_draws"] - before["real_draws"] == 1


def test_d_sees_every_sample_once_an_epoch() -> None:
    """G's updates do not eat into D's data where G's loss does not need them."""
    x = torch.arange(40, dtype=torch.float32)[:, None]
    recipe = replace(recipes.get("ring"), data=Arrays(x), batch=10, steps=4)
    from gannets.game import Game
    from gannets.objectives import NonSaturating

    state = State(replace(recipe, game=Game(NonSaturating())), device="cpu")
    seen: list[float] = []
    batch_of = state.draws.batch

    def recording(*arguments: Any) -> Any:
        batch = batch_of(*arguments)
        for x in batch.real:
            seen.extend(x.flatten().tolist())
        return batch

    state.draws.batch = recording  # type: ignore[method-assign]
    for _ in range(4):
        state.advance()
    assert sorted(seen) == x.flatten().tolist()


def test_precision_bfloat16_stays_near_float32() -> None:
    """After one update the losses agree to the three digits that bfloat16 has."""
    single = next(play(small("ring"), device="cpu"))
    half = next(play(replace(small("ring"), precision="bfloat16"), device="cpu"))
    for player in ("generator", "discriminator"):
        for item, loss in single.losses[player].items():  # type: ignore[index]
            other = half.losses[player][item]  # type: ignore[index]
            assert other.dtype == torch.float32
            assert float(other) == pytest.approx(float(loss), rel=0.02, abs=2e-3)


def test_packed_discriminator_sees_pairs() -> None:
    state = State(replace(small("ring"), joint=Packed(2)), device="cpu")
    batch = drawn(state)
    assert batch.real[0].shape == batch.fake[0].shape == (5, 4)
    state.advance()
    with pytest.raises(InputError, match="multiple of 3"):
        State(replace(small("ring"), joint=Packed(3)), device="cpu").advance()


def test_a_conditional_game_needs_labels() -> None:
    with pytest.raises(InputError, match="labels"):
        State(replace(small("ring"), joint=Conditional()), device="cpu")
    state = State(replace(small("conditional"), joint=Marginal()), device="cpu")
    assert state.space.classes is None


def test_conditional_labels_are_the_datas_on_both_sides() -> None:
    state = State(small("conditional"), device="cpu")
    batch = drawn(state)
    assert batch.labels is not None
    assert torch.equal(batch.real[1], batch.fake[1])
    assert torch.equal(batch.real[1], batch.labels)


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", -1), ("batch", 0), ("seed", -3), ("precision", "fp8"), ("generator_batch", 0)],
)
def test_values_out_of_range_are_refused(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        replace(recipes.get("ring"), **{field: value})


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match="1 to 60"):
        State(replace(small("digits"), batch=61), device="cpu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="no device 'tpu'"):
        State(small("ring"), device="tpu")
