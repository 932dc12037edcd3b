"""Divergences: exact at zeros, inequalities of the literature, closed forms by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.theory import (
    GAN,
    KL,
    Box,
    FDivergence,
    GaussLegendre,
    JensenShannon,
    NeymanChi2,
    Normal,
    ParallelLines,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
    TotalVariation,
    f_divergence,
    f_divergence_by_quadrature,
    jensen_shannon,
    kl,
    neyman_chi2,
    pearson_chi2,
    reverse_kl,
    squared_hellinger,
    total_variation,
)

LOG2 = math.log(2)
Divergence: TypeAlias = Callable[[Tensor, Tensor], Tensor]
DIVERGENCES = [
    kl,
    reverse_kl,
    jensen_shannon,
    total_variation,
    squared_hellinger,
    pearson_chi2,
    neyman_chi2,
]
every_divergence = pytest.mark.parametrize("divergence", DIVERGENCES, ids=lambda f: f.__name__)
# Centred on 1/2, where the densities of N(0, 1) and N(1, 1) cross: the kink of |p - q| is an edge.
RULE = GaussLegendre((-11.5,), (12.5,), panels=64, order=16)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def masses(draw: st.DrawFn, count: int = 2) -> list[Tensor]:
    """Probability vectors over the same outcomes, with zeros, tiny and subnormal entries."""
    size = draw(st.integers(1, 6))
    entry = st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, 1e-300), st.floats(0, 1e-9))
    vectors = []
    for _ in range(count):
        row = draw(st.lists(entry, min_size=size, max_size=size))
        row[draw(st.integers(0, size - 1))] += 0.1
        vector = float64(*row)
        vectors.append(vector / vector.sum())
    return vectors


@every_divergence
@settings(max_examples=50)
@given(masses())
def test_never_nan_never_negative(divergence: Divergence, pair: list[Tensor]) -> None:
    p, q = pair
    distance = divergence(p, q)
    assert distance >= 0  # false for NaN
    assert divergence(p, p) == 0
    if total_variation(p, q) > 1e-6:
        assert distance > 1e-13


@settings(max_examples=60)
@given(masses())
def test_bounds_between_divergences(pair: list[Tensor]) -> None:
    """Pinsker, Le Cam, Lin and the chain TV² <= H² ... <= KL <= log(1 + χ²)."""
    p, q = pair
    tv, h2, jsd = total_variation(p, q), squared_hellinger(p, q), jensen_shannon(p, q)
    slack = 1e-12
    assert h2 / 2 <= tv + slack
    assert tv <= (h2 * (1 - h2 / 4)).clamp(min=0).sqrt() + slack + 1e-7
    assert jsd <= LOG2 * tv + slack
    assert jsd >= tv**2 / 2 - slack
    assert kl(p, q) >= 2 * tv**2 - slack
    assert kl(p, q) <= pearson_chi2(p, q).log1p() * (1 + slack) + slack
    assert h2 <= kl(p, q) + slack


@settings(max_examples=50)
@given(masses())
def test_symmetries_and_directions(pair: list[Tensor]) -> None:
    p, q = pair
    for symmetric in (jensen_shannon, total_variation, squared_hellinger):
        torch.testing.assert_close(symmetric(p, q), symmetric(q, p), rtol=0, atol=1e-14)
    torch.testing.assert_close(kl(p, q), reverse_kl(q, p), rtol=0, atol=0)
    torch.testing.assert_close(pearson_chi2(p, q), neyman_chi2(q, p), rtol=0, atol=0)
    middle = (p + q) / 2
    assume(bool((middle[p + q > 0] > 0).all()))  # half the smallest subnormal is 0
    halves = (kl(p, middle) + kl(q, middle)) / 2
    torch.testing.assert_close(jensen_shannon(p, q), halves, rtol=1e-12, atol=1e-14)


@settings(max_examples=50)
@given(masses(), st.integers(1, 5), st.integers(0, 2**31))
def test_data_processing(pair: list[Tensor], outputs: int, seed: int) -> None:
    """No channel, here a random stochastic matrix, increases an f-divergence."""
    p, q = pair
    generator = torch.Generator().manual_seed(seed)
    channel = torch.rand(len(p), outputs, generator=generator, dtype=torch.float64) + 1e-3
    channel = channel / channel.sum(1, keepdim=True)
    seen_p, seen_q = p @ channel, q @ channel
    for divergence in DIVERGENCES:
        after = divergence(seen_p / seen_p.sum(), seen_q / seen_q.sum())
        assert after <= divergence(p, q) * (1 + 1e-12) + 1e-12


@settings(max_examples=50)
@given(masses(count=3))
def test_metrics_obey_the_triangle_inequality(triple: list[Tensor]) -> None:
    """TV, H and √JSD are metrics (Endres and Schindelin 2003)."""
    p, q, r = triple
    for distance in (
        total_variation,
        lambda a, b: squared_hellinger(a, b).sqrt(),
        lambda a, b: jensen_shannon(a, b).sqrt(),
    ):
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-7


@pytest.mark.parametrize("k", [1, 3, 7, 10])
def test_disjoint_supports_exactly(k: int) -> None:
    """Ten times 0.1 does not sum to 1 in floating point; log 2 comes out as log 2 all the same."""
    some, none = torch.full((k,), 1 / k, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    p = torch.cat([some, none])
    q = torch.cat([torch.zeros(k, dtype=torch.float64), float64(0.2, 0.5, 0.3)])
    assert jensen_shannon(p, q).item() == LOG2
    assert total_variation(p, q).item() == 1
    assert squared_hellinger(p, q).item() == 2
    for infinite in (kl, reverse_kl, pearson_chi2, neyman_chi2):
        assert infinite(p, q).item() == math.inf
    assert f_divergence(p, q, divergence=GAN()).item() == 0


def test_infinite_only_where_it_must_be() -> None:
    p, q = float64(0.5, 0.5, 0.0), float64(0.25, 0.25, 0.5)
    assert kl(p, q).item() == pytest.approx(LOG2, abs=1e-15)
    assert reverse_kl(p, q).item() == math.inf
    assert pearson_chi2(p, q).item() == pytest.approx(1.0, abs=1e-15)
    assert neyman_chi2(p, q).item() == math.inf
    assert total_variation(p, q).item() == pytest.approx(0.5, abs=1e-15)
    tiny = float64(1.0, 5e-324)
    assert kl(float64(0.5, 0.5), tiny).item() == pytest.approx(
        0.5 * math.log(0.5) + 0.5 * (math.log(0.5) + 1074 * LOG2), rel=1e-14
    )


def test_batches_dtypes_and_gradients() -> None:
    p = torch.rand(2, 3, 5).softmax(-1)
    q = torch.rand(2, 3, 5).softmax(-1)
    batch = jensen_shannon(p, q)
    assert batch.shape == (2, 3)
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch[1, 2], jensen_shannon(p[1, 2], q[1, 2]))
    logits = torch.randn(5, dtype=torch.float64, requires_grad=True)
    target = float64(0.1, 0.2, 0.3, 0.4, 0.0)
    assert torch.autograd.gradcheck(lambda a: kl(target, a.softmax(-1)), (logits,))
    assert torch.autograd.gradcheck(lambda a: jensen_shannon(target, a.softmax(-1)), (logits,))


def test_parallel_lines_have_the_largest_divergences() -> None:
    """Arjovsky et al. 2017, Example 1, by the masses of strips: no overlap for any offset."""
    x = ParallelLines(0.0).sample(500, torch.Generator().manual_seed(0))
    y = ParallelLines(0.01).sample(500, torch.Generator().manual_seed(1))
    strips = torch.linspace(-0.005, 0.995, 101, dtype=torch.float64)
    p, q = (torch.histogram(s[:, 0].contiguous(), strips).hist / 500 for s in (x, y))
    assert jensen_shannon(p, q).item() == LOG2
    assert kl(p, q).item() == math.inf
    assert jensen_shannon(p, p).item() == 0


CLOSED_FORMS: list[tuple[FDivergence, float, float]] = [
    (KL(), 0.5, 1e-12),
    (ReverseKL(), 0.5, 1e-12),
    (JensenShannon(), 0.1114215, 5.1e-8),
    (GAN(), -1.1634514, 5.1e-8),
    (TotalVariation(), 0.3829249, 5.1e-8),
    (TotalVariation(), math.erf(0.5 / math.sqrt(2)), 1e-12),
    (SquaredHellinger(), 2 - 2 * math.exp(-1 / 8), 1e-12),
    (PearsonChi2(), math.expm1(1), 1e-12),
    (NeymanChi2(), math.expm1(1), 1e-12),
]


@pytest.mark.parametrize(("divergence", "closed", "digits"), CLOSED_FORMS, ids=repr)
def test_unit_gaussians_one_apart(divergence: FDivergence, closed: float, digits: float) -> None:
    p, q = Normal(0.0), Normal(1.0)
    measured = f_divergence_by_quadrature(
        p.log_density, q.log_density, divergence=divergence, rule=RULE
    )
    assert measured.item() == pytest.approx(closed, abs=digits)


@pytest.mark.parametrize("mean", [0.0, 3.0, 60.0])
def test_kl_by_quadrature_survives_underflow(mean: float) -> None:
    """60 standard deviations away the other density is exp(-1800), below the smallest float."""
    rule = GaussLegendre((-12.0,), (mean + 12.0,), panels=128, order=16)
    p, q = Normal(0.0), Normal(mean)
    measured = f_divergence_by_quadrature(p.log_density, q.log_density, divergence=KL(), rule=rule)
    assert measured.item() == pytest.approx(mean**2 / 2, rel=1e-12, abs=1e-12)


def test_densities_with_different_supports() -> None:
    """Uniforms that overlap by half: TV 1/2, JSD 1/2 log 2, KL inf; disjoint: JSD log 2 exactly."""
    rule = GaussLegendre((0.0,), (3.0,), panels=60, order=4)

    def between(p: Box, q: Box, divergence: FDivergence) -> float:
        return f_divergence_by_quadrature(
            p.log_density, q.log_density, divergence=divergence, rule=rule
        ).item()

    p, q = Box((0.0,), (2.0,)), Box((1.0,), (3.0,))
    assert between(p, q, TotalVariation()) == pytest.approx(0.5, abs=1e-14)
    assert between(p, q, JensenShannon()) == pytest.approx(LOG2 / 2, abs=1e-14)
    assert between(p, q, KL()) == math.inf
    inside = Box((0.0,), (1.0,))
    assert between(inside, p, KL()) == pytest.approx(LOG2, abs=1e-14)
    assert between(inside, Box((2.0,), (3.0,)), JensenShannon()) == LOG2


@pytest.mark.usefixtures("production")
def test_bad_input_is_refused_in_sentences() -> None:
    p = float64(0.5, 0.5)
    with pytest.raises(ValueError, match="over the same outcomes"):
        kl(p, float64(0.2, 0.3, 0.5))
    with pytest.raises(ValueError, match="q has an entry that is negative or NaN"):
        kl(p, float64(1.5, -0.5))
    with pytest.raises(ValueError, match=r"p sums to 1 only within 0.5: divide it"):
        kl(float64(1.0, 0.5), p)
    with pytest.raises(ValueError, match=r"log_q must give one number below \+inf"):
        f_divergence_by_quadrature(
            Normal(0.0).log_density,
            lambda x: torch.full_like(x[:, 0], math.inf),
            divergence=KL(),
            rule=RULE,
        )
