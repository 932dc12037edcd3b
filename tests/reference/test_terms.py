"""Penalties against the same penalties written naively: one sample at a time, nothing shared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gannets.game import Batch, Game, Players, Stream
from gannets.objectives import LeastSquares, Minimax, NonSaturating, RpGAN, Wasserstein
from gannets.terms import (
    DRAGAN,
    R1,
    R2,
    FiniteDifferenceR1,
    FiniteDifferenceR2,
    GradientPenalty,
)
from tests.naming import named

M, LATENT, EVENT = 6, 3, (2, 3, 3)


class Critic(nn.Module):
    """A smooth convolutional D; `alone` says whether it states that it judges each sample alone."""

    def __init__(self, *, alone: bool) -> None:
        super().__init__()
        self.judges_alone = alone
        self.calls = 0
        self.conv = nn.Conv2d(2, 4, 2).double()
        self.last = nn.Linear(16, 1).double()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        logits: Tensor = self.last(self.conv(x).tanh().flatten(1))[:, 0]
        return logits


class Maker(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(LATENT, 18).double()

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.linear(z).tanh()
        return x.reshape(len(z), *EVENT)


def scene(*, alone: bool = True) -> tuple[Players[Any], Batch]:
    players = Players(Maker(), Critic(alone=alone))
    z, x = torch.randn(M, LATENT).double(), torch.randn(M, *EVENT).double()
    batch = Batch((x,), (players.generator(z),), z, None, 0, Stream(0, "terms"))
    return players, batch


def naive_norms(d: Any, points: Tensor) -> Tensor:
    """|∇D| at each point, from that point alone."""
    norms = []
    for point in points:
        if not point.requires_grad:
            point = point.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(d(point[None])[0], point, create_graph=True)
        norms.append(gradient.pow(2).sum().sqrt())
    return torch.stack(norms)


def naive_difference(d: Any, points: Tensor, n: Tensor) -> Tensor:
    return torch.stack(
        [
            (d((p + 0.01 * e)[None])[0] - d(p[None])[0]) / 0.01
            for p, e in zip(points, n, strict=True)
        ]
    )


def between(batch: Batch) -> Tensor:
    share = Stream(0, "terms").uniform(M, 1, 1, 1).double()
    return share * batch.real[0] + (1 - share) * batch.fake[0]


def near(batch: Batch) -> Tensor:
    random, (x,) = Stream(0, "terms"), batch.real
    u, share = random.uniform(M, *EVENT).double(), random.uniform(M, 1, 1, 1).double()
    return x + share * u * 0.5 * x.sub(x.mean()).square().mean().sqrt()


def noise() -> Tensor:
    return Stream(0, "terms").normal(M, *EVENT).double()


NAIVE: list[tuple[Any, Callable[[Any, Batch], Tensor]]] = [
    (R1(0.7), lambda d, b: 0.35 * naive_norms(d, b.real[0]).square().mean()),
    (R2(0.7), lambda d, b: 0.35 * naive_norms(d, b.fake[0]).square().mean()),
    (GradientPenalty(), lambda d, b: 10 * (naive_norms(d, between(b)) - 1).square().mean()),
    (
        GradientPenalty(one_sided=True),
        lambda d, b: 10 * (naive_norms(d, between(b)) - 1).clamp(min=0).square().mean(),
    ),
    (DRAGAN(), lambda d, b: 10 * (naive_norms(d, near(b)) - 1).square().mean()),
    (
        FiniteDifferenceR1(0.7),
        lambda d, b: 0.35 * naive_difference(d, b.real[0], noise()).square().mean(),
    ),
    (
        FiniteDifferenceR2(0.7),
        lambda d, b: 0.35 * naive_difference(d, b.fake[0], noise()).square().mean(),
    ),
]


@pytest.mark.parametrize(("term", "naive"), NAIVE, ids=named)
def test_equals_the_naive_penalty(term: Any, naive: Callable[[Any, Batch], Tensor]) -> None:
    """Its value, and its gradient in both players' parameters (G is attached to the batch)."""
    players, batch = scene()
    for parameter in players.discriminator.parameters():
        parameter.data.mul_(3)  # slopes on both sides of 1
    found, expected = term(players, batch), naive(players.discriminator, batch)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    parameters = [*players.generator.parameters(), *players.discriminator.parameters()]
    slopes = [
        torch.autograd.grad(loss, parameters, materialize_grads=True, retain_graph=True)
        for loss in (found, expected)
    ]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-10)


