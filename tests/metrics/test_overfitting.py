"""The AUC of D(train) against D(held out), on scores and on players that are known."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gannets.data import Arrays, Source, open_source
from gannets.errors import InputError
from gannets.game import Game, Gaussian, Joint, Marginal, Packed, Players
from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.overfitting import DiscriminatorAUC, auc_interval, mann_whitney
from gannets.metrics.played import Played
from gannets.objectives import NonSaturating
from gannets.theory import Ring
from gannets.updates import Adam
from tests.metrics.helpers import compare

# The pure functions.


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [False, True], ids=["no ties", "ties"])
def test_mann_whitney_is_scipys(seed: int, ties: bool) -> None:
    stats = pytest.importorskip("scipy.stats")
    draw = torch.Generator().manual_seed(seed)
    a = torch.randn(40, generator=draw) + 0.2 * seed
    b = torch.randn(25, generator=draw)
    if ties:
        a, b = (2 * a).round(), (2 * b).round()
    expected = stats.mannwhitneyu(a.double(), b.double(), method="asymptotic")
    auc, p = mann_whitney(above=a, below=b)
    assert auc == pytest.approx(expected.statistic / (40 * 25), abs=1e-12)
    assert p == pytest.approx(expected.pvalue, rel=1e-9)


def test_mann_whitney_counts_pairs() -> None:
    """By its definition, all pairs one by one."""
    a, b = torch.randn(30).round(decimals=1), torch.randn(20).round(decimals=1)
    wins = sum(float(x > y) + float(x == y) / 2 for x in a for y in b)
    assert mann_whitney(above=a, below=b)[0] == pytest.approx(wins / 600, abs=1e-12)


def test_mann_whitney_at_the_edges() -> None:
    low, high = torch.zeros(20), torch.ones(30)
    assert mann_whitney(above=high, below=low)[0] == 1.0
    assert mann_whitney(above=low, below=high)[0] == 0.0
    assert mann_whitney(above=low, below=low) == (0.5, 1.0)
    with pytest.raises(InputError, match="too few"):
        mann_whitney(above=low[:2], below=high)
    with pytest.raises(InputError, match="rank"):
        mann_whitney(above=low / 0, below=high)


def test_the_p_value_is_calibrated() -> None:
    """600 repeats of no difference: 5 % rejected, ± 2.7 % is 3 standard errors."""
    draw = torch.Generator().manual_seed(5)
    rejected = sum(
        mann_whitney(above=torch.randn(60, generator=draw), below=torch.randn(60, generator=draw))[
            1
        ]
        < 0.05
        for _ in range(600)
    )
    assert 0.023 <= rejected / 600 <= 0.077


@pytest.mark.parametrize(("shift", "most"), [(0.0, 0.988), (0.7, 0.988), (2.0, 1.0)])
def test_the_interval_holds_the_auc_as_often_as_it_says(shift: float, most: float) -> None:
    """Normal scores, AUC = Φ(shift/√2); 300 repeats: 95 % ± 3.8 % is 3 standard errors.

    For an AUC near 1 the interval is wider than it need be (Newcombe 2006, table II): .92 here.
    """
    draw = torch.Generator().manual_seed(7)
    truth = 0.5 * (1 + float(torch.erf(torch.tensor(shift / 2))))
    hits = 0
    for _ in range(300):
        a, b = torch.randn(2, 50, generator=draw)
        low, high = auc_interval(mann_whitney(above=a + shift, below=b)[0], 50, 50)
        hits += low <= truth <= high
    assert 0.912 <= hits / 300 <= most


def test_the_interval_is_sensible_at_the_edges() -> None:
    low, high = auc_interval(1.0, 100, 100)
    assert 0.9 < low < 0.999
    assert high == 1.0
    assert auc_interval(0.0, 100, 100) == pytest.approx((1 - high, 1 - low))
    low, high = auc_interval(0.5, 100, 100)
    assert low == pytest.approx(1 - high)
    # At 1/2 Hanley and McNeil's V is near (1 + 2n/3 ...)/12n: ± .08.
    assert 0.41 < low < 0.43


# On players.


class Table(nn.Module):
    """A D that knows its training samples by heart: `bonus` for each that it finds in them."""

    def __init__(self, known: Tensor, bonus: float, noise: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("known", known)
        self.bonus, self.noise = bonus, noise

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        found = (x[:, None] == self.known[None, :, : x.shape[1]]).all(2).any(1)
        # What looks random, but is a function of the sample.
        score = torch.sin(1e4 * x.double().sum(1)).float()
        return self.noise * score + self.bonus * found


def sources(n: int, *, seed: int = 0) -> tuple[Source, Source]:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((2, n, 3)).astype(np.float32)
    train, holdout = (open_source(Arrays(each), seed=0, device="cpu") for each in rows)
    return train, holdout


def played(
    discriminator: nn.Module, train: Source, holdout: Source | None, *, joint: Joint | None = None
) -> Played:
    return Played(
        players=Players(nn.Linear(2, 3), discriminator),
        game=Game(NonSaturating()),
        joint=joint or Marginal(),
        prior=Gaussian(2),
        optimizers=Players(Adam(), Adam()),
        train=train,
        holdout=holdout,
        batch=16,
    )


def measured(given: Played, **fields: int) -> Estimate:
    x = torch.randn(20, 3)
    (estimate,) = DiscriminatorAUC(**fields)(compare(x, x + 1, played=given))
    return estimate


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_d_that_knows_no_sample_has_an_auc_of_a_half(seed: int) -> None:
    train, holdout = sources(400, seed=seed)
    estimate = measured(played(Table(train.all()[0], 0.0), train, holdout))
    assert estimate.interval is not None
    assert estimate.interval[0] <= 0.5 <= estimate.interval[1]
    assert (estimate.floor, estimate.better) == (0.5, "near")
    assert estimate.p is not None
    assert estimate.p > 0.01


def test_a_d_that_knows_all_samples_by_heart_is_found() -> None:
    train, holdout = sources(400)
    estimate = measured(played(Table(train.all()[0], 10.0), train, holdout))
    assert estimate.value == 1.0
    assert estimate.p is not None
    assert estimate.p < 1e-50
    assert "by heart" in estimate.meaning
    # Held-out samples are judged as fakes are: r_v is 1, every sign of a training sample is 1.
    assert estimate.details["r_v"] == pytest.approx(1.0, abs=0.02)
    assert estimate.details["r_t"] == 1.0


def test_a_bonus_of_half_the_spread_is_found_as_often_as_it_wins() -> None:
    """Scores are arcsine on (-1, 1); a bonus of 1 wins by the share of pairs, counted by force."""
    train, holdout = sources(400)
    estimate = measured(played(Table(train.all()[0], 1.0), train, holdout))
    angle = torch.rand(2, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, b = torch.sin(2 * torch.pi * angle)
    truth = float((a[:, None] + 1 > b[None, :]).double().mean())
    assert estimate.interval is not None
    assert estimate.interval[0] - 0.02 < truth < estimate.interval[1] + 0.02


def test_it_does_not_depend_on_the_scale_of_logits() -> None:
    train, holdout = sources(200)
    values = [
        measured(played(Table(train.all()[0], 0.5 * k, k), train, holdout)).value
        for k in (1.0, 1000.0)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-3)


def test_the_smaller_side_sets_how_many() -> None:
    train, _ = sources(400)
    _, holdout = sources(100)
    given = played(Table(train.all()[0], 0.0), train, holdout)
    assert measured(given).n == (96, 96)  # whole batches of 16
    fewer = measured(given, samples=50)
    assert fewer.n == (48, 48)
    assert "48 of 100" in fewer.notes[0]


def test_dropout_is_off_and_the_runs_own_d_stays_as_it_is() -> None:
    train, holdout = sources(100)
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
    net.append(nn.Flatten(0))
    before, mode = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    values = [measured(played(net, train, holdout)).value for _ in range(2)]
    assert values[0] == values[1]
    assert all(
        torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True)
    )
    assert mode == [m.training for m in net.modules()]


def test_packs_are_judged_as_packs() -> None:
    train, holdout = sources(200)
    net = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0))
    estimate = measured(played(net, train, holdout, joint=Packed(2)))
    assert estimate.n == (96, 96)


def test_what_is_missing_is_said() -> None:
    train, _ = sources(40)
    metric, x = DiscriminatorAUC(), torch.randn(20, 3)
    with pytest.raises(Unmeasurable, match="give a run"):
        metric(compare(x, x + 1))
    with pytest.raises(Unmeasurable, match="held-out"):
        metric(compare(x, x + 1, played=played(nn.Identity(), train, None)))
    endless = open_source(Ring(), seed=0, device="cpu")
    with pytest.raises(Unmeasurable, match="afresh"):
        metric(compare(x, x + 1, played=played(nn.Identity(), endless, endless)))
