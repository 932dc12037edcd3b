"""What later work found of the game: pieces in closed form, and variants that must fail."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gannets.game import Batch, Game, Players, Stream
from gannets.objectives import Minimax, NonSaturating, Wasserstein
from gannets.reproduce.common import Bench, Figure, Halted
from gannets.reproduce.common.affine import from_optimum, lack, p_g
from gannets.reproduce.helvetica import CELLS, REACH, Helvetica, helvetica
from gannets.reproduce.k_steps import Course, k_steps, smooth
from gannets.reproduce.mode_collapse import mode_collapse
from gannets.reproduce.parallel_lines import (
    Line,
    distance_between_lines,
    masses_on_lines,
    parallel_lines,
)
from gannets.reproduce.vanishing_gradient import (
    Gradients,
    VanishingGradient,
    Watched,
    vanishing_gradient,
)
from gannets.theory import Normal
from gannets.training import State
from tests.small import small


def test_lines_of_mass() -> None:
    """The masses are distributions; on another line nothing is shared, on the same all is."""
    for theta in (0.0, 1e-9, 0.3):
        p, q = masses_on_lines(theta, points=5)
        assert float(p.sum()) == pytest.approx(1) == float(q.sum())
        assert float((p * q).sum() > 0) == (theta == 0)
        assert len(p) == (5 if theta == 0 else 10)
    assert distance_between_lines(-0.3, points=7) == pytest.approx(0.3, abs=1e-15)
    # A line at distance 0 among the others is not log 2 away.
    claims = replace(parallel_lines, thetas=(0.0, 0.5))._theory()
    assert [claim.holds for claim in claims] == [False, True, True]


def test_the_line_is_the_density_s() -> None:
    """Latents of unit variance become u, uniform on [0, 1]."""
    edge = math.sqrt(3)
    x = Line(0.25)(torch.tensor([[-edge], [0.0], [edge]]))
    expected = torch.tensor([[0.25, 0.0], [0.25, 0.5], [0.25, 1.0]])
    torch.testing.assert_close(x, expected, atol=1e-6, rtol=0)  # single precision


def test_the_penalised_critic_is_the_best_of_all_slopes() -> None:
    """max over s of s θ - λ (s - 1)², on a fine grid of slopes."""
    slopes = torch.linspace(0, 3, 300_001, dtype=torch.float64)
    for theta in (0.1, 1.0):
        gain = slopes * theta - parallel_lines.penalty * (slopes - 1).square()
        best = float(slopes[gain.argmax()])
        assert parallel_lines.critic(-theta) == pytest.approx(best, abs=1e-5)  # the grid's step


def test_a_critic_without_its_penalty_is_no_distance() -> None:
    """Unbounded, it says more than W1 and goes on saying more."""
    game = replace(parallel_lines, steps=200)
    assert game.learn(Game(Wasserstein()), 0.5, seed=0).distance > 2 * 0.5


def test_gradients_of_one_sample_by_hand() -> None:
    """G(z) = w z and D's logit 3 x: -σ(d) 3z and -(1 - σ(d)) 3z."""
    players = Players(torch.nn.Linear(1, 1, bias=False), lambda x: 3 * x[:, 0])
    z = torch.tensor([[0.7]])
    with torch.no_grad():
        d = float(players.discriminator(players.generator(z)))
    sigma = 1 / (1 + math.exp(-d))
    for objective, factor in ((Minimax(), sigma), (NonSaturating(), 1 - sigma)):
        found = VanishingGradient.gradient(objective, players, z)  # type: ignore[arg-type]
        assert float(found) == pytest.approx(-factor * 3 * 0.7, rel=1e-5)  # single precision


def test_a_gradient_that_stays_is_no_vanishing_one() -> None:
    """The other loss in the place of the first: its claim fails, at whichever stage."""
    work = VanishingGradient(stages=(1, 2), falls=2)
    grows = [Gradients(1.0, 1.0), Gradients(9.0, 9.0)]
    falls = [Gradients(1.0, 1.0), Gradients(1e-3, 1e-3)]
    found = [Watched([1, 9], falls, grows, [0.5, 0.0]), Watched([1, 9], grows, falls, [0.5, 0.0])]
    # Of each stage the fall, and what is left in proportion to the other loss's gradient.
    assert [claim.holds for claim in work._falls(found)] == [True, True, False, False]
    early = replace(work, falls=1)
    assert [claim.holds for claim in early._falls(found)] == [True, True, None, False]
    assert [claim.holds for claim in work._grows(found)] == [True, True, False, False]
    # To grow ninefold is not enough for the quick version.
    assert not any(claim.holds for claim in replace(work.quick(), stages=(1, 2))._grows(found))