# ------------------------------------------------------------- one pass for objective and terms

GAMES = [
    Game(NonSaturating()),
    Game(NonSaturating(), discriminator_terms=(R1(0.5),)),
    Game(LeastSquares(), discriminator_terms=(R2(0.5),)),
    Game(RpGAN(), discriminator_terms=(R1(0.5), R2(0.2))),
    Game(Wasserstein(), discriminator_terms=(GradientPenalty(),)),
    Game(Minimax(), discriminator_terms=(DRAGAN(), FiniteDifferenceR1(0.3))),
    Game(RpGAN(), generator_terms=(R2(0.1),), discriminator_terms=(R1(0.5), R2(0.2))),
]
every_game = pytest.mark.parametrize("game", GAMES, ids=lambda game: repr(game)[5:])


def naive_losses(game: Game, players: Players[Any], batch: Batch) -> Players[dict[str, Tensor]]:
    """Every item from passes of its own, the terms drawing in their order."""
    d = players.discriminator

    def items(charge: Callable[..., Tensor], terms: tuple[Any, ...]) -> dict[str, Tensor]:
        evaluated = {type(term).__name__: term(players, batch) for term in terms}
        return {"objective": charge(d(*batch.real), d(*batch.fake)), **evaluated}

    discriminator = items(game.objective.discriminator, game.discriminator_terms)
    return Players(items(game.objective.generator, game.generator_terms), discriminator)


def gradients(losses: Players[dict[str, Tensor]], players: Players[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for player in ("generator", "discriminator"):
        total = torch.stack(list(losses[player].values())).sum()
        found += torch.autograd.grad(
            total, list(players[player].parameters()), retain_graph=True, materialize_grads=True
        )
    return found


@every_game
@pytest.mark.parametrize("alone", [True, False], ids=["joined", "apart"])
def test_sharing_changes_no_loss_and_no_gradient(game: Game, alone: bool) -> None:
    """Both players' losses from one pass (`Simultaneous`), and each player's by itself."""
    players, batch = scene(alone=alone)
    expected = naive_losses(game, players, batch)
    slopes = gradients(expected, players)

    def fresh() -> Batch:
        return dataclasses.replace(batch, random=Stream(0, "terms"))

    for found in (
        game.losses(players, fresh()),
        Players(
            game.generator_losses(players, fresh()),
            game.discriminator_losses(players, fresh()),
        ),
    ):
        assert list(found.discriminator) == list(expected.discriminator)
        assert list(found.generator) == list(expected.generator)
        for player in ("generator", "discriminator"):
            for name, loss in expected[player].items():
                torch.testing.assert_close(found[player][name], loss, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(gradients(found, players), slopes, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("game", "alone", "passes"),
    [
        (Game(NonSaturating()), True, 1),
        (Game(NonSaturating()), False, 2),
        (Game(NonSaturating(), discriminator_terms=(R1(),)), True, 2),
        (Game(RpGAN(), discriminator_terms=(R1(), R2())), True, 2),
        (Game(RpGAN(), discriminator_terms=(R1(), R1(), R2())), False, 2),
        (Game(Wasserstein(), discriminator_terms=(GradientPenalty(),)), True, 2),
        (Game(NonSaturating(), discriminator_terms=(FiniteDifferenceR1(),)), True, 3),
    ],
    ids=lambda x: repr(x)[5:60],
)
def test_passes_through_d(game: Game, alone: bool, passes: int) -> None:
    """Without sharing R1 and R2 would cost four; for both players' losses, none is added."""
    players, batch = scene(alone=alone)
    game.discriminator_losses(players, batch)
    assert players.discriminator.calls == passes
    players.discriminator.calls = 0
    game.losses(players, batch)
    assert players.discriminator.calls == passes


@pytest.mark.parametrize("game", GAMES[1:6], ids=lambda game: repr(game)[5:])
def test_a_batch_made_without_g_gives_d_the_same_gradient(game: Game) -> None:
    """D's update cuts the fakes off G; nothing D is charged for may change by it."""
    players, batch = scene()
    cut = dataclasses.replace(
        batch, fake=tuple(x.detach() for x in batch.fake), random=Stream(0, "terms")
    )
    parameters = list(players.discriminator.parameters())
    slopes = []
    for given in (batch, cut):
        losses = game.discriminator_losses(players, given)
        slopes.append(torch.autograd.grad(torch.stack(list(losses.values())).sum(), parameters))
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-14)
