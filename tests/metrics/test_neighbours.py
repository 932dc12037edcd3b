"""Precision, recall, density, coverage and the 1-NN test."""

from __future__ import annotations

import contextlib
import io
import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.estimate import Estimate
from gannets.metrics.neighbours import (
    PRDC,
    OneNearestNeighbour,
    coverage_floor,
    one_nn_accuracy,
    prdc,
    precision_floor,
)
from tests.metrics.helpers import compare
from tests.reference import metrics_neighbours as slow


def normal(n: int, d: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def measured(real: Tensor, fake: Tensor, k: int = 5, seed: int = 0) -> dict[str, Estimate]:
    return {e.key: e for e in PRDC(k=k)(compare(real, fake, seed=seed))}


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        pytest.param(normal(40), normal(33, seed=1) * 0.7 + 0.3, id="continuous"),
        # Integer points: ties everywhere, distances exact.
        pytest.param(
            (normal(40, 2) * 2).round(), (normal(33, 2, seed=1) * 2).round(), id="lattice"
        ),
        pytest.param(normal(20).repeat(2, 1), normal(20)[:11].repeat(3, 1), id="duplicates"),
        pytest.param(torch.zeros(12, 3).double(), torch.zeros(9, 3).double(), id="one_point"),
    ],
)
@pytest.mark.parametrize("k", [1, 3])
def test_prdc_is_that_of_loops(real: Tensor, fake: Tensor, k: int) -> None:
    # Counts divided by counts: the same numbers, but for the rounding of a division.
    assert prdc(real=real, fake=fake, k=k) == pytest.approx(slow.prdc(real, fake, k), abs=1e-12)


@pytest.mark.parametrize(("n", "m", "k"), [(400, 300, 5), (150, 500, 3)])
def test_prdc_is_that_of_the_authors_package(n: int, m: int, k: int) -> None:
    package = pytest.importorskip("prdc")
    real, fake = normal(n, 16), normal(m, 16, seed=1) * 0.9
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = package.compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    # Without ties < and <= are one.
    ours = prdc(real=real, fake=fake, k=k)
    assert ours == pytest.approx({key: float(value) for key, value in theirs.items()}, abs=1e-12)


def test_precision_and_recall_are_not_swapped() -> None:
    # A peer had them the wrong way round for two years. One mode of two: what there is is right.
    real = torch.cat([normal(200), normal(200, seed=1) + 50])
    found = measured(real, normal(400, seed=2))
    assert found["precision"].value > 0.9
    assert 0.4 < found["recall"].value < 0.5
    noisy = measured(normal(200), real)
    assert noisy["recall"].value > 0.9
    assert 0.4 < noisy["precision"].value < 0.55


def test_copies_are_inside_zero_radii() -> None:
    # With < instead of <=, points that occur k + 1 times would hold nothing: all would be 0.
    x = normal(10).repeat(4, 1)
    assert prdc(real=x, fake=x, k=3) == {
        "precision": 1.0,
        "recall": 1.0,
        "density": pytest.approx(4 / 3),
        "coverage": 1.0,
    }


@pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 5), (40, 80, 3), (80, 30, 1)])
def test_coverage_and_density_of_a_perfect_generator(n: int, m: int, k: int) -> None:
    values = [
        prdc(real=normal(n, 3, seed=2 * s), fake=normal(m, 3, seed=2 * s + 1), k=k)
        for s in range(200)
    ]
    for key, expected in (("coverage", coverage_floor(n, m, k=k)), ("density", 1.0)):
        seen = torch.tensor([each[key] for each in values], dtype=torch.float64)
        # Four standard errors of the mean of 200 repeats: one false alarm in 16,000.
        assert abs(float(seen.mean()) - expected) < 4 * float(seen.std()) / math.sqrt(200)


def test_coverage_floor_tends_to_one_minus_two_to_the_minus_k() -> None:
    for k in (1, 3, 5):
        # The product is 2^-k (1 + O(k²/n)).
        assert coverage_floor(10**6, 10**6, k=k) == pytest.approx(1 - 2**-k, abs=1e-5)
    assert coverage_floor(5, 10**9, k=1) == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(normal(25, 2), id="continuous"),
        pytest.param((normal(25, 2) * 2).round(), id="lattice"),
        pytest.param(normal(9).repeat(3, 1), id="duplicates"),
    ],
)
def test_precision_floor_leaves_out_one_at_a_time(x: Tensor) -> None:
    assert precision_floor(x, k=3) == pytest.approx(slow.left_out_precision(x, 3), abs=1e-12)


