"""Goodfellow et al. 2014: Proposition 1 and Theorem 1, on masses and on densities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.theory import (
    GAN,
    Box,
    GaussLegendre,
    Mixture,
    Normal,
    bayes_accuracy,
    bayes_accuracy_by_quadrature,
    criterion,
    criterion_by_quadrature,
    f_divergence,
    generator_gradient,
    jensen_shannon,
    kl,
    optimal_discriminator,
    optimal_logit,
    reverse_kl,
    total_variation,
    value,
    value_by_quadrature,
    value_from_logits,
)

LOG4 = math.log(4)
RULE = GaussLegendre((-11.5,), (12.5,), panels=64, order=16)
DATA, MODEL = Normal(0.0), Normal(1.0)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    size = draw(st.integers(1, 6))
    vectors = []
    for _ in range(2):
        entry = st.one_of(st.just(0.0), st.floats(1e-9, 1))
        row = draw(st.lists(entry, min_size=size, max_size=size))
        row[draw(st.integers(0, size - 1))] += 0.1
        vectors.append(float64(*row) / float64(*row).sum())
    return vectors[0], vectors[1]


def test_part_c_numbers() -> None:
    c = criterion_by_quadrature(DATA.log_density, MODEL.log_density, rule=RULE).item()
    assert c == pytest.approx(-1.1634514, abs=5.1e-8)
    assert c == pytest.approx(-LOG4 + 2 * 0.1114215, abs=1.1e-7)
    accuracy = bayes_accuracy_by_quadrature(DATA.log_density, MODEL.log_density, rule=RULE).item()
    assert accuracy == pytest.approx(0.6914625, abs=5.1e-8)
    assert accuracy == pytest.approx(0.5 + math.erf(0.5 / math.sqrt(2)) / 2, abs=1e-13)


def test_equilibrium_and_disjoint_supports() -> None:
    p = float64(0.1, 0.2, 0.7, 0.0)
    assert criterion(p, p).item() == -LOG4
    assert pytest.approx(-1.386294, abs=5e-7) == -LOG4
    assert value(p, p, discriminator=torch.full_like(p, 0.5)).item() == pytest.approx(-LOG4)
    q = float64(0.0, 0.0, 0.0, 1.0)
    assert criterion(p, q).item() == 0
    assert value(p, q, discriminator=optimal_discriminator(p, q)).item() == 0
    assert bayes_accuracy(p, q).item() == 1
    rule = GaussLegendre((0.0,), (2.0,), panels=20, order=4)
    low, high = Box((0.0,), (1.0,)), Box((1.0,), (2.0,))
    assert criterion_by_quadrature(low.log_density, high.log_density, rule=rule).item() == 0
    same = criterion_by_quadrature(DATA.log_density, DATA.log_density, rule=RULE)
    assert same.item() == -LOG4


@settings(max_examples=60)
@given(pairs())
def test_value_at_the_optimum_is_the_criterion(pair: tuple[Tensor, Tensor]) -> None:
    """V(D*) = -log 4 + 2 JSD (Theorem 1), also in logits, also as the f-divergence it is."""
    p, q = pair
    c = criterion(p, q)
    torch.testing.assert_close(c, 2 * jensen_shannon(p, q) - LOG4)
    best = optimal_discriminator(p, q)
    torch.testing.assert_close(value(p, q, discriminator=best), c, rtol=0, atol=1e-13)
    logits = optimal_logit(p.log(), q.log())
    torch.testing.assert_close(value_from_logits(p, q, logits=logits), c, rtol=0, atol=1e-13)
    torch.testing.assert_close(f_divergence(p, q, divergence=GAN()), c, rtol=0, atol=1e-13)
    torch.testing.assert_close(logits.sigmoid(), best, rtol=1e-12, atol=1e-12)
    assert -LOG4 <= c <= 1e-15
    assert c + LOG4 <= LOG4 * total_variation(p, q) + 1e-13


@settings(max_examples=60)
@given(pairs(), st.integers(0, 2**31))
def test_no_challenger_beats_the_optimum(pair: tuple[Tensor, Tensor], seed: int) -> None:
    """Proposition 1; and a change of D* where p + q > 0 by δ costs at least 2 δ² (p + q)."""
    p, q = pair
    generator = torch.Generator().manual_seed(seed)
    challengers = torch.rand(200, len(p), generator=generator, dtype=torch.float64)
    best = optimal_discriminator(p, q)
    values = value(p.expand_as(challengers), q.expand_as(challengers), discriminator=challengers)
    cost = 2 * ((p + q) * (challengers - best).square()).sum(1)
    assert bool((values <= criterion(p, q) - cost + 1e-12).all())


def test_challengers_of_densities_never_win() -> None:
    """Logits off by a function g lose E_m[...] > 0: linear D* wins against 200 quadratic others."""
    c = criterion_by_quadrature(DATA.log_density, MODEL.log_density, rule=RULE).item()

    def played(a: float, b: float, e: float) -> float:
        return value_by_quadrature(
            DATA.log_density,
            MODEL.log_density,
            logit=lambda x: 0.5 + a + (b - 1) * x[:, 0] + e * x[:, 0] ** 2,
            rule=RULE,
        ).item()

    assert played(0.0, 0.0, 0.0) == pytest.approx(c, abs=1e-13)
    generator = torch.Generator().manual_seed(0)
    for a, b, e in torch.randn(200, 3, generator=generator, dtype=torch.float64).tolist():
        assert played(a, b, e) < c
    # To second order the loss is 1/2 E[D*(1-D*) g²] under p + q: quadratic in the size of g.
    loss = [c - played(0.0, step, 0.0) for step in (0.02, 0.01)]
    assert loss[0] / loss[1] == pytest.approx(4, rel=0.05)
    curved = RULE.integrate(
        lambda x: (
            (DATA.log_density(x).exp() + MODEL.log_density(x).exp())
            * torch.sigmoid(0.5 - x[:, 0])
            * torch.sigmoid(x[:, 0] - 0.5)
            * x[:, 0] ** 2
        )
    )
    assert loss[1] == pytest.approx(0.5 * 0.01**2 * curved.item(), rel=0.03)


def test_quadrature_of_a_value_agrees_with_monte_carlo() -> None:
    p = Mixture((Normal(-2.0, 0.5), Normal(1.0, 1.0)), (0.3, 0.7))
    q = Normal(0.0, 2.0)
    rule = GaussLegendre((-16.0,), (16.0,), panels=128, order=8)
    exact = criterion_by_quadrature(p.log_density, q.log_density, rule=rule).item()
    n = 200_000
    x, y = p.sample(n, torch.Generator().manual_seed(0)), q.sample(n, torch.Generator())
    of_data = torch.nn.functional.logsigmoid(p.log_density(x) - q.log_density(x))
    of_model = torch.nn.functional.logsigmoid(q.log_density(y) - p.log_density(y))
    error = 4 * math.hypot(of_data.std().item(), of_model.std().item()) / math.sqrt(n)
    assert (of_data.mean() + of_model.mean()).item() == pytest.approx(exact, abs=error)
    assert error < 0.01


@settings(max_examples=60)
@given(pairs())
def test_bayes_accuracy_is_the_best_accuracy(pair: tuple[Tensor, Tensor]) -> None:
    """Against every deterministic classifier of up to 6 outcomes, all 2^k of them."""
    p, q = pair
    says_real = torch.cartesian_prod(*[float64(0, 1)] * len(p)).reshape(-1, len(p))
    accuracies = ((p * says_real).sum(1) + (q * (1 - says_real)).sum(1)) / 2
    torch.testing.assert_close(bayes_accuracy(p, q), accuracies.max(), rtol=0, atol=1e-14)
    by_optimum = (optimal_discriminator(p, q) > 0.5).double()
    torch.testing.assert_close(
        ((p * by_optimum).sum() + (q * (1 - by_optimum)).sum()) / 2, bayes_accuracy(p, q)
    )


def test_the_generator_gradient_is_the_derivative_of_the_criterion() -> None:
    """Envelope theorem: differentiate C through p_g, or V at a D held at D*: the same."""
    p = float64(0.5, 0.3, 0.2)
    logits = float64(0.1, -0.4, 1.0).requires_grad_()
    (through,) = torch.autograd.grad(criterion(p, logits.softmax(0)), logits)
    held = generator_gradient(p, logits.detach().softmax(0))
    (chained,) = torch.autograd.grad((logits.softmax(0) * held).sum(), logits)
    torch.testing.assert_close(through, chained, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(held, (1 - optimal_discriminator(p, logits.softmax(0))).log())


def test_minus_log_d_descends_reverse_kl_minus_two_jsd() -> None:
    """Arjovsky and Bottou 2017, Theorem 2.5: E_g[-log D*] at D* held, against KL(g||r) - 2 JSD."""
    p_data = float64(0.5, 0.3, 0.15, 0.05)
    logits = float64(0.1, -0.4, 1.0, 0.3).requires_grad_()
    p_g = logits.softmax(0)
    held = -optimal_discriminator(p_data, p_g).log().detach()
    (of_loss,) = torch.autograd.grad((p_g * held).sum(), logits, retain_graph=True)
    objective = kl(p_g, p_data) - 2 * jensen_shannon(p_g, p_data)
    (of_divergence,) = torch.autograd.grad(objective, logits, retain_graph=True)
    torch.testing.assert_close(of_loss, of_divergence, rtol=1e-12, atol=1e-14)
    (of_other,) = torch.autograd.grad(reverse_kl(p_g, p_data), logits)
    assert (of_loss - of_other).abs().max() > 0.01


def test_logits_where_probabilities_round_to_one() -> None:
    far = float64(60.0)[:, None]
    logit = optimal_logit(MODEL.log_density(far), DATA.log_density(far))
    assert logit.item() == pytest.approx(59.5)
    p, q = float64(1.0, 0.0), float64(1e-30, 1.0)
    assert value(p, q, discriminator=optimal_discriminator(p, q)).item() == -math.inf
    best = value_from_logits(p, q, logits=optimal_logit(p.log(), q.log()))
    assert best.item() == pytest.approx(criterion(p, q).item(), abs=1e-25)
    inf = math.inf
    ends = optimal_logit(float64(0.0, -inf, -inf), float64(-inf, 0.0, -inf))
    assert ends.tolist() == [inf, -inf, 0.0]
    masses = optimal_discriminator(float64(1.0, 0.0, 0.0), float64(0.0, 1.0, 0.0))
    assert masses.tolist() == [1.0, 0.0, 0.5]


def test_bad_input_is_refused_in_sentences() -> None:
    p = float64(0.5, 0.5)
    with pytest.raises(ValueError, match="entry outside \\[0, 1\\]"):
        value(p, p, discriminator=float64(0.5, 1.5))
    with pytest.raises(ValueError, match="densities are >= 0"):
        optimal_discriminator(p, -p)
    assert value(p, p, discriminator=float64(0.0, 0.5)).item() == -math.inf
