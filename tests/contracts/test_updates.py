"""Update rules on real players: the measured rate is the one that theory gives for the rule.

The xy game and Dirac-GAN are played with the library's own objects: one-parameter modules, an
objective, an optimizer, data that are a Dirac. Theory sees only the Jacobian of the vector field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gannets import theory
from gannets.game import Batch, Game, Gaussian, Objective, Space, both
from gannets.objectives import Minimax, NonSaturating, Wasserstein
from gannets.terms import R1
from gannets.theory import Dirac
from gannets.training import Nets, Recipe, State
from gannets.updates import (
    SGD,
    Alternating,
    Boost,
    Consensus,
    Extragradient,
    Optimistic,
    Simultaneous,
    Update,
)

LR = 0.1


class Point(nn.Module):
    """G = Dirac at theta."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([[theta]], dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta.expand(len(z), 1)


class Line(nn.Module):
    """D(x) = psi x."""

    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x.double() @ self.psi


def game(objective: Objective, *, gamma: float = 0.0) -> Recipe:
    return Recipe(
        data=Dirac(at=(0.0,)),
        prior=Gaussian(1),
        nets=Nets(
            generator=lambda space: Point(0.0),
            discriminator=lambda space: Line(0.0),
        ),
        game=Game(objective, discriminator_terms=(R1(gamma),) if gamma else ()),
        optimizers=both(SGD(lr=LR)),
        batch=4,
        steps=10**9,
        precision="float64",
    )


def trajectory(recipe: Recipe, update: Update, *, start: tuple[float, float], steps: int) -> Tensor:
    """w_0 .. w_steps of w = (theta, psi), (steps + 1, 2)."""
    state = State(replace(recipe, update=update), device="cpu")
    weights = [state.parameters.generator[0], state.parameters.discriminator[0]]
    with torch.no_grad():
        for weight, value in zip(weights, start, strict=True):
            weight.fill_(value)
    path = [torch.cat([w.detach().flatten() for w in weights])]
    for _ in range(steps):
        state.advance()
        path.append(torch.cat([w.detach().flatten() for w in weights]).clone())
    return torch.stack(path)


def measured_rate(path: Tensor, *, memory: int = 1) -> float:
    """The factor a step, from the trajectory alone.

    Near an equilibrium an update is linear, s_{t+1} = M s_t with s_t the last `memory` points. M is
    fitted by least squares to what was seen, and its spectral radius is the rate.
    """
    states = torch.cat([path[i : len(path) - memory + 1 + i] for i in range(memory)], dim=1)
    scale = states[0].norm()
    fitted = torch.linalg.lstsq(states[:-1] / scale, states[1:] / scale).solution.T
    return float(torch.linalg.eigvals(fitted).abs().max())


def memory_of(update: Update) -> int:
    return 2 if isinstance(update, Optimistic) else 1


RULES: list[tuple[Update, Callable[[Tensor], Tensor]]] = [
    (Simultaneous(), lambda j: theory.simultaneous_rate(j, LR)),
    (Alternating(k=1), lambda j: theory.alternating_rate(j, LR, split=1)),
    (Alternating(k=3), lambda j: theory.alternating_rate(j, LR, split=1, k=3)),
    (Extragradient(), lambda j: theory.extragradient_rate(j, LR)),
    (Optimistic(), lambda j: theory.optimistic_rate(j, LR)),
    (Consensus(gamma=0.5), lambda j: theory.consensus_rate(j, LR, gamma=0.5)),
]


@pytest.mark.parametrize(("update", "theoretical"), RULES, ids=lambda v: repr(v)[:24])
def test_rate_on_the_bilinear_game(update: Update, theoretical: Callable[[Tensor], Tensor]) -> None:
    """V = theta psi. The field is linear, so the rate holds from anywhere."""
    path = trajectory(game(Wasserstein()), update, start=(1.0, 0.5), steps=12)
    jacobian = theory.jacobian(theory.DiracWasserstein(), torch.zeros(2, dtype=torch.float64))
    expected = float(theoretical(jacobian))
    assert measured_rate(path, memory=memory_of(update)) == pytest.approx(expected, abs=1e-9)


