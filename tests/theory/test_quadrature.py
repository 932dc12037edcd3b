"""Quadrature against antiderivatives, and the orders of exactness that define the rules."""

from __future__ import annotations

import math

import pytest
import torch

from gannets.theory import GaussLegendre, gauss_hermite, gauss_legendre


@pytest.mark.parametrize("order", [1, 2, 5, 16, 64])
def test_legendre_is_exact_below_degree_2n_and_not_at_it(order: int) -> None:
    nodes, weights = gauss_legendre(order)
    for degree in range(2 * order):
        integral = 2 / (degree + 1) if degree % 2 == 0 else 0.0
        assert (weights * nodes**degree).sum().item() == pytest.approx(integral, abs=2e-14)
    if order < 16:  # beyond, the defect is below rounding
        defect = 2 / (2 * order + 1) - (weights * nodes ** (2 * order)).sum().item()
        assert defect > 1e-4 / 4**order


@pytest.mark.parametrize("order", [1, 2, 5, 12])
def test_hermite_gives_the_moments_of_the_normal(order: int) -> None:
    nodes, weights = gauss_hermite(order)
    for degree in range(2 * order):
        moment = math.prod(range(1, degree, 2)) if degree % 2 == 0 else 0.0
        size = math.prod(range(1, degree + 1, 2))
        assert (weights * nodes**degree).sum().item() == pytest.approx(moment, abs=1e-13 * size)
    fourier = (gauss_hermite(40)[1] * gauss_hermite(40)[0].cos()).sum().item()
    assert fourier == pytest.approx(math.exp(-0.5), abs=1e-14)


def test_composite_rule_on_an_interval_and_on_a_box() -> None:
    line = GaussLegendre((0.0,), (3.0,), panels=8, order=12)
    assert line.integrate(lambda x: x[:, 0].exp()).item() == pytest.approx(math.expm1(3), rel=1e-14)
    box = GaussLegendre((0.0, -1.0), (2.0, 1.0), panels=3, order=8)
    points, weights = box.nodes()
    assert points.shape == (24**2, 2)
    assert weights.sum().item() == pytest.approx(4.0, rel=1e-14)
    integral = box.integrate(lambda x: x[:, 0] ** 3 * x[:, 1] ** 2)
    assert integral.item() == pytest.approx(4 * 2 / 3, rel=1e-14)


def test_the_error_falls_as_order_2n_in_the_panels() -> None:
    def error(panels: int) -> float:
        rule = GaussLegendre((0.0,), (1.0,), panels=panels, order=2)
        return abs(rule.integrate(lambda x: (3 * x[:, 0]).exp()).item() - math.expm1(3) / 3)

    assert error(16) / error(32) == pytest.approx(2**4, rel=0.01)


@pytest.mark.usefixtures("production")
def test_bad_rules_are_refused_in_sentences() -> None:
    with pytest.raises(ValueError, match=r"low=\(1.0,\) must be below high=\(0.0,\)"):
        GaussLegendre((1.0,), (0.0,))
    with pytest.raises(ValueError, match="give one number a dimension"):
        GaussLegendre((0.0,), (1.0, 2.0))
    with pytest.raises(ValueError, match="lower panels or order"):
        GaussLegendre((0.0,) * 3, (1.0,) * 3)
    with pytest.raises(ValueError, match="order=0 must be at least 1"):
        gauss_legendre(0)
    assert torch.equal(gauss_legendre(1)[1], torch.tensor([2.0], dtype=torch.float64))
