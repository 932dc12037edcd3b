"""Mode dropping: a part of the data that G does not make, and what it makes is good."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import mode_dropping as scenarios
from gannets.diagnosis import Case, compare
from gannets.diagnosis.mode_dropping import LASTS, ModeDropping
from gannets.metrics.modes import mode_distances
from gannets.theory import Ring
from gannets.training import Training
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy

RULE = ModeDropping()
FAR = {"distance_p": 0.01}
PART: dict[str, Any] = {"referee": {"missing": 0.1, "precision": 0.3, "coverage": 0.2, **FAR}}
RECIPE = scenarios.scenarios()[0].recipe(0)


def test_it_takes_probes_in_a_row() -> None:
    assert RULE(case(RECIPE, [PART] * (LASTS - 1))).state == "suspected"
    assert RULE(case(RECIPE, [PART] * LASTS)).state == "found"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"missing": 0.09, "precision": 0.9}, "hardly a fake"),
        ({"missing": 0.5, "precision": 0.9, "distance_p": 0.03}, "p of the distance"),
    ],
)
def test_any_of_it_missing_clears_it(fields: dict[str, float], said: str) -> None:
    answer = RULE(case(RECIPE, [PART] * LASTS + [{"referee": {**FAR, **fields}}]))
    assert answer.state == "cleared"
    assert said in answer.why


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"precision": 0.29}, "near held-out samples"), ({"coverage": 0.1}, "variety")],
)
def test_what_crosses_its_line_to_and_fro_is_asked_of_the_median(
    fields: dict[str, float], said: str
) -> None:
    low: dict[str, Any] = {"referee": {**PART["referee"], **fields}}

    def some(count: int) -> Any:
        return RULE(case(RECIPE, [low] * count + [PART] * (LASTS - count)))

    assert some(LASTS // 2 - 1).state == "found"
    assert some(LASTS // 2 + 1).state == "cleared"
    assert said in some(LASTS // 2 + 1).why


def test_what_is_missing_because_g_swings_is_not_dropped() -> None:
    def moving(swing: float) -> Any:
        rows = [{**PART, "outputs": {"track": (swing * (-1) ** i,) * 32}} for i in range(LASTS)]
        return RULE(case(RECIPE, rows))

    assert (moving(0.29).state, moving(0.3).state) == ("found", "cleared")
    assert "swings" in moving(0.3).why


def test_it_is_unknown_where_it_was_not_seen() -> None:
    assert RULE(case(RECIPE, [{"referee": {"coverage": 0.5, **FAR}}] * LASTS)).state == "unknown"


def test_modes_that_are_found_one_after_another_are_none() -> None:
    def falling(last: float) -> str:
        rows = [0.6 + (last - 0.6) * i / 7 for i in range(8)]
        return RULE(case(RECIPE, [{"referee": {"missing": m, **FAR}} for m in rows])).state

    # A quarter of what is missing has to be won for a game to get on.
    assert (falling(0.3), falling(0.55)) == ("cleared", "found")


def test_missing_has_the_negative_hypergeometric_law_where_nothing_is_missing() -> None:
    n, k = 256, 17
    fewer = math.ceil(0.2 * k)
    # Of n fakes and n - 1 reals in the order of their distance, j fakes come before the k-th real.
    exact = sum(
        math.comb(j + k - 1, j) * math.comb(2 * n - 1 - j - k, n - j) for j in range(fewer)
    ) / math.comb(2 * n - 1, n)
    g = torch.Generator().manual_seed(5)
    draws = [
        compare(real=torch.randn(n, 2, generator=g), fake=torch.randn(n, 2, generator=g)).missing
        for _ in range(16)
    ]
    assert exact == pytest.approx(1.035e-3, rel=1e-3)
    # Standard deviation .0025 a draw, as measured: four standard errors of 16.
    assert sum(draws) / 16 == pytest.approx(exact, abs=4 * 0.0025 / 16**0.5)


def test_modes_that_are_missing_are_and_modes_that_are_narrow_are_not() -> None:
    ring = Ring(count=8, radius=1.0, sigma=0.05)
    g = torch.Generator().manual_seed(6)
    real, fake = ring.sample(256, g), ring.sample(2_000, g)
    distance, mode = mode_distances(ring, fake).min(1)
    kept = fake[mode < 5][:256]
    assert compare(real=real, fake=kept).missing == pytest.approx(3 / 8, abs=0.1)
    centres = ring.modes[mode]
    narrow = (centres + 0.3 * (fake - centres))[:256]
    seen = compare(real=real, fake=narrow)
    assert seen.coverage < 0.75
    assert seen.missing < 0.02
    assert float(distance.max()) > 2  # the fakes that were narrowed were not


def test_remedies_parse_and_the_first_widens_g() -> None:
    first, *_ = applied(RECIPE, RULE(case(RECIPE, [PART] * LASTS)).remedies)
    assert first.nets.generator.hidden == (128,)
    thin = base("digits", 0, prior=replace(base("digits", 0).prior, dimension=1))
    first, *_ = applied(thin, RULE(case(thin, [PART] * LASTS)).remedies)
    assert first.prior.dimension == 32


@pytest.mark.slow
def test_a_narrow_g_is_found_and_modes_are_missing(tmp_path: Path) -> None:
    recipe = replace(RECIPE, seed=62, probing=Probing(every=250))
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    for _ in training:
        pass
    seen = Case(probes=tuple(training.run.probes()), recipe=training.recipe)
    assert RULE(seen).state == "found"
    distance, mode = mode_distances(recipe.data, training.model.sample(2_000, seed=1)).min(1)
    counts = torch.bincount(mode[distance <= 3], minlength=8)
    assert int((counts < 20).sum()) >= 1


def test_healthy_games_are_none() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