class Scattered(VanishingGradient):
    """A gradient whose batches cancel, too small for its square in single precision."""

    @staticmethod
    def gradient(objective: object, players: object, z: torch.Tensor) -> torch.Tensor:
        """(3, 4) or (-3, -4), by the noise's sign, times 1e-25."""
        return torch.tensor([3e-25, 4e-25]) * z[0, 0].sign()


def test_a_gradient_of_scatter_alone_has_the_norm_of_a_batch(tmp_path: Path) -> None:
    """Where E g is lost in the scatter no orders of magnitude come of that."""
    state = State(helvetica.recipe, device="cpu")
    saturating, other, _ = Scattered(batches=9).gradients(Bench(tmp_path), state)
    assert saturating == other
    assert saturating.norm == pytest.approx(5e-25, rel=1e-6, abs=0)  # single precision
    assert 0 < saturating.deviation <= math.sqrt(9 / 8) * saturating.norm


class Undrawn(VanishingGradient):
    """Its picture takes longer than all else."""

    def _figure(self, bench: Bench, watched: list[Watched]) -> Figure:
        return Figure(Path("none.png"), "None.")


def test_a_stop_loses_no_stage(tmp_path: Path) -> None:
    """The nets of the full version, on noise: what was finished before a stop is not done again."""
    data = small("dcgan", folder=tmp_path).data
    recipe = replace(vanishing_gradient.recipe, data=data, batch=4, sample_every=0)
    work = Undrawn(recipe=recipe, stages=(1, 2), updates=2, batches=2)
    at: list[str] = []
    bench = Bench(
        tmp_path / "stopped",
        watch=lambda what, *_: at.append(what),
        halted=lambda: at[-1] == "training D, stage 2",
    )
    with pytest.raises(Halted, match="vanishing-gradient-2, vanishing-gradient-1-watched"):
        list(work(bench))
    at.clear()
    again = replace(bench, halted=lambda: False)
    resumed = list(work(again))
    assert set(at) == {"training D, stage 2"}
    assert resumed == list(work(Bench(tmp_path / "whole")))
    # Another setting, another curve; G stays as it is.
    at.clear()
    list(replace(work, batches=3)(again))
    assert set(at) == {"training D, stage 1", "training D, stage 2"}


def test_cells_count_what_is_there(tmp_path: Path) -> None:
    """Samples all at one place lie in one cell; D's word on them is its word there."""
    bench, state = Bench(tmp_path), State(helvetica.recipe, device="cpu")
    with torch.no_grad():
        for parameter in state.players.generator.parameters():
            parameter.zero_()
    seen = helvetica.look(bench, state)
    assert seen.cells == pytest.approx(1)
    assert seen.spread == 0
    assert seen.modes == 0
    middle = float(helvetica.landscape(state, side=3)[1, 1])
    assert seen.logit == pytest.approx(middle, abs=1e-6)
    assert helvetica.recipe.data.sigma == 2 * REACH / CELLS


def test_d_that_goes_on_learning_saves_variety(tmp_path: Path) -> None:
    """With D in the game as many updates of G do not collapse: the claim would fail."""

    class Played(Helvetica):
        @staticmethod
        def copy(state: State, update: object) -> State:
            other = State(state.recipe, device="cpu")
            other.load(state.tensors(), state.counters())
            return other

    game = Played(played=200, alone=(0, 100), later=None)
    state = State(game.recipe, device="cpu")
    for _ in range(game.played):
        state.advance()
    held = game.alone_from(Bench(tmp_path), state)
    assert held[100].cells / held[0].cells > game.lost


def test_distance_from_the_best_d_where_it_is_known() -> None:
    """D = 1/2 everywhere, p_g = p_data: 0. Far apart, D* is 0 or 1 and D is off by a half."""
    state = State(k_steps.recipe, device="cpu")
    with torch.no_grad():
        for parameter in state.players.discriminator.parameters():
            parameter.zero_()
        a, b = state.players.generator.parameters()
        for mean, expected in ((2.0, 0.0), (9.0, 0.5)):
            a.fill_(0.5), b.fill_(mean)
            assert from_optimum(state, k_steps.data) == pytest.approx(expected, abs=1e-9)


