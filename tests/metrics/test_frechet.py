"""Fréchet's distance against closed forms, other routes, and what is known of its scatter."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics import frechet
from gannets.metrics.estimate import Estimate
from gannets.metrics.frechet import (
    Frechet,
    frechet_distance,
    frechet_floor,
    frechet_of_moments,
)
from gannets.metrics.frechet_infinity import FrechetInfinity
from gannets.metrics.frechet_null import permutation_test, split_floor
from gannets.metrics.moments import SampleMoments
from gannets.theory.gaussians import Moments
from gannets.theory.gaussians import frechet as exact_frechet
from tests.metrics.helpers import compare
from tests.reference.metrics_frechet import frechet_sqrtm, one_sided_infinity


def normal(n: int, d: int, *, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_sample(covariance: Tensor, mean: Tensor, *, n: int, seed: int) -> Tensor:
    """Rows whose sample mean and covariance are those given."""
    x = normal(n, len(mean), seed=seed)
    x = torch.linalg.qr(x - x.mean(0)).Q * math.sqrt(n - 1)
    values, vectors = torch.linalg.eigh(covariance)
    return x @ (vectors * values.clamp(min=0).sqrt()).T + mean


def measure(
    real: Tensor, fake: Tensor, *, seed: int = 0, metric: Frechet | None = None
) -> Estimate:
    (estimate,) = (metric or Frechet())(compare(real, fake, seed=seed))
    return estimate


# The distance.


def test_one_dimension() -> None:
    """(μ₁ - μ₂)² + (σ₁ - σ₂)²."""
    real, fake = normal(50, 1, seed=0), normal(70, 1, seed=1) * 3 + 2
    expected = (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2
    assert frechet_distance(real=real, fake=fake) == pytest.approx(float(expected), rel=1e-12)


def test_isotropic_gaussians() -> None:
    """|Δ|² + d (σ₁ - σ₂)²."""
    eye, mean = torch.eye(6).double(), torch.arange(6.0).double()
    real = exact_sample(4 * eye, mean, n=40, seed=0)
    fake = exact_sample(0.25 * eye, -mean, n=30, seed=1)
    expected = 4 * float(mean @ mean) + 6 * 1.5**2
    assert frechet_distance(real=real, fake=fake) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_commuting_covariances(rank: int) -> None:
    """Σ (√a - √b)², eigenvalues from 1e-6 to 1, of full rank (12) and less.

    An error of 1e-12 of the trace is hundreds of roundings; the root of a product of covariances
    is off by 1e-8 of it where rank < 12.
    """
    a = torch.logspace(-6, 0, rank, dtype=torch.float64)
    b = a.flip(0)
    basis = torch.linalg.qr(normal(12, rank, seed=3)).Q
    x = normal(60, rank, seed=4)
    x = torch.linalg.qr(x - x.mean(0)).Q * math.sqrt(59)
    real, fake = (x * a.sqrt()) @ basis.T, (x * b.sqrt()) @ basis.T
    expected = float((a.sqrt() - b.sqrt()).square().sum())
    assert frechet_distance(real=real, fake=fake) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [4, 9, 40])
@pytest.mark.parametrize("d", [2, 8, 20])
def test_agrees_with_sqrtm_and_with_procrustes(n: int, d: int) -> None:
    """SciPy's root of a singular product is exact to about 1e-7; Procrustes' form to rounding."""
    real, fake = normal(n, d, seed=5), normal(n + 3, d, seed=6) * 1.5 + 0.3
    mine = frechet_distance(real=real, fake=fake)
    oracle = float(exact_frechet(Moments.of(real), Moments.of(fake)))
    assert mine == pytest.approx(oracle, rel=1e-9)
    moments = frechet_of_moments(real=SampleMoments.of(real), fake=SampleMoments.of(fake))
    assert moments == pytest.approx(oracle, rel=1e-7)
    if n > d:
        assert mine == pytest.approx(frechet_sqrtm(real, fake), rel=1e-9)


@pytest.mark.parametrize("n", [10, 100], ids=["n<d", "n>d"])
def test_rotation_translation_scale_and_order(n: int) -> None:
    real, fake = normal(n, 16, seed=7), normal(n, 16, seed=8) * 1.2 + 0.1
    value = frechet_distance(real=real, fake=fake)
    turn = torch.linalg.qr(normal(16, 16, seed=9)).Q
    order = torch.randperm(n)
    assert frechet_distance(real=real @ turn, fake=fake @ turn) == pytest.approx(value, rel=1e-12)
    assert frechet_distance(real=real[order], fake=fake) == pytest.approx(value, rel=1e-12)
    assert frechet_distance(real=fake, fake=real) == pytest.approx(value, rel=1e-12)
    assert frechet_distance(real=3 * real, fake=3 * fake) == pytest.approx(9 * value, rel=1e-12)
    # At 1e7 the rows are rounded to 1e-9 themselves.
    far = frechet_distance(real=real + 1e7, fake=fake + 1e7)
    assert far == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_identical_sets_are_at_zero_exactly(n: int) -> None:
    x = normal(n, 16, seed=10)
    assert frechet_distance(real=x, fake=x.clone()) == 0.0
    assert 0 <= frechet_distance(real=x, fake=x.flip(0)) < 1e-12


def test_constant_rank_one_and_two_rows() -> None:
    """Points: |Δ|². A segment against a point: |Δ|² + its variance. Two rows: rank one."""
    zero, one = torch.zeros(5, 3), torch.ones(4, 3)
    assert frechet_distance(real=zero, fake=zero) == 0.0
    assert frechet_distance(real=zero, fake=one) == 3.0
    direction = torch.tensor([[1.0, 2.0, 2.0]]).double()
    line = normal(30, 1, seed=11) * direction
    expected = 9 * float((line[:, 0]).var()) + float(line.mean(0).square().sum())
    assert frechet_distance(real=line, fake=zero) == pytest.approx(expected, rel=1e-12)
    two, other = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    # Means (1, 0) and (0, 1); variances 2 and 2 in orthogonal directions.
    assert frechet_distance(real=two, fake=other) == pytest.approx(2 + 4, rel=1e-12)


@pytest.mark.parametrize("singular", [False, True])
def test_the_route_for_many_features(singular: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cholesky and the Gram matrix where they are exact; QR and singular values where not."""
    real, fake = normal(100, 24, seed=12), normal(90, 24, seed=13) * 1.1
    if singular:
        real[:, 0] = real[:, 1]
        fake[:, 2] = 0
    expected = frechet_distance(real=real, fake=fake)
    monkeypatch.setattr(frechet, "LARGE", 8)
    assert frechet_distance(real=real, fake=fake) == pytest.approx(expected, rel=1e-9)