def test_precision_floor_is_what_a_perfect_generator_gets() -> None:
    gaps = []
    for s in range(60):
        real, fake = normal(80, 3, seed=2 * s), normal(60, 3, seed=2 * s + 1)
        found = prdc(real=real, fake=fake, k=3)
        recall = precision_floor(real[:61], k=3)
        gaps.append([found["precision"] - precision_floor(real, k=3), found["recall"] - recall])
    gap = torch.tensor(gaps, dtype=torch.float64)
    # Four standard errors of the mean of 60 repeats.
    assert bool((gap.mean(0).abs() < 4 * gap.std(0) / math.sqrt(60)).all())


def test_recall_has_the_floor_of_as_many_fakes() -> None:
    # Balls of few points are large, but there are fewer: in 8 dimensions less is inside.
    many = measured(normal(400, 8), normal(400, 8, seed=1))
    few = measured(normal(400, 8), normal(40, 8, seed=1))
    assert many["recall"].floor == many["precision"].floor == few["precision"].floor
    assert many["recall"].floor is not None
    assert few["recall"].floor is not None
    assert few["recall"].floor < many["recall"].floor - 0.03
    more = measured(normal(40, 8), normal(400, 8, seed=1))
    assert "as many fakes as reals" in more["recall"].notes[-1]


def test_invariances() -> None:
    real, fake = normal(80, 6), normal(70, 6, seed=1) * 0.8
    values = prdc(real=real, fake=fake)
    rotation = torch.linalg.qr(normal(6, 6, seed=2)).Q
    assert prdc(real=real @ rotation, fake=fake @ rotation) == values
    assert prdc(real=3 * real, fake=3 * fake) == values
    # At 10^7 doubles are 2·10^-9 apart: no tie that near among 80 random points.
    assert prdc(real=real + 1e7, fake=fake + 1e7) == values
    order = torch.randperm(80)
    assert prdc(real=real[order], fake=fake) == values
    assert measured(real[order], fake)["recall"] == measured(real, fake)["recall"]


def test_a_perfect_copy() -> None:
    x = normal(100)
    found = measured(x, x)
    assert [found[key].value for key in ("precision", "recall", "coverage")] == [1.0, 1.0, 1.0]
    assert all(e.interval and e.interval[0] <= e.value <= e.interval[1] for e in found.values())


def test_few_points() -> None:
    two = measured(normal(2), normal(2, seed=1), k=1)
    assert two["precision"].interval is None
    assert "it takes 8 samples" in two["precision"].notes[0]
    assert all(math.isfinite(e.value) for e in two.values())
    with pytest.raises(InputError, match="5 real samples have no 5 neighbours"):
        measured(normal(5), normal(9))
    with pytest.raises(InputError, match="choose k >= 1"):
        prdc(real=normal(5), fake=normal(5), k=0)


def test_one_nn_is_that_of_loops() -> None:
    real, fake = normal(30, 3), normal(25, 3, seed=1) + 0.5
    assert one_nn_accuracy(real=real, fake=fake) == pytest.approx(
        slow.one_nn(real, fake), abs=1e-12
    )


@pytest.mark.parametrize(
    ("fake", "low", "high", "says"),
    [
        pytest.param(normal(200, 8, seed=1), 0.4, 0.6, "do not tell", id="perfect"),
        pytest.param(normal(200, 8, seed=1) + 9, 1.0, 1.0, "tell reals from", id="apart"),
        pytest.param(normal(200, 8) + 1e-4, 0.0, 0.01, "copies of reals", id="copies"),
        pytest.param(normal(200, 8, seed=1) * 0.4, 0.6, 0.95, "collapsing", id="collapse"),
    ],
)
def test_one_nn_tells_copies_from_collapse(
    fake: Tensor, low: float, high: float, says: str
) -> None:
    (found,) = OneNearestNeighbour()(compare(normal(200, 8), fake))
    assert low <= found.value <= high
    assert says in found.meaning
    assert found.floor == pytest.approx(199 / 399)
    assert found.p is not None
    assert (found.p > 0.05) == (says == "do not tell")
    if says == "collapsing":
        assert found.details["acc_real"] < found.details["acc_fake"] - 0.2


