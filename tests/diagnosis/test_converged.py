"""Converged: said by the referee, of the samples it has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
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
NOISE = [0.02, -0.03, 0.01, -0.01, 0.03, -0.02, 0.02, -0.02]
"""Of accuracies; a tenth of it for the distance."""


def run(count: int = 25, noise: float = 1.0, last: Any = None, **shift: float) -> Case:
    """A run of equal samples, whose statistics are shifted; the last probe has other parts."""
    rows = []
    for i in range(count):
        off = noise * NOISE[i % 8]
        fields = {
            "distance": 0.1 * off + shift.get("distance", 0.0),
            "c2st": 0.5 + off + shift.get("c2st", 0.0),
            "nearest_real": 0.5 - off + shift.get("nearest", 0.0),
            "nearest_fake": 0.5 - off + shift.get("nearest", 0.0),
        }
        if "beyond" in shift:
            fields["beyond"] = 0.5 + off + shift["beyond"]
        rows.append({"referee": fields, "clones": {}})
    if last is not None:
        rows[-1] = {**rows[-1], **last, "referee": {**rows[-1]["referee"], **last["referee"]}}
    return case(RECIPE, rows)


def test_it_takes_24_probes_and_a_copy_of_d() -> None:
    # Probes are 250 updates apart: the first is before 500.
    assert RULE(run(24)).state == "unknown"
    finding = diagnosed(run(), order=(RULE,))
    assert (finding.symptom, finding.state) == ("converged", "converged")
    assert finding.settled
    assert not finding.serious
    bare = replace(run(), probes=tuple(replace(p, clones=None) for p in run().probes))
    asking = RULE(bare)
    assert (asking.state, asking.asks) == ("unknown", True)


@pytest.mark.parametrize(("apart", "state"), [(0, "unknown"), (1_023, "unknown"), (1_024, "found")])
def test_few_held_out_samples_are_the_same_again_and_again(apart: int, state: str) -> None:
    """So that probes share one error, which no number of them makes smaller."""
    rows = tuple(replace(p, apart=apart) for p in run().probes)
    assert RULE(replace(run(), probes=rows)).state == state


def test_a_copy_of_d_that_is_old_is_not_asked() -> None:
    def copied(*, after: int) -> Case:
        whole = run(61)  # the last ten are of steps from 13,000 on
        found = tuple(
            p if p.step == after else replace(p, clones=None)
            for p in run(61, last={"referee": {}}).probes
        )
        return replace(whole, probes=found)

    assert RULE(copied(after=12_750)).asks
    assert RULE(copied(after=13_000)).state == "found"


@pytest.mark.parametrize(
    "last",
    [{"referee": {"coverage": 0.87}}, {"referee": {}, "clones": {"reference": 0.11}}],
)
def test_a_last_probe_that_tells_clears_it(last: dict[str, Any]) -> None:
    assert RULE(run(last=last)).state == "cleared"


def test_the_bound_is_that_of_student() -> None:
    # Student's t of 95 % with 24 probes is 1.71 (23 degrees of freedom).
    values = [NOISE[i % 8] for i in range(1, 25)]
    error = 1.71 * stdev(values) / math.sqrt(24)
    for path, sign, margin in (("c2st", 1, 0.02), ("nearest", -1, 0.025), ("beyond", 1, 0.02)):
        edge = margin - error - sign * mean(values)
        assert RULE(run(**{path: edge - 1e-4})).state == "found", path
        assert RULE(run(**{path: edge + 1e-4})).state == "cleared", path
    edge = 0.0025 - 0.1 * (error + mean(values))
    assert RULE(run(distance=edge - 1e-5)).state == "found"
    assert RULE(run(distance=edge + 1e-5)).state == "cleared"


def test_to_see_nothing_is_not_enough() -> None:
    # Even on average, but so noisy that .02 would not be seen: not found until there are more.
    assert RULE(run(noise=3.0)).state == "cleared"
    assert RULE(run(200, noise=3.0)).state == "found"


def test_it_says_at_what_resolution() -> None:
    coarse, fine = (RULE(run(count)).why for count in (25, 81))
    assert "24 probes of 256" in coarse
    assert "40 probes of 256" in fine
    # The mean distance is 0 or lucky, its error .0008 and .0006: shifts of 4 % and 3 %.
    assert "shift by 4% of the data's spread" in coarse
    assert "shift by 3% of the data's spread" in fine


@pytest.mark.parametrize("path", ["distance", "c2st"])
def test_a_game_that_still_comes_nearer_is_not_at_its_end(path: str) -> None:
    # From beyond to below equality, within all margins on average.
    scale = {"distance": 2e-4, "c2st": 2e-3}[path]
    equal = {"distance": 0.0, "c2st": 0.5}[path]
    rows = [{"referee": {path: equal + scale * (12 - i)}, "clones": {}} for i in range(25)]
    answer = RULE(case(RECIPE, rows))
    assert answer.state == "cleared"
    assert "nearer" in answer.why


@pytest.mark.slow
def test_a_blind_d_that_calls_it_even_has_not_converged(tmp_path: Path) -> None:
    scenario = next(s for s in blind.scenarios() if s.family == "ring")
    probing = Probing(every=12, n=128, clones=0)
    recipe = replace(scenario.recipe(65), steps=800, batch=64, probing=probing)
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