def test_what_has_no_distance_is_refused() -> None:
    x = normal(5, 3, seed=14)
    with pytest.raises(InputError, match="at least 2 fake samples, not 1"):
        frechet_distance(real=x, fake=x[:1])
    with pytest.raises(InputError, match="of 3 and of 2 numbers"):
        frechet_of_moments(real=SampleMoments.of(x), fake=SampleMoments.of(x[:, :2]))
    with pytest.raises(InputError, match="fake features hold NaN"):
        frechet_distance(real=x, fake=x * torch.nan)
    with pytest.raises(InputError, match="splits >= 4"):
        Frechet(splits=1)
    with pytest.raises(InputError, match="different numbers of parts"):
        FrechetInfinity(parts=(2, 2))


# The floor.


def spectra(name: str, d: int) -> Tensor:
    steps = torch.arange(1, d + 1, dtype=torch.float64)
    return {"white": steps**0, "power": steps**-0.5}[name]


@pytest.mark.parametrize("law", ["white", "power"])
@pytest.mark.parametrize("d", [16, 64])
def test_closed_floor_is_the_mean_of_many(law: str, d: int) -> None:
    """60 pairs of 400 and 800 Gaussian rows.

    A pair's FD scatters by 4-17 % of its mean, the mean of 60 by 2 % at most; the terms of order
    1/n² that are left out are some 4 % at n = 400, d = 64. So 8 % at d = 16, 6 % at d = 64.
    """
    scale = spectra(law, d)
    values = [
        frechet_distance(
            real=normal(400, d, seed=2 * i) * scale, fake=normal(800, d, seed=2 * i + 1) * scale
        )
        for i in range(60)
    ]
    floor = frechet_floor(torch.diag(scale**2), n_real=400, n_fake=800)
    if law == "white":
        expected = (1 / 400 + 1 / 800) * (2 * d + d * (d + 1) / 2) / 2
        assert floor == pytest.approx(expected, rel=1e-12)
    assert sum(values) / 60 == pytest.approx(floor, rel=0.08 if d == 16 else 0.06)


