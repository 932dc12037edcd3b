"""Objectives against the same losses written from probabilities, pairs and tables, term by term."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, relu

from gannets.objectives import (
    FGAN,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RpGAN,
    Wasserstein,
)
from gannets.theory.f_divergences import (
    GAN,
    KL,
    JensenShannon,
    NeymanChi2,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
    TotalVariation,
)
from tests.naming import named

Numbers = Sequence[float]
Loss = Callable[[Numbers, Numbers], float]


def sigmoid(d: float) -> float:
    return 1 / (1 + math.exp(-d))


def mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def each(of_real: Callable[[float], float], of_fake: Callable[[float], float]) -> Loss:
    return lambda real, fake: mean([*map(of_real, real)]) + mean([*map(of_fake, fake)])


def pairs(of_pair: Callable[[float, float], float]) -> Loss:
    return lambda real, fake: mean([of_pair(r, f) for r, f in zip(real, fake, strict=True)])


def average(on_real: float, on_fake: float) -> Loss:
    """RaGAN: -log of the probability to beat the other side's average, or to be beaten by it."""

    def loss(real: Numbers, fake: Numbers) -> float:
        over = [-math.log(sigmoid(on_real * (r - mean(fake)))) for r in real]
        under = [-math.log(sigmoid(on_fake * (f - mean(real)))) for f in fake]
        return mean(over) + mean(under)

    return loss


def variational(g: Callable[[float], float], conjugate: Callable[[float], float]) -> Loss:
    """Nowozin et al. (2016), eq. 6, from the entries of its tables."""
    return each(lambda r: -g(r), lambda f: conjugate(g(f)))


def nothing(_: float) -> float:
    return 0.0


LOG2 = math.log(2)
DISCRIMINATORS: list[tuple[Any, Loss]] = [
    (Minimax(), each(lambda r: -math.log(sigmoid(r)), lambda f: -math.log(1 - sigmoid(f)))),
    (
        NonSaturating(0.9),
        each(
            lambda r: -0.9 * math.log(sigmoid(r)) - 0.1 * math.log(1 - sigmoid(r)),
            lambda f: -math.log(1 - sigmoid(f)),
        ),
    ),
    (LeastSquares(), each(lambda r: (r - 1) ** 2 / 2, lambda f: f**2 / 2)),
    (
        LeastSquares(-1.0, 2.0, 0.5),
        each(lambda r: (r - 2) ** 2 / 2, lambda f: (f + 1) ** 2 / 2),
    ),
    (Hinge(), each(lambda r: -min(0.0, r - 1), lambda f: -min(0.0, -f - 1))),
    (Wasserstein(), each(lambda r: -r, lambda f: f)),
    (RpGAN(), pairs(lambda r, f: -math.log(sigmoid(r - f)))),
    (RelativisticAverage(), average(1, -1)),
    (FGAN(KL()), variational(lambda v: v, lambda t: math.exp(t - 1))),
    (FGAN(ReverseKL()), variational(lambda v: -math.exp(-v), lambda t: -1 - math.log(-t))),
    (FGAN(PearsonChi2()), variational(lambda v: v, lambda t: t**2 / 4 + t)),
    (
        FGAN(NeymanChi2()),
        variational(lambda v: 1 - math.exp(-v), lambda t: 2 - 2 * math.sqrt(1 - t)),
    ),
    (FGAN(SquaredHellinger()), variational(lambda v: 1 - math.exp(-v), lambda t: t / (1 - t))),
    (
        FGAN(JensenShannon()),  # half of the table's, whose f is that of 2 JSD
        lambda real, fake: (
            variational(
                lambda v: LOG2 - math.log(1 + math.exp(-v)), lambda t: -math.log(2 - math.exp(t))
            )(real, fake)
            / 2
        ),
    ),
    (
        FGAN(GAN()),
        variational(lambda v: -math.log(1 + math.exp(-v)), lambda t: -math.log(1 - math.exp(t))),
    ),
    (FGAN(TotalVariation()), variational(lambda v: math.tanh(v) / 2, lambda t: t)),
]
GENERATORS: list[tuple[Any, Loss]] = [
    (Minimax(), each(nothing, lambda f: math.log(1 - sigmoid(f)))),
    (NonSaturating(), each(nothing, lambda f: -math.log(sigmoid(f)))),
    (LeastSquares(-1.0, 2.0, 0.5), each(nothing, lambda f: (f - 0.5) ** 2 / 2)),
    (Hinge(), each(nothing, lambda f: -f)),
    (Wasserstein(), each(nothing, lambda f: -f)),
    (RpGAN(), pairs(lambda r, f: -math.log(sigmoid(f - r)))),
    (RelativisticAverage(), average(-1, 1)),
    (FGAN(ReverseKL()), each(nothing, lambda f: 1 + math.log(math.exp(-f)))),
    (FGAN(ReverseKL(), saturating=False), each(nothing, lambda f: math.exp(-f))),
    (FGAN(SquaredHellinger()), each(nothing, lambda f: 1 - math.exp(f))),
]
samples = st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=1, max_size=6)


def split(points: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    real, fake = torch.tensor(points, dtype=torch.float64).T
    return real, fake


@pytest.mark.parametrize(("objective", "naive"), DISCRIMINATORS, ids=named)
@settings(max_examples=25)
@given(points=samples)
def test_discriminator(objective: Any, naive: Loss, points: list[tuple[float, float]]) -> None:
    real, fake = split(points)
    expected = naive(real.tolist(), fake.tolist())
    found = float(objective.discriminator(real, fake))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("objective", "naive"), GENERATORS, ids=named)
@settings(max_examples=25)
@given(points=samples)
def test_generator(objective: Any, naive: Loss, points: list[tuple[float, float]]) -> None:
    real, fake = split(points)
    expected = naive(real.tolist(), fake.tolist())
    found = float(objective.generator(real, fake))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(points=samples, label=st.floats(0.05, 1))
def test_against_torch(points: list[tuple[float, float]], label: float) -> None:
    """The cross entropies and the hinge, as torch has them."""
    real, fake = split(points)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    found = NonSaturating(label).discriminator(real, fake)
    expected = binary_cross_entropy(real.sigmoid(), label * ones)
    expected = expected + binary_cross_entropy(fake.sigmoid(), zeros)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    generator = NonSaturating(label).generator(None, fake)
    torch.testing.assert_close(generator, binary_cross_entropy(fake.sigmoid(), ones))
    hinge = relu(1 - torch.cat([real, -fake])).mean() * 2
    torch.testing.assert_close(Hinge().discriminator(real, fake), hinge)