def test_what_d_lacks_where_it_is_known() -> None:
    """D = 1/2 lacks all of 2 JSD, D* nothing: of normals of one width its logit is linear in x."""
    state = State(k_steps.recipe, device="cpu")
    with torch.no_grad():
        for parameter in state.players.discriminator.parameters():
            parameter.zero_()
        a, b = state.players.generator.parameters()
        a.fill_(-0.5), b.fill_(1.0)
        lacks, there = lack(state, k_steps.data)
        assert lacks == pytest.approx(there, abs=1e-12)
        assert p_g(state) == Normal(1.0, 0.5)  # whatever the sign of a
        best = torch.nn.Linear(1, 1)
        best.weight.fill_(4.0), best.bias.fill_(-6.0)  # (x - 1)^2 / 2s^2 - (x - 2)^2 / 2s^2
        state.players = Players(state.players.generator, torch.nn.Sequential(best, Flat()))
        # The same integral two ways; D answers in single precision.
        assert lack(state, k_steps.data)[0] == pytest.approx(0.0, abs=1e-6)
        assert from_optimum(state, k_steps.data) == pytest.approx(0.0, abs=1e-6)


class Flat(torch.nn.Module):
    """(m, 1) to (m,), as D's logits are."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first column."""
        return x[:, 0]


def test_every_k_follows_the_same_g(tmp_path: Path) -> None:
    """At each look p_g is one and the same for all; with as many steps for both the claims fail."""
    work = replace(k_steps.quick(), followed=6, settled=0, every=2, paths=1)
    courses = work.follow(Bench(tmp_path), 0)
    assert courses[1].updates == [2, 4, 6]
    assert courses[1].from_data == courses[5].from_data
    assert courses[1].there == courses[5].there
    assert courses[1].from_best != courses[5].from_best
    alike = {1: [courses[1]], 5: [courses[1]]}
    assert [claim.holds for claim in work.claims(alike)] == [False, False]


def test_games_are_summed_up_with_their_extremes() -> None:
    """The second half of a game is what lies after its middle; one game has no extremes."""
    course = Course([1, 2, 3, 4], [9.0, 9.0, 1.0, 3.0], [8.0, 8.0, 4.0, 6.0], [], [])
    assert course.late(4) == (2.0, 5.0)
    assert k_steps.spread([course.late(4)]) == "2 and 5"
    assert k_steps.spread([(2.0, 5.0), (4.0, 1.0)]) == "3 (2 to 4) and 3 (1 to 5)"


def test_the_smooth_line() -> None:
    torch.testing.assert_close(
        smooth(torch.arange(5.0), width=2), torch.tensor([0.5, 1.5, 2.5, 3.5])
    )


def test_the_games_differ_in_the_game_alone_and_one_in_d() -> None:
    """Same G, data and samples to count; and the deeper D plays the original's game."""
    recipes = mode_collapse.recipes()
    original, deep = recipes["original"], recipes["deep"]
    for recipe in recipes.values():
        assert (recipe.nets.generator, recipe.data, recipe.batch) == (
            original.nets.generator,
            original.data,
            original.batch,
        )
        assert recipe is deep or recipe.nets == original.nets
    assert isinstance(original.game.objective, NonSaturating)
    assert replace(deep, nets=original.nets) == original
    assert len(deep.nets.discriminator.hidden) == 2 * len(original.nets.discriminator.hidden)


def test_collapse_is_one_cluster_at_the_data() -> None:
    """Of a mode or between two; not the data, two modes, or an untrained G, which has none too."""
    draw = torch.Generator().manual_seed(0)
    near = 0.05 * torch.randn(2_000, 2, generator=draw)
    modes = mode_collapse.recipes()["original"].data.modes.float()
    one, far = near + modes[0], near + 1.2 * modes[3]
    data = near + modes[torch.arange(2_000) % 8]
    two = near + modes[torch.arange(2_000) % 2 * 2]
    never, always = torch.zeros(1, 6), torch.full((1, 6), 8.0)
    for counts, cloud, holds in (
        (torch.ones(1, 6), one, [True, True, True]),
        (never, far, [True, True, True]),
        (always, data, [False, False, False]),
        (2 * torch.ones(1, 6), two, [False, False, True]),
        (never, 0.2 * near, [True, True, False]),  # untrained
        (never, 20 * near, [True, False, False]),  # everywhere
    ):
        assert [c.holds for c in mode_collapse.collapsed(counts, [cloud])] == holds
    # One game of several that did not collapse is one too many.
    counts = torch.stack([never[0], always[0]])
    assert not any(c.holds for c in mode_collapse.collapsed(counts, [one, data]))


def test_the_gradient_is_that_of_the_library_s_game() -> None:
    """As `Game.generator_losses` has it on a batch, for real nets."""
    state = State(helvetica.recipe, device="cpu")
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    flat = VanishingGradient.gradient(NonSaturating(), state.players, z)
    fake = state.players.generator(z)
    batch = Batch((fake,), (fake,), z, None, 0, Stream(0, "none"))
    loss = torch.nn.functional.softplus(-state.players.discriminator(*batch.fake)).mean()
    parts = torch.autograd.grad(loss, list(state.players.generator.parameters()))
    torch.testing.assert_close(flat, torch.cat([part.flatten() for part in parts]))
