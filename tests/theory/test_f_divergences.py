"""Nowozin et al. 2016 for every member: conjugacy, the variational bound, activations, limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gannets.theory import (
    GAN,
    KL,
    FDivergence,
    JensenShannon,
    NeymanChi2,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
    TotalVariation,
    f_divergence,
)

MEMBERS: list[FDivergence] = [
    KL(),
    ReverseKL(),
    GAN(),
    JensenShannon(),
    TotalVariation(),
    SquaredHellinger(),
    PearsonChi2(),
    NeymanChi2(),
]
every_member = pytest.mark.parametrize("member", MEMBERS, ids=repr)
RATIOS = torch.logspace(-4, 4, 81, dtype=torch.float64)
OUTPUTS = torch.linspace(-8, 8, 65, dtype=torch.float64)


def float64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@every_member
def test_conjugate_is_the_supremum(member: FDivergence) -> None:
    """f*(u) = sup_t ut - f(t) over a fine grid of t, for u in the range of f' on that grid."""
    t = torch.logspace(-5, 5, 200_001, dtype=torch.float64)
    u = member.derivative(float64(0.05, 0.3, 0.9, 1.7, 4.0, 11.0))
    supremum = (u[:, None] * t - member.f(t)).max(1).values
    torch.testing.assert_close(member.conjugate(u), supremum, rtol=1e-7, atol=1e-7)


@every_member
@settings(max_examples=100)
@given(
    t=st.floats(1e-6, 1e6),
    v=st.floats(-15, 15),
)
def test_fenchel_young(member: FDivergence, t: float, v: float) -> None:
    """f(t) + f*(u) >= u t for every t and u in the domain, with equality at u = f'(t)."""
    ratio = float64(t)
    f = member.f(ratio)
    u = member.activation(float64(v))
    slack = f + member.conjugate(u) - u * ratio
    size = f.abs() + (u * ratio).abs() + member.conjugate(u).abs().nan_to_num(posinf=0)
    assert bool((slack >= -1e-12 * (1 + size)).all())
    u = member.derivative(ratio)
    tight = f + member.conjugate(u) - u * ratio
    assert bool((tight.abs() <= 1e-9 * (1 + f.abs() + (u * ratio).abs())).all())


@every_member
def test_derivative_is_that_of_f_and_f_is_convex(member: FDivergence) -> None:
    t = RATIOS[RATIOS != 1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(member.f(t).sum(), t)
    torch.testing.assert_close(slope, member.derivative(t.detach()), rtol=1e-8, atol=1e-10)
    derivative = member.derivative(RATIOS)
    assert bool((derivative.diff() >= 0).all())
    assert bool(member.derivative(float64(0.5)) < member.derivative(float64(2.0)))


@every_member
def test_limits_and_minimum(member: FDivergence) -> None:
    assert member.f(float64(1.0)).item() == pytest.approx(member.minimum, abs=1e-15)
    assert member.f(float64(0.0)).item() == pytest.approx(member.at_zero, abs=1e-15)
    far = float64(1e12)
    if math.isinf(member.slope_at_infinity):
        slopes = member.f(float64(1e6, 1e12)) / float64(1e6, 1e12)
        assert slopes[1] > 1.5 * slopes[0] > 0
    else:
        slope = (member.f(far) / far).item()
        assert slope == pytest.approx(member.slope_at_infinity, abs=1e-5)


@every_member
def test_activation_increases_into_the_domain(member: FDivergence) -> None:
    low, high = member.domain
    u = member.activation(OUTPUTS)
    assert bool((u.diff() > 0).all())
    assert bool((u > low).all())
    assert bool((u < high).all())
    assert bool(member.conjugate(u).isfinite().all())
    for end, outward in ((low, -1.0), (high, 1.0)):
        if math.isfinite(end):
            assert member.conjugate(float64(end + 1e-6 * outward)).item() == math.inf
            reached = member.activation(float64(40.0 * outward)).item()
            assert reached == pytest.approx(end, abs=1e-12)


@every_member
def test_stable_forms_agree_with_their_definitions(member: FDivergence) -> None:
    conjugate = member.conjugate(member.activation(OUTPUTS))
    torch.testing.assert_close(
        member.activated_conjugate(OUTPUTS), conjugate, rtol=1e-9, atol=1e-12
    )
    log_p, log_q = RATIOS.log() - 1.3, torch.full_like(RATIOS, -1.3)
    torch.testing.assert_close(
        member.integrand(log_p, log_q), log_q.exp() * member.f(RATIOS), rtol=1e-9, atol=1e-12
    )
    torch.testing.assert_close(
        member.activation(member.optimal_output(RATIOS.log())),
        member.derivative(RATIOS),
        rtol=1e-9,
        atol=1e-12,
    )


@every_member
def test_variational_bound_is_tight_at_the_optimal_output_only(member: FDivergence) -> None:
    """E_P[g(V)] - E_Q[f*(g(V))] <= D_f (Nowozin et al. 2016, eq. 4), equal at V* (eq. 5)."""
    p, q = float64(0.5, 0.2, 0.2, 0.1), float64(0.1, 0.3, 0.2, 0.4)

    def bound(v: torch.Tensor) -> torch.Tensor:
        return (p * member.activation(v) - q * member.activated_conjugate(v)).sum(-1)

    best = member.optimal_output((p / q).log())
    exact = f_divergence(p, q, divergence=member)
    torch.testing.assert_close(bound(best), exact, rtol=1e-13, atol=1e-13)
    generator = torch.Generator().manual_seed(0)
    challengers = torch.randn(1000, 4, generator=generator, dtype=torch.float64)
    assert bool((bound(best.clamp(-9, 9) + challengers) < exact).all())


@every_member
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept_and_gradients_are_finite(member: FDivergence, dtype: torch.dtype) -> None:
    """As an objective uses it: g and f* o g are differentiated at outputs of either sign."""
    v = torch.linspace(-30, 30, 13, dtype=dtype, requires_grad=True)
    loss = member.activated_conjugate(v) - member.activation(v)
    assert loss.dtype == dtype
    (gradient,) = torch.autograd.grad(loss.sum(), v)
    assert bool(gradient.isfinite().all())
    inside = torch.tensor([member.activation(v)[6].item(), 3.0], dtype=dtype, requires_grad=True)
    conjugate = member.conjugate(inside)
    assert conjugate.dtype == dtype
    (gradient,) = torch.autograd.grad(conjugate.where(conjugate.isfinite(), 0).sum(), inside)
    assert bool(gradient.isfinite().all())


def test_the_2014_value_is_the_gan_member() -> None:
    """With T = log D: f* = -log(1 - D), so that the bound is eq. 1 of the 2014 paper."""
    logit = OUTPUTS
    torch.testing.assert_close(GAN().activation(logit), logit.sigmoid().log())
    torch.testing.assert_close(
        -GAN().activated_conjugate(logit), torch.log1p(-logit.sigmoid()), rtol=1e-9, atol=1e-12
    )


def test_members_are_values() -> None:
    for member in MEMBERS:
        assert eval(repr(member)) == member
        assert hash(eval(repr(member))) == hash(member)
