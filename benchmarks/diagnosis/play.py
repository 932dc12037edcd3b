"""Plays scenarios, keeps what was seen, and judges it: once, or again after a rule has changed."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.diagnosis.scenario import Scenario
from gannets.diagnosis import Case, Finding, Probe, diagnosed
from gannets.errors import StoppedError
from gannets.theory.densities import Density
from gannets.training import Recipe, Training

__all__ = ["Played", "judge", "place", "played"]


@dataclass(frozen=True, kw_only=True)
class Played:
    """A scenario with a seed, and its verdicts."""

    scenario: Scenario
    seed: int
    recipe: Recipe
    probes: tuple[Probe, ...]
    seconds: float

    @property
    def endless(self) -> bool:
        """Whether the data are drawn anew for ever."""
        return isinstance(self.recipe.data, Density)

    @property
    def findings(self) -> list[Finding]:
        """The verdict after each probe, as it was given live."""
        return list(judge(self.recipe, self.probes, endless=self.endless))

    @property
    def verdict(self) -> Finding:
        """What `--on-finding stop` would have stopped at first; else the last word."""
        findings = self.findings
        return next((f for f in findings if f.settled), findings[-1])

    @property
    def right(self) -> bool:
        """Whether that is what was provoked."""
        return self.scenario.right(self.verdict.symptom)


def place(scenario: Scenario, seed: int, folder: Path) -> Path:
    """Where a run of a scenario is kept."""
    return folder / f"{re.sub(r'[^a-zA-Z]+', '-', scenario.name)}-{seed}"


def judge(recipe: Recipe, probes: Sequence[Probe], *, endless: bool) -> Iterator[Finding]:
    """The verdict after each probe, of those until then."""
    for k in range(1, len(probes) + 1):
        yield diagnosed(Case(probes=tuple(probes[:k]), recipe=recipe, endless=endless))


def played(scenario: Scenario, seed: int, folder: Path) -> Played:
    """Play a scenario, or take up what was kept of it in `folder`."""
    kept = place(scenario, seed, folder)
    recipe, record = scenario.recipe(seed), kept / "probes.json"
    if not record.exists():
        shutil.rmtree(kept, ignore_errors=True)
        begun = time.process_time()
        probes = _run(recipe, kept / "run")
        seconds = time.process_time() - begun
        line = {"seconds": seconds, "probes": [probe.to_json() for probe in probes]}
        record.write_text(json.dumps(line))
    found: dict[str, Any] = json.loads(record.read_text())
    probes = tuple(Probe.from_json(line) for line in found["probes"])
    return Played(
        scenario=scenario, seed=seed, recipe=recipe, probes=probes, seconds=found["seconds"]
    )


def _run(recipe: Recipe, out: Path) -> Sequence[Probe]:
    """What was seen until the first failure was named, or until the end."""
    training = Training.start(recipe, out=out, device="cpu")
    try:
        for _ in training:
            if training.finding is not None and training.finding.serious:
                break
        training.close()
    except StoppedError:  # numbers that are none are a finding, too
        training.close()
    return training.run.probes()
