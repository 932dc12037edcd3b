"""FLD: fixed mixtures and their fit against independent ones, and what the gap sees."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics import FLD, METRICS, Unmeasurable
from gannets.metrics import mixture as module
from gannets.metrics.estimate import Estimate
from gannets.metrics.features import PCA
from gannets.metrics.mixture import (
    feature_log_likelihood,
    fit_variances,
    mixture_log_likelihood,
)
from gannets.metrics.samples import Samples
from tests.metrics.helpers import compare
from tests.metrics.test_memorisation import digits, generator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def direct(centres: Tensor, log_variances: Tensor, points: Tensor) -> Tensor:
    """The mixture by torch's own distributions, differences and all."""
    scale = (log_variances / 2).exp()[:, None].expand_as(centres)
    parts = torch.distributions.Independent(torch.distributions.Normal(centres, scale), 1)
    weights = torch.distributions.Categorical(torch.ones(len(centres), dtype=torch.float64))
    mixture = torch.distributions.MixtureSameFamily(weights, parts)
    found: Tensor = mixture.log_prob(points)
    return found


def measured(train: Tensor, holdout: Tensor, fake: Tensor, **more: object) -> dict[str, Estimate]:
    metric = more.pop("metric", FLD())
    assert isinstance(metric, FLD)
    comparison = compare(holdout, fake, train=train, holdout=holdout, **more)  # type: ignore[arg-type]
    return {e.key: e for e in metric(comparison)}


# The mixture


def test_fixed_variances_against_torchs_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    centres, points = normal(70, 5) + 1e4, normal(90, 5, seed=1) + 1e4
    s = normal(70, seed=2)
    right = direct(centres, s, points)
    found = mixture_log_likelihood(centres=centres, log_variances=s, points=points)
    # 1e4 squared cancels in |x|² - 2xy + |y|² unless both are centred: to 1e-9 as doubles here.
    torch.testing.assert_close(found, right, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(module, "CACHE", 0)
    monkeypatch.setattr("gannets.metrics.distances.BUDGET", 500)
    again = mixture_log_likelihood(centres=centres, log_variances=s, points=points)
    torch.testing.assert_close(again, found, rtol=1e-12, atol=1e-12)


def test_one_gaussian_has_its_closed_form() -> None:
    """About one centre, with the broad Gaussian far less likely, σ² is the mean square over d."""
    points = 0.1 * normal(400, 6) + torch.eye(6, dtype=torch.float64)[0]
    # Half of the points are 100 away, so that the broad Gaussian is of no use to the rest.
    far = points - 200 * torch.eye(6, dtype=torch.float64)[0]
    centre = torch.eye(6, dtype=torch.float64)[:1]
    s = fit_variances(centres=centre, points=torch.cat([points, far]), epochs=400)
    likely = points - centre
    expected = math.log(float(likely.square().sum(1).mean()) / 6)
    # Adam ends where the loss changes by less than 5e-4 in five epochs.
    assert float(s[0]) == pytest.approx(expected, abs=0.05)
    value = mixture_log_likelihood(centres=centre, log_variances=s, points=points).mean()
    closed = -3 * (math.log(2 * math.pi) + float(s[0])) - float(
        likely.square().sum(1).mean() / (2 * s[0].exp())
    )
    assert float(value) == pytest.approx(closed, rel=1e-10)


def test_gradient_is_autograds() -> None:
    centres, points = normal(30, 4), normal(50, 4, seed=1)
    parameters = normal(31, seed=2).requires_grad_()
    broad = 0.81 * (points - points.mean(0)).square().sum(1)
    d, s = 4, parameters
    e = -0.5 * torch.cdist(points, centres).square() * (-s[:-1]).exp() - d / 2 * s[:-1]
    last = -0.5 * broad * (-s[-1]).exp() - d / 2 * s[-1]
    both = torch.cat([e - math.log(30), last[:, None]], 1).logsumexp(1)
    right = -(both - d / 2 * math.log(2 * math.pi)).mean() / d
    mixture = module._Mixture.of(centres, points)
    loss, gradient = mixture.loss(slice(0, 50), parameters.detach(), broad)
    # Exponents, of up to 100, are in single precision.
    assert loss == pytest.approx(float(right.detach()), rel=1e-5)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(right, parameters)[0], rtol=1e-4, atol=1e-6
    )


