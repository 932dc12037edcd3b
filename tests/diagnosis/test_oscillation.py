"""Oscillation: G swings as a whole, and does not settle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.diagnosis.scenarios import oscillation as scenarios
from gannets.diagnosis.motion import motion_of
from gannets.diagnosis.oscillation import Oscillation
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = Oscillation()
RECIPE = scenarios.scenarios()[0].recipe(0)
FAR = {"distance": 0.05}


def at(*places: float, **referee: float) -> Any:
    """A run whose G stands, all of it, at these places one after another."""
    return case(RECIPE, [{"referee": referee, "outputs": {"track": (x,) * 32}} for x in places])


def swing(amplitude: float, count: int = 8) -> list[float]:
    return [amplitude * (-1) ** i for i in range(count)]


def test_amplitude_is_the_rms_about_the_mean_and_net_the_way_over_the_step() -> None:
    motion = motion_of(at(*swing(0.7)))
    assert motion is not None
    # Places ±.7 in turn: rms .7; from first to last of four 1.4, the mean step 1.4.
    assert (motion.amplitude, motion.net, motion.ratio) == pytest.approx((0.7, 1.0, 1.0))
    drift = motion_of(at(*map(float, range(8))))
    assert drift is not None
    assert drift.net == pytest.approx(3.0)
    assert drift.settles


@given(st.lists(st.floats(-3, 3), min_size=8, max_size=20), st.floats(-9, 9))
def test_where_it_swings_does_not_matter(places: list[float], shift: float) -> None:
    here, there = motion_of(at(*places)), motion_of(at(*(x + shift for x in places)))
    assert here is not None
    assert there is not None
    assert here.amplitude == pytest.approx(there.amplitude, abs=1e-9)


def test_latents_that_change_places_are_no_swing() -> None:
    tracks = [tuple((-1.0) ** (i + j // 4) for j in range(32)) for i in range(8)]
    motion = motion_of(case(RECIPE, [{"outputs": {"track": track}} for track in tracks]))
    assert motion is not None
    assert motion.amplitude == 0


def test_it_takes_eight_probes_a_third_of_a_spread_and_a_distance() -> None:
    assert RULE(at(*swing(0.3), **FAR)).state == "found"
    assert RULE(at(*swing(0.3, 7), **FAR)).state == "unknown"
    assert "swing" in RULE(at(*swing(0.29), **FAR)).why
    assert RULE(at(*swing(0.29), **FAR)).state == "cleared"
    assert RULE(at(*swing(0.3), distance=0.049)).state == "cleared"


def test_what_is_drawn_is_what_is_judged() -> None:
    places = [0.5 * (-1) ** i * (1 + 0.1 * i) for i in range(12)]
    seen = at(*places, **FAR)
    for evidence in RULE(seen).evidence:
        assert [step for step, _ in evidence.curve] == [250 * i for i in range(8, 13)]
        assert evidence.curve[-1] == (3_000, evidence.value)
    # After nine probes: the amplitude of the last five.
    amplitude = RULE(at(*places[:9], **FAR)).evidence[0].value
    assert RULE(seen).evidence[0].curve[1] == (2_250, amplitude)


def test_a_swing_that_dies_away_or_goes_somewhere_is_none() -> None:
    dying = [2 * 0.8**i * (-1) ** i for i in range(8)]
    assert RULE(at(*dying, **FAR)).state == "cleared"
    assert RULE(at(*(0.5 * i for i in range(8)), **FAR)).state == "cleared"
    growing = RULE(at(*reversed(dying), **FAR))
    assert growing.state == "found"
    assert "farther and farther" in growing.why


def test_a_g_that_moves_and_comes_nearer_is_none() -> None:
    def nearing(by: float) -> Any:
        rows = [
            {
                "referee": {"distance": 0.2 * (1 + by * (0.5 - i / 7))},
                "outputs": {"track": (x,) * 32},
            }
            for i, x in enumerate([0.0, *swing(0.5)])
        ]
        return RULE(case(RECIPE, rows))

    assert (nearing(0.2).state, nearing(0.3).state) == ("found", "cleared")
    assert "nearer" in nearing(0.3).why


def test_the_dirac_gan_circles_and_r1_ends_it() -> None:
    """Mescheder et al. (2018), section 2: θ' = -l'(θψ)ψ, ψ' = l'(θψ)θ - γψ in turn, l' = σ(-.)."""

    def places(gamma: float) -> list[float]:
        theta, psi, seen = 1.0, 1.0, []
        for step in range(4_000):
            slope = 1 / (1 + math.exp(theta * psi))
            psi += 0.1 * (-slope * theta - gamma * psi)
            theta += 0.1 * slope * psi
            if step % 250 == 249:
                seen.append(theta)
        return seen

    # Amplitude √2 at the start, in a closed orbit; its rms is near 1.
    assert RULE(at(*places(0.0), **FAR)).state == "found"
    assert RULE(at(*places(0.3), **FAR)).state == "cleared"


def test_remedies_parse_and_the_first_is_r1_without_momentum() -> None:
    first, *rest = applied(RECIPE, RULE(at(*swing(1.0), **FAR)).remedies)
    assert "R1" in repr(first.game.discriminator_terms)
    assert first.optimizers.generator.betas[0] == 0
    assert any(each.averaging is not None for each in rest)


def test_an_affine_g_without_a_penalty_is_found(tmp_path: Path) -> None:
    recipe = scenarios.scenarios()[0].recipe(63)
    assert symptom_of(recipe, tmp_path / "run").symptom == "oscillation"


def test_healthy_games_are_none() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