def test_one_nn_on_ties_and_few() -> None:
    # All points are one: the neighbour is any other, as it is for a perfect generator.
    (found,) = OneNearestNeighbour()(compare(torch.zeros(40, 2), torch.zeros(30, 2)))
    assert found.value == pytest.approx(29 / 59)
    assert found.p is not None
    assert found.p > 0.01
    x, y = (torch.tensor([0.0, 1.0, 1.0, 3.0, 5.0]), torch.tensor([0.0, 0.0, 1.0, 5.1]))
    # Of the nearest others: 0 has two fakes; each 1 a real and a fake; 3 none as near as either 1,
    # two reals and a fake, or 5; 5 a fake. 0, 0: a fake and a real; 1: two reals; 5.1: a real.
    accuracies = one_nn_accuracy(real=x[:, None].double(), fake=y[:, None].double())
    assert accuracies["real"] == pytest.approx((0 + 1 / 2 + 1 / 2 + 3 / 4 + 0) / 5)
    assert accuracies["fake"] == pytest.approx((1 / 2 + 1 / 2 + 0 + 0) / 4)
    (two,) = OneNearestNeighbour()(compare(normal(2), normal(2, seed=1)))
    assert two.interval is None
    assert math.isfinite(two.value)


def test_one_nn_p_is_a_p_value() -> None:
    # 100 repeats at level 0.1: 10 rejections expected, more than 21 once in 2,500.
    rejected = 0
    for s in range(100):
        c = compare(normal(19, 3, seed=2 * s), normal(19, 3, seed=2 * s + 1), seed=s)
        (found,) = OneNearestNeighbour(permutations=99)(c)
        assert found.p is not None
        rejected += found.p <= 0.1
    assert rejected <= 21


def _hits(law: str, repeats: int, n: int) -> dict[str, float]:
    """How often the intervals hold the mean of all repeats."""
    values: dict[str, list[float]] = {}
    intervals: dict[str, list[tuple[float, float]]] = {}
    for s in range(repeats):
        fake = normal(n, 8, seed=2 * s + 1)
        fake = {"same": fake, "shift": fake + 0.5, "shrunk": fake * 0.4}[law]
        c = compare(normal(n, 8, seed=2 * s), fake, seed=s)
        for e in PRDC()(c) + OneNearestNeighbour(permutations=9)(c):
            assert e.interval is not None
            values.setdefault(e.key, []).append(e.value)
            intervals.setdefault(e.key, []).append(e.interval)
    hits = {}
    for key, each in values.items():
        mean = sum(each) / repeats
        hits[key] = sum(low <= mean <= high for low, high in intervals[key]) / repeats
    return hits


def test_intervals_hold_the_mean() -> None:
    # At 95 %, 20 repeats hit 19 times on average, and fewer than 16 once in 400 for each of 5.
    hits = _hits("shift", 20, 100)
    assert min(hits.values()) >= 16 / 20, hits


@pytest.mark.slow
@pytest.mark.parametrize("law", ["same", "shift", "shrunk"])
def test_intervals_hold_the_mean_at_length(law: str) -> None:
    # 200 repeats: the share itself is known to 1.5-2 %; 90 % is asked for, less two of these.
    hits = _hits(law, 200, 400)
    assert min(hits.values()) >= 0.86, hits


MEMORY = """
import sys, torch
torch.set_num_threads(1)
from gannets.metrics.neighbours import prdc
def peak():
    # Not ru_maxrss, which a process takes over from the one that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
n = int(sys.argv[1])
g = torch.Generator().manual_seed(0)
real, fake = (torch.randn(n, 64, generator=g, dtype=torch.float64) for _ in "rf")
prdc(real=real[:500], fake=fake[:500])
before = peak()
prdc(real=real, fake=fake)
if len(sys.argv) > 2:
    torch.cdist(real, fake)
print(peak() - before)
"""


def _grown(*arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("n", "most"),
    [
        # A matrix of all distances would be 288 MB.
        pytest.param(6_000, 150, id="6k"),
        # 3.2 GB.
        pytest.param(20_000, 1_000, id="20k", marks=pytest.mark.slow),
    ],
)
def test_memory_is_bounded(n: int, most: int) -> None:
    assert _grown(str(n)) < most


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_measured() -> None:
    # With all distances at once, which 6,000 a side are 288 MB of.
    assert _grown("6000", "all") > 250