def test_fitting_makes_the_fitted_points_likelier() -> None:
    centres, train, new = (normal(150, 3, seed=i) for i in range(3))
    start = fit_variances(centres=centres, points=train, epochs=0)
    before = mixture_log_likelihood(centres=centres, log_variances=start, points=train).mean()
    after = feature_log_likelihood(fake=centres, train=train, points=train).mean()
    assert after > before + 0.5
    # New points of N(0, I) cannot be likelier than under N(0, I), on average: 3 standard errors.
    truth = torch.distributions.Normal(0.0, 1.0).log_prob(new).sum(1)
    value = feature_log_likelihood(fake=centres, train=train, points=new)
    assert value.mean() < truth.mean() + 3 * (value - truth).std() / math.sqrt(150)


def test_mini_batches_and_blocks_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    centres, train = normal(80, 3), normal(400, 3, seed=1)
    whole = fit_variances(centres=centres, points=train)
    batches = fit_variances(centres=centres, points=train, batch=100)
    values = [
        mixture_log_likelihood(centres=centres, log_variances=s, points=train).mean()
        for s in (whole, batches)
    ]
    # Four times the steps: a little further down, by less than 0.1 nats.
    assert float(values[1] - values[0]) == pytest.approx(0, abs=0.1)
    monkeypatch.setattr(module, "CACHE", 0)
    monkeypatch.setattr("gannets.metrics.distances.BUDGET", 800)
    again = fit_variances(centres=centres, points=train)
    # Steps are in single precision, summed in another order.
    torch.testing.assert_close(again, whole, rtol=0, atol=1e-3)


def test_empty_sets_are_refused() -> None:
    x = normal(5, 3)
    with pytest.raises(InputError, match="at least one each"):
        feature_log_likelihood(fake=x[:0], train=x, points=x)


# The metric


@pytest.mark.parametrize(
    ("heavy", "repeats"),
    [
        pytest.param(False, 12, id="Gaussian"),
        pytest.param(False, 60, id="Gaussian, 60", marks=pytest.mark.slow),
        pytest.param(True, 60, id="heavy tails", marks=pytest.mark.slow),
    ],
)
def test_perfect_generators_are_at_the_floor(heavy: bool, repeats: int) -> None:
    """Seeds nothing was looked at: means within 3.5 standard errors of the floors."""
    fld, gap, covered = [], [], 0
    for seed in range(300, 300 + repeats):
        g = torch.Generator().manual_seed(seed)

        def draw(n: int, g: torch.Generator = g) -> Tensor:
            tail = torch.rand(n, 1, generator=g).pow(-0.5).clamp(max=5) if heavy else 1
            return torch.randn(n, 8, generator=g) * tail

        row = measured(draw(200), draw(200), draw(100), seed=seed)
        fld.append(row["fld"].value)
        gap.append(row["fld_gap"].excess or 0.0)
        assert row["fld"].interval is not None
        covered += row["fld"].interval[0] <= 0 <= row["fld"].interval[1]
    for values in map(torch.tensor, (fld, gap)):
        assert abs(float(values.mean())) < 3.5 * float(values.std()) / math.sqrt(repeats)
    # 12 at 95 %: fewer than 9 in 2e-3 of cases; 60: fewer than 51 in 2e-3.
    assert covered >= 0.75 * repeats if repeats < 20 else covered >= 0.85 * repeats


SEEDS = (21, 22, 23)