def mixture(n: int, d: int, *, seed: int) -> Tensor:
    """Eight tight modes: the Gaussian closed form is 10-20 % off."""
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * normal(8, d, seed=99)
    return centres[torch.randint(8, (n,), generator=generator)] + 0.3 * normal(n, d, seed=seed)


@pytest.mark.parametrize(
    ("n_real", "n_fake", "d"),
    [
        pytest.param(1000, 1000, 16, id="equal"),
        pytest.param(1500, 150, 16, id="unequal"),
        pytest.param(150, 1500, 16, id="unequal the other way"),
        pytest.param(100, 100, 64, id="n<2d"),
        pytest.param(60, 60, 128, id="n<d"),
    ],
)
def test_split_floor_is_the_mean_of_many(n_real: int, n_fake: int, d: int) -> None:
    """The mean of 12 sets' floors against that of 60 pairs, each with an error of 2 % or less.

    Below 1.5 d samples the floor is extrapolated, which is good to about 10 %.
    """
    scale = spectra("power", d)
    truth = [
        frechet_distance(
            real=normal(n_real, d, seed=i) * scale, fake=normal(n_fake, d, seed=1000 + i) * scale
        )
        for i in range(60)
    ]
    floors = [
        split_floor(
            normal(n_real, d, seed=2000 + i) * scale,
            n=(n_real, n_fake),
            draws=40,
            stream=Stream(i, "floor"),
        ).mean
        for i in range(12)
    ]
    mean = sum(truth) / len(truth)
    tolerance = 0.15 if min(n_real, n_fake) < d else 0.1
    assert sum(floors) / len(floors) == pytest.approx(mean, rel=tolerance)


def test_floor_is_that_of_the_data_however_bad_the_generator() -> None:
    real = normal(500, 4, seed=20)
    near, far = normal(500, 4, seed=21), 100 * normal(500, 4, seed=22) + 50
    assert measure(real, near).floor == measure(real, far).floor


# The interval and p.


def coverage(
    law: Callable[[int], Tensor], change: Callable[[Tensor], Tensor], repeats: int
) -> float:
    """How often the interval holds the mean of FD over all repeats."""
    values, intervals = [], []
    for i in range(repeats):
        estimate = measure(
            law(2 * i), change(law(2 * i + 1)), metric=Frechet(splits=30, permutations=0)
        )
        assert estimate.interval is not None
        values.append(estimate.value)
        intervals.append(estimate.interval)
    mean = sum(values) / repeats
    return sum(low <= mean <= high for low, high in intervals) / repeats


CHANGES = {
    "null": lambda x: x,
    "near": lambda x: 1.03 * x + 0.05,
    "far": lambda x: 1.2 * x + 0.3,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("n", "d"), [pytest.param(300, 2, id="2-d"), pytest.param(300, 16, id="16-d")]
)
def test_interval_covers_the_mean(n: int, d: int, change: str) -> None:
    """100 repeats at 95 %: the standard error of a share is 2.2 %; 88 % is 3 of them."""
    assert coverage(lambda i: normal(n, d, seed=7000 + i), CHANGES[change], 100) >= 0.88


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("law", ["white", "power", "mixture"])
@pytest.mark.parametrize(
    ("n", "d"),
    [(500, 1), (500, 2), (300, 16), (1000, 64), (100, 64), (60, 128)],
    ids=lambda value: str(value),
)
def test_interval_covers_the_mean_everywhere(n: int, d: int, law: str, change: str) -> None:
    """400 repeats: the standard error of a share is 1.1 %."""

    def draw(i: int) -> Tensor:
        if law == "mixture":
            return mixture(n, d, seed=50_000 + i)
        return normal(n, d, seed=50_000 + i) * spectra(law, d)

    assert 0.90 <= coverage(draw, CHANGES[change], 400) <= 0.998


