"""Converged: said by the referee, of the samples it has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.diagnosis.scenarios import blind_discriminator as blind
from benchmarks.diagnosis.scenarios import converged as scenarios
from gannets.diagnosis import Case, diagnosed
from gannets.diagnosis.converged import Converged
from gannets.training import Training
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import case, healthy

RULE = Converged()
RECIPE = scenarios.scenarios()[0].recipe(0)
LINE = 0.5 + 2.5 * 0.5 / math.sqrt(512)


NOISE = [0.02, -0.03, 0.01, -0.01, 0.03, -0.02, 0.02, -0.02]


def run(count: int = 9, last: Any = None, **shift: float) -> Case:
    """A run of equal samples, whose statistics are shifted; the last probe has other parts."""
    rows = []
    for i in range(count):
        noise = NOISE[i % 8]
        fields = {
            "distance": 0.1 * noise + shift.get("distance", 0.0),
            "nearest_real": 0.5 - noise + shift.get("nearest", 0.0),
            "nearest_fake": 0.5 - noise + shift.get("nearest", 0.0),
        }
        rows.append({"referee": fields, "clones": {}})
    if last is not None:
        rows[-1] = {**rows[-1], **last, "referee": {**rows[-1]["referee"], **last["referee"]}}
    return case(RECIPE, rows)


def test_it_takes_eight_probes_and_a_copy_of_d() -> None:
    # Probes are 250 updates apart: the first is before 500.
    assert RULE(run(8)).state == "unknown"
    finding = diagnosed(run(), order=(RULE,))
    assert (finding.symptom, finding.state) == ("converged", "converged")
    assert finding.settled
    assert not finding.serious
    bare = replace(run(), probes=tuple(replace(p, clones=None) for p in run().probes))
    asking = RULE(bare)
    assert (asking.state, asking.asks) == ("unknown", True)


@pytest.mark.parametrize(
    "last",
    [
        {"referee": {"c2st": LINE + 1e-3}},
        {"referee": {"c2st": 0.5, "beyond": LINE + 1e-3}},
        {"referee": {"coverage": 0.87}},
        {"referee": {}, "clones": {"reference": 0.11}},
    ],
)
def test_a_last_probe_that_tells_clears_it(last: dict[str, Any]) -> None:
    assert RULE(run(last=last)).state == "cleared"


def test_means_over_probes_tell_what_none_of_them_does() -> None:
    # The noise has a standard deviation of .0233 (distance: a tenth): 2.5 / √8 of it are .0206.
    for path, edge in (("distance", 0.00206), ("nearest", 0.0206)):
        assert RULE(run(**{path: 0.9 * edge})).state == "found", path
        assert RULE(run(**{path: 1.1 * edge})).state == "cleared", path
    assert LINE > 0.5 + 0.0206 * 1.1  # a single probe takes that for even


def test_the_line_of_a_probe_is_that_of_its_samples() -> None:
    told = {"referee": {"c2st": 0.58}}
    # 512 samples tell .58 from 1/2; 128 do not: 2.5 errors are .11.
    assert RULE(run(last=told)).state == "cleared"
    smaller = run(last=told)
    smaller = replace(smaller, probes=tuple(replace(p, n=64) for p in smaller.probes))
    assert RULE(smaller).state == "found"


def test_a_distance_that_still_falls_is_not_the_end() -> None:
    falling = [{"referee": {"distance": 0.004 - 0.001 * i}, "clones": {}} for i in range(10)]
    answer = RULE(case(RECIPE, falling))
    assert answer.state == "cleared"
    assert "falls" in answer.why


def test_a_blind_d_that_calls_it_even_has_not_converged(tmp_path: Path) -> None:
    scenario = next(s for s in blind.scenarios() if s.family == "ring")
    recipe = replace(
        scenario.recipe(65), steps=1_300, batch=64, probing=Probing(every=100, clones=0)
    )
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    for _ in training:
        pass
    seen = Case(probes=tuple(training.run.probes()), recipe=recipe, endless=True)
    assert seen.last.verdicts is not None
    assert abs(seen.last.verdicts.loss - seen.last.verdicts.loss_undecided) < 0.1  # D: all even
    assert RULE(seen).state == "cleared"


@pytest.mark.slow
def test_a_gaussian_is_learnt(tmp_path: Path) -> None:
    training = Training.start(RECIPE, out=tmp_path / "run", device="cpu")
    said = set()
    for _ in training:
        if training.finding is not None:
            said.add(training.finding.symptom)
    assert "converged" in said


def test_a_game_that_has_just_begun_is_not() -> None:
    assert not [s.step for s in healthy() if RULE(s).state in ("found", "suspected")]