def rows(name: str, k: int, *, whiten: bool) -> list[dict[str, Estimate]]:
    found = []
    for seed in SEEDS:
        train, holdout, fresh = digits(seed)
        seen = PCA(k, whiten=whiten).build(Samples(holdout), device=torch.device("cpu"))
        fake = generator(name, train, fresh, seed)
        found.append(measured(train, holdout, fake, seed=seed, map=seen))
    return found


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        pytest.param("fresh", "nothing", id="fresh: no gap"),
        pytest.param("gaussian", "no gap", id="Gaussian: off the data, no gap"),
        pytest.param("copies + 0.02", "gap", id="near copies: gap"),
        pytest.param("10 % copies", "gap alone", id="a tenth copies: gap, but no FLD"),
        pytest.param("mixes of two", "gap", id="mixes: gap"),
        pytest.param("train + 0.3", "gap", id="noisy copies: gap, where noise is averaged away"),
    ],
)
def test_the_gap_on_digits(name: str, sees: str) -> None:
    """The lesson of C_T and AuthPct, which noise fools: 16 whitened axes show it to the gap.

    Fresh and noisy copies are told by the mean excess of three seeds: a single one has an error of
    about 1.
    """
    row = rows(name, 16, whiten=True)
    excess = sum(r["fld_gap"].excess or 0.0 for r in row) / len(row)
    fld = sum(r["fld"].value for r in row) / len(row)
    assert (excess > 2.5) == sees.startswith("gap"), excess
    assert (fld > 5) == (sees in ("gap", "no gap")), fld


def test_noise_in_all_axes_hides_copies_from_the_gap() -> None:
    """What it is blind to: noise that is larger, in the features, than samples are apart."""
    for row in rows("train + 0.3", 64, whiten=False):
        assert row["fld_gap"].value < (row["fld_gap"].floor or 0.0) + 2
        assert row["fld"].value > 20


@pytest.mark.parametrize("k", [16, 64])
def test_intervals_of_copies_are_of_use(k: int) -> None:
    """Where likelihoods fall without end, so would the scatter of parts of the samples."""
    for row in rows("copies + 0.02", k, whiten=k == 16):
        for estimate in row.values():
            assert estimate.interval is not None
            low, high = estimate.interval
            if estimate.value > 100:
                assert high - low < estimate.value
                assert any("copies" in note for note in estimate.notes)


def test_copies_have_a_large_gap_and_say_so() -> None:
    train, holdout = normal(200, 5), normal(200, 5, seed=1)
    row = measured(train, holdout, train[:100])
    assert row["fld"].value > 100
    assert row["fld_gap"].value > 500
    assert row["fld_gap"].interval is not None
    assert row["fld_gap"].interval[0] > (row["fld_gap"].floor or 0.0)
    assert "trained on" in row["fld_gap"].meaning
    assert any("copies" in note for note in row["fld"].notes)
    assert all(math.isfinite(e.value) for e in row.values())


def test_worse_samples_have_a_greater_fld() -> None:
    train, holdout = normal(400, 6), normal(400, 6, seed=1)
    values = [
        measured(train, holdout, normal(200, 6, seed=2) * width + shift)["fld"].value
        for width, shift in ((1.0, 0.0), (1.0, 0.5), (1.0, 1.5), (1.0, 4.0))
    ]
    assert values == sorted(values)
    assert values[-1] > 50


def test_samples_at_the_mean_of_one_gaussian_are_the_best() -> None:
    """The blind side: N(0, I) is what the fitted Gaussian about 0 is, and so collapse goes unseen.

    With two modes it is seen: of one of them nothing is near the other.
    """
    train, holdout = normal(400, 6), normal(400, 6, seed=1)
    collapsed = 0.05 * normal(200, 6, seed=2)
    row = measured(train, holdout, collapsed)["fld"]
    assert row.interval is not None
    assert row.interval[1] < 0
    assert "likelier" in row.meaning

    def two(x: Tensor) -> Tensor:
        return x + 8 * (torch.arange(len(x)) % 2)[:, None]

    assert measured(two(train), two(holdout), collapsed)["fld"].value > 20


