"""Proposition 1: closed forms of what D lacks, and claims that fail where they should."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gannets.objectives import NonSaturating
from gannets.reproduce.common import Bench
from gannets.reproduce.common.shortfall import Shortfall
from gannets.reproduce.proposition1 import PAIRS, _pointwise, proposition1
from gannets.theory import optimal_discriminator, value_by_quadrature

NORMALS, _, BOXES, *_ = PAIRS
SMALL = replace(proposition1.quick(), pairs=(NORMALS,), steps=300)


class Told(nn.Module):
    """A discriminator that knows both densities, and adds `offset` to its logit."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        """The logit of D*, shifted."""
        ratio = NORMALS.p_data.log_density(x.double()) - NORMALS.p_g.log_density(x.double())
        return (ratio + self.offset).float()


class Undecided(nn.Module):
    """D = 1/2."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits of 0."""
        return torch.zeros(len(x))


def test_criterion_of_boxes_is_its_closed_form() -> None:
    """Two thirds of either are alone: 2 JSD = 4/3 log 2. All edges are edges of panels."""
    assert Shortfall(BOXES).criterion == pytest.approx(4 / 3 * math.log(2) - math.log(4), abs=1e-12)


def test_the_optimum_lacks_nothing() -> None:
    """C(G) - V(G, D*) = 0; D is told single precision's points: 1e-7 squared, times curvature."""
    judged = Shortfall(NORMALS).judge(Told(0.0), 0)
    assert abs(judged.lacks) < 1e-9
    assert judged.away < 1e-6


@pytest.mark.parametrize("pair", PAIRS[:4], ids=lambda pair: pair.name)
def test_a_coin_lacks_all_there_is(pair: object) -> None:
    """At D = 1/2 V is -log 4, so that 2 JSD is lacking, as V and as KL of coins."""
    shortfall = Shortfall(pair)  # type: ignore[arg-type]
    judged = shortfall.judge(Undecided(), 0)
    # What lies outside the box of the rule, and logits that single precision rounds.
    assert judged.lacks == pytest.approx(shortfall.criterion + math.log(4), abs=1e-6)
    assert judged.coins == pytest.approx(judged.lacks, abs=1e-6)


def test_any_other_logit_lacks_something() -> None:
    """A shift of the optimal logit either way costs about shift²/2 E[D*(1 - D*)] twice."""
    shortfall = Shortfall(NORMALS)
    curved = float((shortfall.both * shortfall.optimum * (1 - shortfall.optimum)).sum())
    for offset in (-0.1, 0.1):
        # The third order is a tenth of the second, or less.
        assert shortfall.judge(Told(offset), 0).lacks == pytest.approx(0.005 * curved, rel=0.1)


def test_claims_fail_for_another_objective(tmp_path: Path) -> None:
    """With labels of .7, D goes to .7 p_data/(p_data + p_g), and lacks what that lacks."""
    work = replace(SMALL, objective=NonSaturating(real_label=0.7), share=0.02)
    _, curve = work.train(NORMALS, Bench(tmp_path))
    assert next(work.claims(NORMALS, curve)).holds is False

    log_data, log_g = NORMALS.p_data.log_density, NORMALS.p_g.log_density

    def smoothed(x: Tensor) -> Tensor:
        p, q = log_data(x).exp(), log_g(x).exp()
        return (0.7 * p / (0.3 * p + q)).log()

    v = value_by_quadrature(log_data, log_g, logit=smoothed, rule=NORMALS.rule)
    expected = Shortfall(NORMALS).criterion - float(v)
    # Of 300 updates' noise: seeds 1 to 5 were within 4 % of it.
    assert curve[-1].lacks == pytest.approx(expected, rel=0.15)


def test_claims_hold_for_the_objective_and_fail_without_training(tmp_path: Path) -> None:
    """The share of 2 JSD that is lacking tells the two apart."""
    work = replace(SMALL, share=0.02)
    _, curve = work.train(NORMALS, Bench(tmp_path))
    assert all(claim.holds is not False for claim in work.claims(NORMALS, curve))
    assert next(work.claims(NORMALS, curve[:1])).holds is False


@pytest.mark.parametrize(
    ("best", "holds"),
    [
        (optimal_discriminator, [True, True]),
        (lambda p, q: q / (p + q), [False, False]),  # the other way round
        (lambda p, q: (p / (p + q)).clamp(max=0.9), [False, False]),  # right but for some
        (lambda p, q: p / (p + q) * (1 - 1e-9), [False, True]),  # V is flat there
    ],
)
def test_only_the_optimum_is_the_greatest(best: object, holds: list[bool]) -> None:
    """D* is compared with the fractions, and V at it with V at any other D."""
    claims = list(_pointwise(20, best))  # type: ignore[arg-type]
    assert [claim.holds for claim in claims] == holds
