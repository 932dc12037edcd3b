"""Half precision and compiled gradients, held to the game as it is in single precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gannets import recipes
from gannets.errors import InputError
from gannets.game import PLAYERS, Batch, Game, Group, InstanceNoise, Marginal, Net, Players
from gannets.objectives import NonSaturating
from gannets.terms import DRAGAN, R1, GradientPenalty, Lazy, Single
from gannets.training import Recipe, State, read, show
from gannets.updates import Consensus, Optimistic
from tests.small import small


def curves(state: State, steps: int) -> list[list[float]]:
    """Every item of both players' losses at every update."""
    found = []
    for _ in range(steps):
        losses = state.advance()
        found.append([float(x) for player in PLAYERS for x in losses[player].values()])
    return found


def quality(state: State) -> tuple[int, float]:
    """How many of the ring's 8 modes are hit, and the share within three sigma of one."""
    with torch.no_grad():
        x = state.generator(state.recipe.prior(10_000, state.draws.random["latent"].at(10**6)))
    angles = torch.arange(8) * math.tau / 8
    near = torch.cdist(x, torch.stack((angles.cos(), angles.sin()), 1)).min(1)
    good = near.values < 3 * 0.05
    return len(near.indices[good].unique()), float(good.float().mean())


# bfloat16.


def test_in_bfloat16_the_first_updates_are_those_of_float32() -> None:
    """Eight binary digits: 2^-8 of a number at every layer, so within 3 % after ten updates."""
    single = curves(State(recipes.get("ring"), device="cpu"), 10)
    half = curves(State(replace(recipes.get("ring"), precision="bfloat16"), device="cpu"), 10)
    for a, b in zip(single, half, strict=True):
        assert b == pytest.approx(a, rel=0.03, abs=0.01)
    assert half != single


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_in_bfloat16_the_ring_is_learned_as_well(precision: str) -> None:
    """All modes, and as many good samples as the recipe promises less five in a hundred."""
    state = State(replace(recipes.get("ring"), precision=precision), device="cpu")
    last = curves(state, 5_000)[-500:]
    modes, good = quality(state)
    assert modes == 8
    assert good > (0.92 if precision == "float32" else 0.87)
    # At the equilibrium the relativistic loss of both players is log 2.
    for item in (0, 1):
        assert sum(x[item] for x in last) / len(last) == pytest.approx(math.log(2), abs=0.1)


def seen_types(game: Game) -> tuple[dict[str, torch.dtype], float]:
    """In what precision D's first layer answers, and the penalty."""
    recipe = replace(small("ring"), game=game, precision="bfloat16")
    state, types = State(recipe, device="cpu"), dict[str, torch.dtype]()

    def note(layer: Any, inputs: Any, output: Tensor) -> None:
        types["discriminator"] = output.dtype

    state.players.discriminator.hidden[0].register_forward_hook(note)  # type: ignore[union-attr,operator,index]
    gradient = state.gradient("discriminator")
    return types, float(list(gradient.losses.values())[-1])


def test_a_penalty_in_single_precision() -> None:
    """The term is what it is in a game of single precision, bit for bit but for G's rounding."""
    plain = Game(NonSaturating(), discriminator_terms=(R1(gamma=1.0),))
    single = Game(NonSaturating(), discriminator_terms=(Single(R1(gamma=1.0)),))
    types, half = seen_types(plain)
    assert types["discriminator"] == torch.bfloat16
    exact = State(replace(small("ring"), game=plain), device="cpu").gradient("discriminator")
    reference = float(exact.losses["R1"])
    _, better = seen_types(single)
    assert better == reference  # data do not hang on G, so there is no rounding at all
    assert half != reference
    assert half == pytest.approx(reference, rel=0.05)
    gradient = State(replace(small("ring"), game=single), device="cpu").gradient("discriminator")
    for a, b in zip(gradient.gradient, exact.gradient, strict=True):
        assert torch.equal(a, b)  # in float32 there is nothing to change


def test_single_is_a_value() -> None:
    term = Single(R1(gamma=2.0))
    assert term.name == "R1"
    assert read(show(term)) == term
    with pytest.raises(InputError, match="not the class R1"):
        Single(R1)  # type: ignore[arg-type]


# Compiled. Compiling takes seconds, so one game stands for all by default.


def compiled(recipe: Recipe) -> State:
    state = State(recipe, device="cpu")
    state.compile_gradients()
    return state


def within_rounding(recipe: Recipe, steps: int = 50) -> None:
    """The same losses as eager, within 1e-5, at every update."""
    eager = curves(State(recipe, device="cpu"), steps)
    for a, b in zip(eager, curves(compiled(recipe), steps), strict=True):
        assert b == pytest.approx(a, abs=1e-5, rel=1e-5)


SLOW = pytest.mark.slow


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning")
@pytest.mark.parametrize(
    "name",
    ["ring", *(pytest.param(n, marks=SLOW) for n in ("digits", "conditional", "goodfellow2014"))],
)
def test_compiled_losses_are_those_of_eager(name: str) -> None:
    """With second derivatives (R1, R2), classes, and dropout masks of the streams."""
    within_rounding(small(name))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:UserWarning")
@pytest.mark.parametrize(
    "changes",
    [
        {"game": Game(NonSaturating(), discriminator_terms=(GradientPenalty(),))},
        {"game": Game(NonSaturating(), discriminator_terms=(DRAGAN(),))},
        {"update": Optimistic()},
        {"joint": Marginal(through=(InstanceNoise(0.1),))},
    ],
)
def test_what_draws_random_numbers_is_served(changes: dict[str, Any]) -> None:
    within_rounding(replace(small("ring"), **changes))


def test_what_cannot_be_compiled_is_refused() -> None:
    """Each with its reason, before anyone has moved."""
    ring = small("ring")
    lazy = Game(NonSaturating(), discriminator_terms=(Lazy(R1(1.0), every=4),))
    fading = Marginal(through=(InstanceNoise(0.1, steps=10),))
    for recipe, reason in (
        (small("dcgan"), "'norms.0.running_mean' changes|'norms.0.num_batches_tracked' changes"),
        (replace(ring, game=lazy), "depends on the number of the update"),
        (replace(ring, joint=fading), "depends on the number of the update"),
        (replace(ring, update=Consensus(0.1)), "Consensus differentiates gradients"),
    ):
        state = compiled(recipe)
        with pytest.raises(InputError, match=reason):
            state.advance()
        assert state.movers.discriminator.updates == state.step == 0
    with pytest.raises(InputError, match="--micro-batch"):
        compiled(replace(ring, micro_batch=5))
    two = State(ring, device="cpu", group=Group(0, 2))
    with pytest.raises(InputError, match="--processes"):
        two.compile_gradients()


def test_without_a_compiler_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Callable[..., Any]:
        def run(*_: object) -> None:
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found")

        return run

    monkeypatch.setattr(torch, "compile", none)
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler .* install g\+\+"):
        compiled(small("ring")).advance()


def test_a_term_of_ones_own_that_counts_updates_is_refused() -> None:
    def annealed(players: Players[Net], batch: Batch) -> Tensor:
        return batch.latent.new_zeros(()) / (1 + batch.step)

    state = compiled(replace(small("ring"), game=Game(NonSaturating(), (), (annealed,))))
    with pytest.raises(InputError, match="depends on the number of the update"):
        state.advance()