@pytest.mark.parametrize(
    ("n", "m", "d"),
    [
        pytest.param(100, 100, 3, id="blocks"),
        pytest.param(400, 130, 3, id="unequal blocks"),
        pytest.param(10, 12, 15, id="rows"),
    ],
)
def test_p_is_uniform_under_the_null(n: int, m: int, d: int) -> None:
    """200 repeats of 19 exchanges: P(p <= 0.05) = 0.05 and P(p <= 0.5) = 0.5 exactly.

    Their standard errors are 1.5 % and 3.5 %: some 3 of each.
    """
    p = []
    for i in range(200):
        real, fake = mixture(n, d, seed=2 * i), mixture(m, d, seed=2 * i + 1)
        p.append(permutation_test(real, fake, draws=19, stream=Stream(i, "p")))
    given = torch.tensor([each for each in p if each is not None])
    assert len(given) == 200
    assert float((given <= 0.05).double().mean()) == pytest.approx(0.05, abs=0.05)
    assert float((given <= 0.5).double().mean()) == pytest.approx(0.5, abs=0.11)


def test_p_and_z_see_a_shift() -> None:
    estimate = measure(normal(1000, 8, seed=30), normal(1000, 8, seed=31) + 0.2)
    assert estimate.p == 1 / 200
    assert estimate.details["z"] > 5
    assert estimate.details["mean_part"] == pytest.approx(8 * 0.04, rel=0.5)
    assert "differs from p_data" in estimate.meaning


def test_p_is_valid_where_samples_repeat() -> None:
    """Equal rows come together in the canonical order; blocks of them would be no random parts."""
    p = []
    for i in range(120):
        generator = torch.Generator().manual_seed(i)
        rows = torch.randint(4, (2, 400), generator=generator)
        table = torch.eye(4)[:, :3]
        p.append(measure(table[rows[0]], table[rows[1]], metric=Frechet(4, 19), seed=i).p or 0.0)
    # P(p <= 0.05) = 0.05: 120 repeats have a standard error of 2 %.
    assert sum(each <= 0.05 for each in p) / 120 <= 0.12


# The metric.


def test_identical_sets() -> None:
    x = normal(300, 4, seed=40)
    estimate = measure(x, x.clone())
    assert estimate.value == 0.0
    assert estimate.floor is not None
    assert estimate.floor > 0
    assert estimate.p == 1.0
    assert estimate.notes == ("Both sets are the same samples.",)
    assert "the same" in estimate.meaning


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        pytest.param(torch.zeros(50, 3), torch.zeros(50, 3), id="constant, equal"),
        pytest.param(torch.zeros(200, 3), torch.ones(100, 3), id="constant, apart"),
        pytest.param(torch.zeros(200, 3), normal(200, 3, seed=71), id="constant against normal"),
        pytest.param(normal(200, 3, seed=72), torch.zeros(200, 3), id="collapsed"),
        pytest.param(normal(2, 3, seed=73), normal(2, 3, seed=74), id="two rows"),
        pytest.param(normal(2, 3, seed=75), normal(500, 3, seed=76), id="two against many"),
        pytest.param(normal(3, 1, seed=77), normal(5, 1, seed=78), id="three rows of one"),
        pytest.param(
            normal(300, 1, seed=79) * torch.ones(1, 5), normal(300, 5, seed=80), id="rank one"
        ),
        pytest.param(normal(7, 40, seed=81), normal(9, 40, seed=82), id="n<d"),
        pytest.param(1e-18 * normal(200, 2, seed=83), 1e-18 * normal(200, 2, seed=84), id="tiny"),
        pytest.param(1e15 * normal(200, 2, seed=85), 1e15 * normal(200, 2, seed=86), id="huge"),
    ],
)
def test_degenerate_sets_give_numbers(real: Tensor, fake: Tensor) -> None:
    estimate = measure(real, fake)
    low, high = estimate.interval or (math.nan, math.nan)
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert 0 <= low <= estimate.value <= high
    assert estimate.floor is not None
    assert math.isfinite(estimate.floor)
    assert estimate.floor >= 0
    expected = frechet_distance(real=real.float(), fake=fake.float())
    assert estimate.value == pytest.approx(expected, rel=1e-9)
    assert estimate.better == "lower"
    assert estimate.to_json()["key"] == "fd"