def test_simultaneous_descent_spirals_out_exactly() -> None:
    """|w| grows by sqrt(1 + lr^2) at every single step."""
    path = trajectory(game(Wasserstein()), Simultaneous(), start=(0.3, 0.4), steps=50)
    growth = path.norm(dim=1)[1:] / path.norm(dim=1)[:-1]
    torch.testing.assert_close(
        growth, torch.full_like(growth, math.sqrt(1 + LR**2)), rtol=1e-12, atol=0
    )


def test_alternation_keeps_its_invariant() -> None:
    """D moves first (Algorithm 1), so theta^2 + psi^2 + lr theta psi stays as it is."""
    path = trajectory(game(Wasserstein()), Alternating(), start=(1.0, 0.5), steps=100)
    theta, psi = path.T
    # L_D = theta psi here: D descends along -theta, which mirrors the xy game's ascent.
    invariant = theta.square() + psi.square() - LR * theta * psi
    torch.testing.assert_close(invariant, invariant[:1].expand(101), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("update", "theoretical"), RULES, ids=lambda v: repr(v)[:24])
@pytest.mark.parametrize(
    ("objective", "field"),
    [(Minimax(), theory.DiracGAN()), (NonSaturating(), theory.DiracNonSaturating())],
    ids=["minimax", "nonsaturating"],
)
@pytest.mark.parametrize("gamma", [0.3, 2.0])
def test_rate_of_dirac_gan_with_r1(
    update: Update,
    theoretical: Callable[[Tensor], Tensor],
    objective: Objective,
    field: theory.Field,
    gamma: float,
) -> None:
    """Near the equilibrium Dirac-GAN is linear: the measured rate is the spectral radius."""
    origin = torch.zeros(2, dtype=torch.float64)
    expected = float(theoretical(theory.jacobian(theory.DiracR1(gamma, field), origin)))
    path = trajectory(game(objective, gamma=gamma), update, start=(1e-6, 2e-6), steps=12)
    # At 1e-6 the game differs from its linearisation by 1e-12 of itself; the fit of M magnifies
    # that.
    assert measured_rate(path, memory=memory_of(update)) == pytest.approx(expected, abs=1e-6)
    assert expected < 1


def test_the_cure_is_seen_in_the_trajectory() -> None:
    """Unregularised, simultaneous Dirac-GAN does not converge; with R1 it does (Mescheder 2018)."""
    sick, cured = game(NonSaturating()), game(NonSaturating(), gamma=1.0)
    assert float(trajectory(sick, Simultaneous(), start=(0.5, 0.0), steps=200)[-1].norm()) > 0.4
    assert float(trajectory(cured, Simultaneous(), start=(0.5, 0.0), steps=200)[-1].norm()) < 1e-3


@pytest.mark.parametrize("update", [rule for rule, _ in RULES], ids=lambda v: repr(v)[:24])
def test_both_players_draw_fresh_batches(update: Update) -> None:
    """Every gradient of Algorithm 1 sees noise of its own."""
    state = State(replace(game(Wasserstein()), update=update), device="cpu")
    drawn: list[Tensor] = []
    batch_of = state.draws.batch

    def recording(*arguments: Any) -> Batch:
        batch = batch_of(*arguments)
        drawn.append(batch.latent)
        return batch

    state.draws.batch = recording  # type: ignore[method-assign]
    state.advance()
    state.advance()
    assert len(drawn) >= 2
    assert len({tuple(z.flatten().tolist()) for z in drawn}) == len(drawn)


def test_boost_gives_the_critic_more_steps() -> None:
    """WGAN's code: 100 critic steps in the first 25 updates and at every 500th, else 5."""
    recipe = replace(game(Wasserstein()), update=Alternating(k=5, boost=Boost(7, first=2, every=4)))
    state = State(recipe, device="cpu")
    counts = []
    for _ in range(10):
        before = state.movers.discriminator.updates
        state.advance()
        counts.append(state.movers.discriminator.updates - before)
    assert counts == [7, 7, 5, 5, 7, 5, 5, 5, 7, 5]


def test_a_space_is_given_to_each_net() -> None:
    """Net descriptions may be plain functions of the space."""
    seen: list[Space] = []

    def generator(space: Space) -> nn.Module:
        seen.append(space)
        return Point(0.0)

    recipe = game(Wasserstein())
    State(replace(recipe, nets=replace(recipe.nets, generator=generator)), device="cpu")
    assert seen[0].event == (1,)
    assert seen[0].latent == 1
