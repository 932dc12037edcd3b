"""The best normal, where it is known by other means."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from gannets.reproduce.kl_or_js import CONVERGED, kl_or_js
from gannets.theory.f_divergences import KL, JensenShannon, ReverseKL


@pytest.mark.parametrize("divergence", [KL(), JensenShannon(), ReverseKL()])
def test_nothing_near_is_better(divergence: object) -> None:
    """A grid search around the minimum, with the divergence by a sum of its own."""
    fit = kl_or_js.fit(divergence, 3.0)  # type: ignore[arg-type]

    def by_sum(mean: float, std: float) -> float:
        total, width = 0.0, 0.01
        for i in range(-1_500, 1_500):
            x = i * width
            p = sum(
                w * math.exp(-((x - c) ** 2) / 2) / math.sqrt(2 * math.pi)
                for w, c in ((kl_or_js.weight, -1.5), (1 - kl_or_js.weight, 1.5))
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
    other = replace(kl_or_js, weight=1 - kl_or_js.weight)
    for divergence in (JensenShannon(), ReverseKL()):
        here, there = kl_or_js.fit(divergence, 8.0), other.fit(divergence, 8.0)
        assert there.mean == pytest.approx(-here.mean, abs=CONVERGED)
        assert there.std == pytest.approx(here.std, abs=CONVERGED)


def test_closed_form_of_one_mode() -> None:
    """On equal modes 1/4 log 2/3 + 1/4 log 2 + 1/2 log 4/3 = .2158."""
    expected = math.log(2 / 3) / 4 + math.log(2) / 4 + math.log(4 / 3) / 2
    assert replace(kl_or_js, weight=0.5).one_mode() == pytest.approx(expected, abs=1e-15)
