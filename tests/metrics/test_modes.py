"""Modes of known mixtures and classes of labelled data: counts, ceilings, exact floors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from gannets.metrics.comparison import Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.histograms import Histogram
from gannets.metrics.modes import LabelledModes, Modes, mode_distances
from gannets.theory.densities import Box, Density, Dirac, Grid, Mixture, Normal, Ring
from tests.metrics.helpers import compare
from tests.reference.metrics_modes import mode_table

RING, GRID = Ring(8, sigma=0.01), Grid()


def draw(density: Density, n: int, seed: int) -> Tensor:
    return density.sample(n, torch.Generator().manual_seed(seed))


def measured(density: Density, fake: Tensor, **settings: float) -> dict[str, Estimate]:
    comparison = compare(draw(density, 50, 99), fake, density=density)
    return {e.key: e for e in Modes(**settings)(comparison)}  # type: ignore[arg-type]


@pytest.mark.parametrize("density", [pytest.param(RING, id="ring"), pytest.param(GRID, id="grid")])
def test_what_pacgan_counts(density: Ring | Grid) -> None:
    fake = draw(density, 400, 0)
    fake = torch.cat([fake[fake[:, 0] > 0], fake[:60] + 3 * density.sigma]).float().double()
    found = measured(density, fake)
    modes, quality, kl, counts = mode_table(fake.numpy(), density.modes.numpy(), density.sigma)
    assert found["modes"].value == modes < len(density.modes)
    assert found["high_quality"].value == pytest.approx(quality)
    assert found["mode_kl"].value == pytest.approx(kl)
    assert found["modes"].details["counts"] == counts


def test_scale_is_a_standard_deviation_not_a_variance() -> None:
    """A variance for a width would put the limit at 3 * 0.05² instead of 3 * 0.05."""
    angle = torch.linspace(0, 2 * math.pi, 200)
    circle = GRID.modes[7] + 0.14 * torch.stack([angle.cos(), angle.sin()], 1)
    assert measured(GRID, circle)["high_quality"].value == 1.0
    outside = GRID.modes[7] + 0.16 * torch.stack([angle.cos(), angle.sin()], 1)
    assert measured(GRID, outside)["high_quality"].value == 0.0


def test_the_ceiling_of_two_dimensions() -> None:
    found = measured(GRID, draw(GRID, 2500, 1))
    assert found["high_quality"].floor == pytest.approx(1 - math.exp(-4.5), rel=1e-12)
    assert found["modes"].value == 25
    assert found["modes"].floor == pytest.approx(25, abs=1e-6)


@pytest.mark.parametrize("d", [1, 3, 10])
def test_the_ceiling_of_any_dimension_is_chi_squared(d: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    density = Mixture((Normal((0.0,) * d), Normal((50.0,) * d)))
    found = measured(density, draw(density, 200, 0))
    assert found["high_quality"].floor == pytest.approx(stats.chi2(d).cdf(9), rel=1e-12)


def test_where_modes_overlap_the_ceiling_is_drawn() -> None:
    """One mode counted twice: the nearest of the two is within 3 sigma no more often than one."""
    density = Mixture((Normal((0.0, 0.0)), Normal((1.0, 0.0))))
    found = measured(density, draw(density, 4000, 3))
    ceiling = found["high_quality"].floor
    assert ceiling is not None
    assert ceiling > 1 - math.exp(-4.5)
    assert found["high_quality"].value == pytest.approx(ceiling, abs=0.006)  # 4 standard errors
    p = found["mode_kl"].p
    assert p is not None
    assert p > 0.01


def test_a_component_is_measured_by_its_own_covariance_and_weight() -> None:
    parts = (Normal((0.0, 0.0), std=0.1), Normal((20.0, 0.0), covariance=((4.0, 1.0), (1.0, 1.0))))
    density = Mixture(parts, weights=(3.0, 1.0))
    fake = draw(density, 3000, 0)
    found = measured(density, fake)
    assert found["mode_kl"].details["weights"] == pytest.approx([0.75, 0.25])
    for key in ("high_quality", "mode_kl"):
        assert found[key].p > 0.01, key  # type: ignore[operator]
    offset = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    inverse = np.linalg.inv([[4.0, 1.0], [1.0, 1.0]])
    right = math.sqrt((offset.numpy() @ inverse @ offset.numpy().T).item())
    distance = mode_distances(density, offset + torch.tensor([20.0, 0.0]))
    assert float(distance[0, 1]) == pytest.approx(right)


def test_strays_do_not_capture_a_mode() -> None:
    fake = torch.cat([GRID.modes[0].repeat(500, 1), GRID.modes[3].repeat(19, 1)])
    found = measured(GRID, fake)
    assert (found["modes"].value, found["modes_20"].value) == (2, 1)
    # 519 samples over 25 modes are 20.5 each: a perfect generator has 20 of only some.
    stats = pytest.importorskip("scipy.stats")
    expected = 25 * stats.binom(519, (1 - math.exp(-4.5)) / 25).sf(19)
    assert found["modes_20"].floor == pytest.approx(expected, rel=1e-9)


def test_one_mode_of_k_is_log_k_away() -> None:
    found = measured(RING, RING.modes[:1].repeat(300, 1))
    kl = found["mode_kl"]
    assert kl.value == pytest.approx(math.log(8))
    assert kl.interval is not None
    assert kl.interval[0] < math.log(8) <= kl.interval[1]
    assert kl.p == 1 / 1000
    assert found["modes"].p == pytest.approx(0, abs=1e-9)
    assert kl.details["entropy"] == pytest.approx(0)
    # JSD of (1, 0, ...) and uniform over 8, by hand.
    middle, other = 9 / 16, 1 / 16
    jsd = (math.log(1 / middle) + math.log(1 / 8 / middle) / 8 + 7 / 8 * math.log(2)) / 2
    assert other == 1 / 8 / 2
    assert kl.details["jsd"] == pytest.approx(jsd)


def test_no_sample_near_a_mode() -> None:
    found = measured(RING, torch.full((50, 2), 9.0))
    assert found["modes"].value == 0
    assert found["high_quality"].value == 0
    assert found["mode_kl"].value == math.inf
    assert found["mode_kl"].to_json()["value"] is None


def test_too_narrow_modes_are_not_perfect() -> None:
    fake = RING.modes.repeat(400, 1)
    quality = measured(RING, fake)["high_quality"]
    assert quality.value == 1
    assert quality.better == "near"
    assert quality.p is not None
    assert quality.p < 1e-6
    assert "narrow" in quality.meaning


@pytest.mark.parametrize("n", [30, 200, 2500])
def test_the_floor_of_kl_is_exact(n: int) -> None:
    """Against 4,000 multinomial draws, within 4 standard errors of their mean."""
    weights = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.05, 0.05], dtype=torch.float64)
    rng = np.random.default_rng(0)
    drawn = torch.from_numpy(rng.multinomial(n, weights.numpy(), size=4000))
    values = torch.tensor([Histogram(c, weights).kl for c in drawn])
    floor = Histogram(drawn[0], weights).floor
    assert floor == pytest.approx(float(values.mean()), abs=4 * float(values.std()) / 4000**0.5)
    if n == 2500:
        assert floor == pytest.approx(5 / (2 * n), rel=0.01)


def test_p_values_are_uniform_for_a_perfect_generator() -> None:
    """100 perfect samples: at 5 %, 0 to 11 rejections (binomial, 99.7 %), for KL and quality."""
    rejected = {"mode_kl": 0, "high_quality": 0, "modes": 0}
    inside = 0
    for seed in range(100):
        found = measured(RING, draw(RING, 400, 1000 + seed))
        for key in rejected:
            p = found[key].p
            assert p is not None
            rejected[key] += p < 0.05
        kl = found["mode_kl"]
        assert kl.interval is not None
        assert kl.floor is not None
        inside += kl.interval[0] <= kl.floor <= kl.interval[1]
    assert max(rejected.values()) <= 11, rejected
    assert rejected["mode_kl"] >= 1
    assert inside >= 88


def test_the_interval_of_kl_covers_what_it_estimates() -> None:
    """200 samples of an uneven law: its mean KL at this n is covered 90 to 100 % of the time."""
    weights = torch.full((8,), 1 / 8, dtype=torch.float64)
    law = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.04, 0.01])
    rng = np.random.default_rng(1)
    found = [Histogram(torch.from_numpy(c), weights) for c in rng.multinomial(500, law, size=200)]
    mean = float(np.mean([h.kl for h in found]))
    covered = sum(h.interval[0] <= mean <= h.interval[1] for h in found)
    assert 180 <= covered <= 200


@pytest.mark.parametrize(
    ("density", "words"),
    [
        pytest.param(None, "known", id="no density"),
        pytest.param(Box((0.0, 0.0), (1.0, 1.0)), "no modes", id="box"),
        pytest.param(Dirac((0.0, 0.0)), "no width", id="dirac"),
        pytest.param(Normal((0.0, 0.0, 0.0)), "3 dimensions", id="dimension"),
    ],
)
def test_what_has_no_modes_is_said(density: Density | None, words: str) -> None:
    with pytest.raises(Unmeasurable, match=words):
        Modes()(compare(torch.rand(9, 2), torch.rand(9, 2), density=density))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="positive"):
        Modes(within=0.0)


@dataclass(frozen=True)
class FirstNumber:
    """The class is written in the first number."""

    classes: int = 4
    id: str = "first"

    def probabilities(self, x: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(x.flatten(1)[:, 0].long(), self.classes).float()


def labelled(y: list[int], seed: int = 0) -> Tensor:
    noise = torch.rand(len(y), 1, generator=torch.Generator().manual_seed(seed))
    return torch.cat([torch.tensor(y)[:, None].float(), noise], 1)


def test_missing_classes_are_named() -> None:
    real, fake = labelled([0, 1, 2] * 40), labelled([0] * 50 + [2] * 70, seed=1)
    found = {e.key: e for e in LabelledModes()(compare(real, fake, classifier=FirstNumber()))}
    classes, kl = found["classes"], found["class_kl"]
    assert (classes.value, classes.name) == (2, "classes of 3[first]")
    assert classes.details["missing"] == [1]
    assert "class 1" in classes.meaning
    weights = np.array([40.5, 40.5, 40.5, 0.5]) / 122
    shares = np.array([50, 0, 70, 0]) / 120
    right = sum(s * math.log(s / w) for s, w in zip(shares, weights, strict=True) if s)
    assert kl.value == pytest.approx(right)
    assert kl.p == 1 / 1000


def test_a_class_that_the_data_lack_costs_no_infinity() -> None:
    found = LabelledModes()(
        compare(labelled([0, 1] * 40), labelled([3] * 30, seed=1), classifier=FirstNumber())
    )
    assert math.isfinite(found[1].value)


def test_class_p_values_are_uniform_for_a_perfect_generator() -> None:
    """200 pairs of equal laws: at 5 %, 1 to 20 rejections (binomial, 99.8 %)."""
    rng = np.random.default_rng(0)
    rejected = 0
    for seed in range(200):
        y = rng.choice(4, size=160, p=[0.4, 0.3, 0.2, 0.1]).tolist()
        comparison = compare(
            labelled(y[:100], seed), labelled(y[100:], 1000 + seed), classifier=FirstNumber()
        )
        p = LabelledModes()(comparison)[1].p
        assert p is not None
        rejected += p < 0.05
    assert 1 <= rejected <= 20


def test_classes_need_a_classifier() -> None:
    with pytest.raises(Unmeasurable, match="classifier"):
        LabelledModes()(compare(torch.rand(9, 2), torch.rand(9, 2)))
