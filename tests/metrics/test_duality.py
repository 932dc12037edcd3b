"""The duality gap on games whose best answers are known, and on every recipe."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gannets.data import open_source
from gannets.errors import InputError
from gannets.game import Game, Gaussian, Marginal, Objective, Players, Stream
from gannets.metrics.clones import FIRST, balanced_accuracy, threshold, train_clone
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.duality import DualityGap, interval_of_groups, student
from gannets.metrics.estimate import Estimate
from gannets.metrics.played import Played
from gannets.objectives import LeastSquares, Minimax, RelativisticAverage, Wasserstein
from gannets.terms import Clip
from gannets.theory import Normal
from gannets.updates import SGD, Adam, Linear
from tests.metrics.helpers import compare


class Logit(nn.Module):
    """D(x) = a x + b: enough for the optimum between normals of one variance."""

    def __init__(self, a: float = 0.0, b: float = 0.0) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(b))

    def forward(self, x: Tensor) -> Tensor:
        return self.a * x[:, 0] + self.b


class Shift(nn.Module):
    """G(z) = z + m."""

    def __init__(self, m: float) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.tensor(m))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.m


def played(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    objective: Objective | None = None,
    own: float = 0.05,
) -> Played:
    train, held = (
        open_source(Normal(), seed=0, device="cpu", split=split) for split in ("train", "test")
    )
    return Played(
        players=Players(generator, discriminator),
        game=Game(objective or Minimax()),
        joint=Marginal(),
        prior=Gaussian(1),
        optimizers=Players(SGD(own), SGD(own)),
        train=train,
        holdout=held,
        batch=250,
    )


def measured(given: Played, metric: DualityGap | None = None, seed: int = 0) -> dict[str, Estimate]:
    x = torch.randn(20, 1)
    metric = metric or DualityGap(steps=120, reference=Adam(Linear(0.1, 0.0, 120)), samples=4_000)
    found = metric(compare(x, x + 1, played=given, seed=seed))
    return {estimate.key: estimate for estimate in found}


# Known answers. p_data = N(0, 1), p_g = N(m, 1): logit D* = -m x + m²/2.


def test_the_gap_of_d_is_the_way_to_its_optimum() -> None:
    """m = 1, D = 1/2: V = -log 4, V* = -1.1634514: the copy gains .2228431 (evaluation C)."""
    gap = measured(played(Shift(1.0), Logit()))["gap_discriminator"]
    truth = 2 * math.log(2) - 1.1634514
    assert gap.interval is not None
    half = (gap.interval[1] - gap.interval[0]) / 2
    # 4,000 samples: two half widths. The copy is a little off its optimum, a second order loss.
    assert abs(gap.value - truth) < 2 * half
    assert half < 0.03
    assert gap.floor == 0.0
    assert gap.details["value"] == pytest.approx(-math.log(4), abs=1e-6)
    # The best accuracy between N(0, 1) and N(1, 1) is Φ(1/2) = .6915; 4 standard errors: .021.
    assert gap.details["reference"]["accuracy"] == pytest.approx(0.6915, abs=0.025)
    # P(x > x~) of D's logits, x - x~ ~ N(-1, 2): Φ(1/√2) = .7602.
    assert gap.details["reference"]["auc"] == pytest.approx(0.7602, abs=0.025)


def test_at_the_equilibrium_nobody_gains() -> None:
    """m = 0, D = 1/2: any D' loses, any G' changes nothing."""
    gaps = measured(played(Shift(0.0), Logit()))
    for gap in gaps.values():
        # A copy of D wanders off by noise in its gradients: second order, 1e-3 here.
        assert abs(gap.value) < 0.005
    assert gaps["gap_generator"].value == 0.0
    assert "at rest" in gaps["duality_gap"].meaning or gaps["duality_gap"].value < 0.005


def test_a_best_d_gains_nothing() -> None:
    gap = measured(played(Shift(1.0), Logit(-1.0, 0.5)))["gap_discriminator"]
    assert abs(gap.value) < 0.005


def test_the_gap_of_g_for_a_linear_critic_is_the_way_it_went() -> None:
    """D = a x, L_D = E D(G) - E D(x): V falls by a (m' - m), and SGD moves m by lr a a step."""
    own = played(Shift(-2.0), Logit(0.5), objective=Wasserstein(), own=0.01)
    gap = measured(own, DualityGap(steps=100, reference=SGD(0.02)))["gap_generator"]
    assert gap.value == pytest.approx(0.5 * 100 * 0.02 * 0.5, rel=1e-4)
    assert gap.details["own"]["gain"] == pytest.approx(0.5 * 100 * 0.01 * 0.5, rel=1e-4)
    # Every fake moved alike: the gain is the same in all groups.
    assert gap.interval == pytest.approx((gap.value, gap.value), abs=1e-6)


def test_the_gap_is_the_sum_of_its_pieces() -> None:
    gaps = measured(played(Shift(1.0), Logit(-0.3)))
    pieces = gaps["gap_discriminator"].value + gaps["gap_generator"].value
    assert gaps["duality_gap"].value == pytest.approx(pieces, abs=1e-12)


def test_a_starved_d_is_told_from_one_that_is_done() -> None:
    """A learning rate of 1e-6: the reference gains, the run's own does not."""
    gap = measured(played(Shift(1.0), Logit(), own=1e-6))["gap_discriminator"]
    own, reference = gap.details["own"]["gain"], gap.details["reference"]["gain"]
    assert reference > 0.15
    assert own < 0.01
    assert "holds it back" in gap.meaning


def test_the_interval_holds_the_gain_of_the_copy_as_often_as_it_says() -> None:
    """D's optimum against D = 1/2 by its closed form, on fresh held-out samples each time.

    A copy that is at its optimum already stands for one that gained: 200 repeats of what the metric
    does with logits, 95 % ± 4.6 % is 3 standard errors.
    """
    truth, hits = 2 * math.log(2) - 1.1634514, 0
    draw, objective = torch.Generator().manual_seed(3), Minimax()
    for _ in range(200):
        x = torch.randn(400, dtype=torch.float64, generator=draw)
        fake = torch.randn(400, dtype=torch.float64, generator=draw) + 1
        parts = zip((0.5 - x).split(20), (0.5 - fake).split(20), strict=True)
        values = torch.stack([-objective.discriminator(r, f) for r, f in parts])
        interval = interval_of_groups(values + math.log(4))
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    assert 0.904 <= hits / 200 <= 0.996


# What must not change, and what must repeat.


def test_seeds_repeat_and_differ() -> None:
    metric = DualityGap(steps=20, samples=200)
    runs = [
        measured(played(Shift(1.0), Logit()), metric, seed)["duality_gap"].value
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_clone_moves_as_the_run_would_have() -> None:
    """Moments, schedules and scales go with it: one step is the run's next step, to the bit."""
    d = Logit(0.3, -0.2)
    optimizer = Adam(lr=0.01, betas=(0.9, 0.99))
    mover = optimizer.build(list(d.parameters()))
    for g in (1.0, -0.5, 2.0):
        mover.move([torch.tensor(g), torch.tensor(-g)])
    mover.scale = 0.5
    given = replace(
        played(Shift(1.0), d),
        optimizers=Players(optimizer, optimizer),
        updates=Players(0, mover.updates),
        scale=Players(1.0, mover.scale),
        moments=Players({}, {k: v.clone() for k, v in mover.tensors().items()}),
    )
    before = [p.detach().clone() for p in d.parameters()]
    clone = train_clone(given, "discriminator", steps=1, seed=0)
    assert [p.detach() for p in d.parameters()] == before
    gradient = _gradient_of_the_first_step(given)
    mover.move(gradient)
    moved = list(clone.players.discriminator.parameters())
    assert all(torch.equal(a, b) for a, b in zip(d.parameters(), moved, strict=True))


def _gradient_of_the_first_step(given: Played) -> list[Tensor]:
    """By plain backward, on the batch that the clone sees."""
    first = FIRST + int(Stream(0, "metrics/clone/data").integers(1 << 20, 1))
    x, _ = given.train.batch(first, given.batch)
    z = given.prior(given.batch, Stream(0, "metrics/clone/latent").at(0))
    d = given.players.discriminator
    loss = given.game.objective.discriminator(d(x), d(given.players.generator(z).detach()))
    return list(torch.autograd.grad(loss, list(d.parameters())))


def test_a_constraint_holds_for_the_copy() -> None:
    given = replace(
        played(Shift(5.0), Logit(), objective=Wasserstein()), constraint=Clip(bound=0.01)
    )
    clone = train_clone(given, "discriminator", steps=50, seed=0, optimizer=Adam(0.1))
    assert float(clone.players.discriminator.a.detach()) == pytest.approx(-0.01)


def test_an_objective_that_is_no_mean_over_samples_is_taken_by_batches() -> None:
    gaps = measured(
        played(Shift(1.0), Logit(), objective=RelativisticAverage()),
        DualityGap(steps=50, reference=Adam(0.03), samples=1_000),
    )
    assert gaps["gap_discriminator"].value > 0.05


def test_values_are_minus_ds_loss_for_other_objectives() -> None:
    gap = measured(played(Shift(0.0), Logit(0.0, 0.5), objective=LeastSquares()))
    # D = 1/2 everywhere is the best answer to p_g = p_data: 1/4, and no gap.
    assert gap["gap_discriminator"].details["value"] == pytest.approx(-0.25, abs=1e-6)
    assert abs(gap["gap_discriminator"].value) < 0.005


# Edges.


def test_a_copy_that_blows_up_is_said_to() -> None:
    given = played(Shift(1.0), Logit(0.1), objective=LeastSquares(), own=0.05)
    with pytest.raises(InputError, match="smaller learning rate"):
        measured(given, DualityGap(steps=100, reference=SGD(1e6)))


def test_a_game_that_has_blown_up_has_no_gap() -> None:
    with pytest.raises(InputError, match="as it stands"):
        measured(played(Shift(math.nan), Logit()))


def test_without_held_out_samples_it_says_so() -> None:
    train = open_source(torch.randn(300, 1).numpy(), seed=0, device="cpu")
    given = replace(played(Shift(1.0), Logit()), train=train, holdout=None)
    gap = measured(given, DualityGap(steps=5))["duality_gap"]
    assert "no held-out" in gap.notes[0]
    assert gap.n == (250, 250)


def test_needs_the_game() -> None:
    x = torch.randn(20, 1)
    with pytest.raises(Unmeasurable, match="give a run"):
        DualityGap()(compare(x, x + 1))
    with pytest.raises(InputError, match="DualityGap takes"):
        DualityGap(steps=0)


# The pieces.


def test_threshold_is_the_best_line() -> None:
    """Against every line between two scores."""
    draw = torch.Generator().manual_seed(0)
    real, fake = torch.randn(40, generator=draw) + 1, torch.randn(30, generator=draw)
    every = torch.cat([real, fake]).sort().values
    lines = (every[1:] + every[:-1]) / 2
    best = max(balanced_accuracy(real=real, fake=fake, above=float(line)) for line in lines)
    found = balanced_accuracy(real=real, fake=fake, above=threshold(real=real, fake=fake))
    assert found == pytest.approx(best, abs=1e-12)
    same = torch.zeros(5)
    assert balanced_accuracy(real=same, fake=same, above=threshold(real=same, fake=same)) == 0.5


@pytest.mark.parametrize(("freedom", "tolerance"), [(1, 1e-9), (2, 1e-9), (3, 5e-3), (19, 1e-6)])
def test_student_is_scipys(freedom: int, tolerance: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=tolerance)