def test_few_samples_are_warned_of() -> None:
    estimate = measure(normal(50, 40, seed=41), normal(60, 40, seed=42))
    assert "50 samples are few for 40 features" in estimate.notes[0]
    assert measure(normal(90, 40, seed=41), normal(80, 40, seed=42)).notes == ()


def test_order_of_samples_does_not_matter() -> None:
    real, fake = normal(300, 4, seed=43), normal(200, 4, seed=44)
    first = measure(real, fake)
    second = measure(real.flip(0), fake[torch.randperm(200)])
    assert first.to_json() == second.to_json()


# Both sides extrapolated.


def infinity(real: Tensor, fake: Tensor) -> Estimate:
    (estimate,) = FrechetInfinity(splits=20)(compare(real, fake))
    return estimate


def test_infinity_is_not_biased_as_the_one_sided_extrapolation_is() -> None:
    """d = 64, n = 4,000 on both sides, FD = 0.16 between the laws.

    One value scatters by 0.025; the one-sided end keeps 0.28 of the reference's own error.
    """
    real, fake = normal(4000, 64, seed=50), normal(4000, 64, seed=51)
    fake[:, 0] += 0.4
    raw = frechet_distance(real=real, fake=fake)
    estimate = infinity(real, fake)
    assert raw > 0.6
    assert one_sided_infinity(real, fake, points=8, least=1000) > 0.35
    assert estimate.value == pytest.approx(0.16, abs=0.08)
    assert estimate.interval is not None
    assert estimate.interval[0] < 0.16 < estimate.interval[1]
    assert estimate.details["fd"] == pytest.approx(raw, rel=1e-6)
    # b = c = d + d (d + 1)/4 for white features, to 1/n.
    assert estimate.details["slope_fake"] == pytest.approx(64 + 16 * 65, rel=0.15)


@pytest.mark.parametrize(
    ("shift", "m"), [pytest.param(0.0, 600, id="null"), pytest.param(0.4, 1000, id="shifted")]
)
def test_infinity_has_no_bias_and_its_interval_covers(shift: float, m: int) -> None:
    """60 repeats: the mean within 4 standard errors, plus 1 % of the floor for terms in 1/n²;
    coverage within 3 of its standard errors of 2.8 % from 95 %."""
    values, inside = [], 0
    for i in range(60):
        real, fake = normal(1000, 16, seed=9000 + 2 * i), normal(m, 16, seed=9001 + 2 * i)
        fake[:, 0] += shift
        estimate = infinity(real, fake)
        low, high = estimate.interval or (1.0, 0.0)
        inside += low <= shift**2 <= high
        values.append(estimate.value)
    mean = torch.tensor(values).mean()
    error = float(torch.tensor(values).std()) / 60**0.5
    assert float(mean) == pytest.approx(shift**2, abs=4 * error + 0.003)
    assert inside >= 52


def test_infinity_warns_of_small_parts_and_refuses_tiny_sets() -> None:
    estimate = infinity(normal(120, 16, seed=60), normal(120, 16, seed=61))
    assert "smallest parts have 30 samples for 16 features" in estimate.notes[0]
    with pytest.raises(InputError, match="at least 8 samples a side"):
        infinity(normal(7, 2, seed=60), normal(120, 2, seed=61))


@pytest.mark.parametrize(("n", "d"), [(100, 256), (300, 8)], ids=["n<d", "n>d"])
def test_nothing_is_said_against_a_perfect_generator(n: int, d: int) -> None:
    """12 pairs: the chance of 4 or more false alarms at 5 % is 0.2 %."""
    said = [
        measure(normal(n, d, seed=2 * i), normal(n, d, seed=2 * i + 1), metric=Frechet(20, 39))
        for i in range(12)
    ]
    assert sum("differs" in each.meaning for each in said) <= 3