def test_units_order_and_origin_of_features_do_not_matter() -> None:
    train, holdout, fake = (normal(120, 4, seed=i).float() for i in range(3))
    first = measured(train, holdout, fake)
    again = measured(train.flip(0), holdout.flip(0), fake.flip(0))
    for key, estimate in first.items():
        assert again[key].value == estimate.value
    units = torch.tensor([1e-3, 1.0, 64.0, 1e4])

    def other(x: Tensor) -> Tensor:
        return x.double() * units + 5

    # In other units samples come in another canonical order, and so other halves: features are
    # changed by the map instead, to the same samples.
    map_ = partial(other)
    map_.id, map_.preprocessing, map_.titles = "units", "as given", {}  # type: ignore[attr-defined]
    changed = measured(train, holdout, fake, map=map_)
    for key, estimate in first.items():
        # Adam's path amplifies rounding of single precision: to a thousandth of an interval or so.
        assert changed[key].value == pytest.approx(estimate.value, rel=1e-3, abs=0.01)


@pytest.mark.parametrize(
    ("fake", "seen"),
    [
        pytest.param(normal(2, 4, seed=2), False, id="two fakes"),
        pytest.param(3 * torch.ones(50, 4), True, id="constant fakes"),
        pytest.param(normal(50, 4, seed=2) * 1e6, True, id="fakes far away"),
        pytest.param(normal(50, 1, seed=2).expand(50, 4), False, id="fakes on a line"),
    ],
)
def test_degenerate_fakes_give_numbers(fake: Tensor, seen: bool) -> None:
    """Two samples, and a line through the mean, are too like one Gaussian to be told from it."""
    row = measured(normal(60, 4), normal(60, 4, seed=1), fake.clone())
    assert all(math.isfinite(e.value) for e in row.values())
    assert row["fld"].interval is not None
    assert (row["fld"].interval[0] > 0) == seen


def test_constant_features_and_real_copies() -> None:
    """A feature that never varies changes d and nothing else; one that fakes vary in counts."""
    train, holdout, fake = (normal(100, 3, seed=i) for i in range(3))

    def wider(x: Tensor, last: float = 7.0) -> Tensor:
        return torch.cat([x, torch.full((len(x), 1), last, dtype=x.dtype)], 1)

    row = measured(wider(train), wider(holdout), wider(fake))
    assert all(math.isfinite(e.value) for e in row.values())
    off = measured(wider(train), wider(holdout), wider(fake, 12.0))
    assert off["fld"].value > row["fld"].value + 20
    twice = train[:50].repeat(2, 1)
    row = measured(twice, holdout, fake)
    assert all(math.isfinite(e.value) for e in row.values())


def test_what_cannot_be_measured_is_refused() -> None:
    x, y = normal(100, 3), normal(100, 3, seed=1)
    with pytest.raises(Unmeasurable, match="held-out"):
        FLD()(compare(x, y))
    with pytest.raises(InputError, match="at least 20"):
        measured(x[:19], y, y)
    with pytest.raises(InputError, match="are the same"):
        measured(x, x.clone(), y)
    with pytest.raises(InputError, match="all alike"):
        measured(torch.ones(50, 3), torch.ones(49, 3), y)
    with pytest.raises(InputError, match="most >= 2"):
        FLD(most=1)


def test_what_was_looked_at_is_said() -> None:
    train, holdout, fake = (normal(200, 3, seed=i) for i in range(3))
    row = measured(train, holdout, fake, metric=FLD(most=60))
    assert row["fld"].n == (200, 60)
    assert "60 of 200" in row["fld"].notes[0]
    assert row["fld"].protocol == "FLD(most=60, epochs=50)"
    assert METRICS["fld"] == FLD()
