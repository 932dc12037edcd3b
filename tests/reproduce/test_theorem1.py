"""Theorem 1: closed forms of C(G), and claims that fail where they should."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gannets.game import Stream
from gannets.reproduce.common import Bench, Claim
from gannets.reproduce.theorem1 import FAMILIES, Family, point, theorem1
from gannets.theory import Box, Mixture, Normal

SHIFTED = FAMILIES[0]


def _boxes(count: int) -> Mixture:
    """Equal weights on `count` boxes that do not touch."""
    return Mixture(tuple(Box((float(2 * i),), (float(2 * i + 1),)) for i in range(count)))


@pytest.mark.parametrize("modes", [2, 3, 8])
def test_a_lost_mode_costs_its_closed_form(modes: int) -> None:
    """JSD of 1/K on K outcomes and 1/(K-1) on K-1 of them, all three ways."""
    family = Family("", "", _boxes(modes), lambda _: _boxes(modes - 1), (0.0,), 0.0)
    found = point(family, 0.0, n=20_000, random=Stream(0, "test"))
    p, q = 1 / modes, 1 / (modes - 1)
    m = (p + q) / 2
    kls = (modes - 1) * (p * math.log(p / m) + q * math.log(q / m)) + p * math.log(2)
    assert found.value == pytest.approx(kls - math.log(4), abs=1e-12)
    assert found.divergence == pytest.approx(kls - math.log(4), abs=1e-12)
    assert found.tv == pytest.approx(p, abs=1e-12)
    assert abs(found.sampled - found.value) < 4.5 * found.error  # P = 7e-6 each


def test_disjoint_supports_give_zero() -> None:
    """JSD = log 2: D* knows all, C = 0, on samples exactly."""
    family = Family("", "", Box((0.0,), (1.0,)), lambda t: Box((t,), (t + 1,)), (2.0,), 0.0)
    found = point(family, 2.0, n=100, random=Stream(0, "test"))
    assert found.value == pytest.approx(0, abs=1e-14)
    assert found.divergence == pytest.approx(0, abs=1e-14)
    assert found.sampled == 0


@dataclass(frozen=True)
class Liar(Normal):
    """A normal whose samples are not its density's."""

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Samples that are .1 too large."""
        return super().sample(n, generator, dtype=dtype, device=device) + 0.1


def _failed(family: Family, tmp_path: Path) -> list[Claim]:
    work = replace(theorem1.quick(), families=(family,), samples=20_000, pairs=10)
    found = work(Bench(tmp_path))
    claims = []
    for item in found:
        if isinstance(item, Claim) and family.name in item.what:
            claims.append(item)
        if len(claims) == 6:
            return [claim for claim in claims if not claim.holds]
    raise AssertionError("six claims a family are judged")


def test_claims_hold_for_a_true_family(tmp_path: Path) -> None:
    """The same few numbers as below."""
    assert not _failed(SHIFTED._replace(numbers=(-1.0, 0.5, 2.0)), tmp_path)


def test_claims_fail_where_samples_are_not_the_densitys(tmp_path: Path) -> None:
    """And only the claim of samples does."""
    family = SHIFTED._replace(p_g=lambda t: Liar(t), numbers=(-1.0, 0.5, 2.0))
    (failed,) = _failed(family, tmp_path)
    assert "standard errors" in failed.what


def test_claims_fail_where_the_least_is_elsewhere(tmp_path: Path) -> None:
    """A family that is said to pass through p_data at .5, and does at 0."""
    failed = _failed(SHIFTED._replace(numbers=(-1.0, 0.0, 2.0), equal=0.5), tmp_path)
    assert any("distance" in claim.what for claim in failed)


def test_claims_fail_where_p_data_is_never_reached(tmp_path: Path) -> None:
    """C stays above -log 4 if no member is p_data."""
    failed = _failed(SHIFTED._replace(p_data=Normal(0.0, 1.2)), tmp_path)
    assert any(claim.what.startswith("least C(G), at") for claim in failed)
