"""The best normal, where it is known by other means."""

from __future__ import annotations

import math

import pytest

from gannets.reproduce.common.two_modes import Fit, TwoModes
from gannets.reproduce.kl_or_js import CONVERGED, kl_or_js
from gannets.theory.f_divergences import KL, JensenShannon, ReverseKL

MODES = kl_or_js.modes


@pytest.mark.parametrize("divergence", [KL(), JensenShannon(), ReverseKL()])
def test_nothing_near_is_better(divergence: object) -> None:
    """A grid search around the minimum, with the divergence by a sum of its own."""
    fit = MODES.fit(divergence, 3.0)  # type: ignore[arg-type]

    def by_sum(mean: float, std: float) -> float:
        total, width = 0.0, 0.01
        for i in range(-1_500, 1_500):
            x = i * width
            p = sum(
                w * math.exp(-((x - c) ** 2) / 2) / math.sqrt(2 * math.pi)
                for w, c in ((MODES.weight, -1.5), (1 - MODES.weight, 1.5))
            )
            q = math.exp(-(((x - mean) / std) ** 2) / 2) / std / math.sqrt(2 * math.pi)
            m = (p + q) / 2
            if isinstance(divergence, KL):
                total += p * math.log(p / q)
            elif isinstance(divergence, ReverseKL):
                total += q * math.log(q / p)
            else:
                total += (p * math.log(p / m) + q * math.log(q / m)) / 2
        return total * width

    # The sum is exact to rounding for such smooth functions; its tails beyond 15 are below e^-30.
    assert by_sum(fit.mean, fit.std) == pytest.approx(fit.value, abs=1e-9)
    for mean, std in ((0.02, 0.0), (-0.02, 0.0), (0.0, 0.02), (0.0, -0.02)):
        assert by_sum(fit.mean + mean, fit.std + std) > fit.value


def test_the_mirror_image_has_the_mirrored_fit() -> None:
    """The other mode made the larger: the same normal on the other side."""
    other = TwoModes(weight=1 - MODES.weight)
    for divergence in (JensenShannon(), ReverseKL()):
        here, there = MODES.fit(divergence, 8.0), other.fit(divergence, 8.0)
        assert there.mean == pytest.approx(-here.mean, abs=CONVERGED)
        assert there.std == pytest.approx(here.std, abs=CONVERGED)


def test_closed_form_of_one_mode() -> None:
    """On equal modes 1/4 log 2/3 + 1/4 log 2 + 1/2 log 4/3 = .2158."""
    expected = math.log(2 / 3) / 4 + math.log(2) / 4 + math.log(4 / 3) / 2
    assert TwoModes(weight=0.5).one_mode() == pytest.approx(expected, abs=1e-15)


def test_js_that_covers_both_far_apart_is_no_reverse_kl() -> None:
    """KL's fit in the place of JS's, or one on the smaller mode: the claim of 8 apart fails."""
    one, wide = Fit(4.0, 1.0, 0.0), Fit(0.8, *MODES.moments(8.0)[1:], 0.0)
    for js, holds in ((one, True), (wide, False), (Fit(-4.0, 1.0, 0.0), False)):
        claims = list(kl_or_js._beyond({"KL": wide, "reverse KL": one, "JS": js}))
        assert [claim.holds for claim in claims] == [True, holds, True]
