"""Weights that are held (requires_grad=False) stay; a player of which all are is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from gannets.errors import InputError
from gannets.game import PLAYERS, Game, Gaussian, Player, Space, both
from gannets.metrics.clones import train_clone
from gannets.nets import MLP
from gannets.objectives import NonSaturating
from gannets.terms import R1
from gannets.theory import Ring
from gannets.training import Nets, Recipe, State
from gannets.training.standing import game_of
from gannets.updates import SGD, Adam, Average, Consensus, Extragradient

HELD = 2
"""Weight and bias of the first layer."""


class First(nn.Module):
    """The plane's first coordinate is the logit."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


def net(player: Player, held: int) -> Callable[[Space], nn.Module]:
    """An MLP of one's own, whose first tensors are held."""

    def make(space: Space) -> nn.Module:
        made: nn.Module = getattr(MLP((16, 16), activation="tanh"), player)(space)
        for weight in list(made.parameters())[:held]:
            weight.requires_grad_(False)
        return made

    return make


def recipe(held: int, **more: object) -> Recipe:
    made = Recipe(
        data=Ring(),
        prior=Gaussian(4),
        nets=Nets(net("generator", held), net("discriminator", held)),
        game=Game(NonSaturating(), discriminator_terms=(R1(gamma=0.1),)),
        optimizers=both(SGD(lr=0.1)),
        averaging=Average(half_life=100),
        batch=32,
        steps=10,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def weights(state: State, player: Player) -> list[torch.Tensor]:
    return [w.detach().clone() for w in state.players[player].parameters()]


@pytest.mark.parametrize("player", PLAYERS)
def test_a_player_that_is_held_as_a_whole_is_refused(player: Player) -> None:
    frozen = replace(recipe(0), nets=replace(recipe(0).nets, **{player: net(player, 99)}))
    says = (
        rf"No weight of the {player} can be trained: all 6 of them have requires_grad=False\. Let"
    )
    with pytest.raises(InputError, match=says):
        State(frozen, device="cpu")


def test_a_player_without_weights_is_refused() -> None:
    bare = replace(recipe(0).nets, discriminator=lambda space: First())
    with pytest.raises(
        InputError, match="No weight of the discriminator can be trained: it has no"
    ):
        State(recipe(0, nets=bare), device="cpu")


@pytest.mark.parametrize("update", [None, Consensus(), Extragradient()])
def test_held_weights_stay_and_the_others_move_as_if_all_did(update: object) -> None:
    """One update's gradient in a weight is what it is, whether or not others are asked for; an
    update that differentiates gradients, or looks ahead, does so along free weights alone.
    """
    more = {} if update is None else {"update": update}
    some, all_ = (State(recipe(held, **more), device="cpu") for held in (HELD, 0))
    before = {p: weights(some, p) for p in PLAYERS}
    some.advance()
    all_.advance()
    for player in PLAYERS:
        after, free = weights(some, player), weights(all_, player)
        for i, (w, old, other) in enumerate(zip(after, before[player], free, strict=True)):
            assert torch.equal(w, old) == (i < HELD)
            # D moves first, and by all of its weights in the other game: G's step sees that.
            if i >= HELD and update is None and player == "discriminator":
                assert torch.equal(w, other)


def test_a_game_with_held_weights_is_taken_up_where_it_was_left() -> None:
    played = recipe(HELD, optimizers=both(Adam(lr=1e-2)))
    state = State(played, device="cpu")
    state.advance()
    again = State(played, device="cpu")
    again.load({k: v.clone() for k, v in state.tensors().items()}, state.counters())
    state.advance()
    again.advance()
    for name, tensor in state.tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name


def test_a_copy_of_d_holds_what_d_holds() -> None:
    """By the run's own optimizer, whose moments are of the free weights, and by another."""
    state = State(recipe(HELD, optimizers=both(Adam(lr=1e-2))), device="cpu")
    state.advance()
    for optimizer in (None, Adam(lr=1e-2)):
        clone = train_clone(game_of(state), "discriminator", steps=2, seed=0, optimizer=optimizer)
        ours = list(clone.players.discriminator.parameters())
        for i, (w, old) in enumerate(zip(ours, weights(state, "discriminator"), strict=True)):
            assert torch.equal(w, old) == (i < HELD)
