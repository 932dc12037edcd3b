"""Does the advice help? The failing run, its first remedy, and the game that follows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.diagnosis.play import judge, place, played, remedied
from benchmarks.diagnosis.scenario import Scenario
from gannets.diagnosis import Probe

__all__ = ["Advised", "advice_table", "advised"]

LAST = 3
"""Probes at the end of a run, whose median distance is compared."""


@dataclass(frozen=True, kw_only=True)
class Advised:
    """A failing run, and what became of it by the first remedy."""

    symptom: str
    family: str
    seed: int
    remedy: str
    before: float
    """Distance to held-out data at the end of the failing run, as the referee has it."""
    after: float
    verdict: str
    """After the remedy."""

    @property
    def helped(self) -> bool:
        """Whether the failure is gone, and p_g is nearer to p_data."""
        nearer = math.isfinite(self.after) and not self.after >= self.before
        return self.verdict != self.symptom and nearer


def advised(scenario: Scenario, seed: int, folder: Path) -> Advised | None:
    """Play the first remedy of what was found; None where the failure itself was not."""
    run = played(scenario, seed, folder)
    finding = run.verdict
    if finding.symptom != scenario.symptom or not finding.remedies:
        return None
    kept = place(scenario, seed, folder)
    record = kept / "advice.json"
    remedy = finding.remedies[0]
    if not record.exists():
        recipe, probes = remedied(run.recipe, finding, kept / "run", kept / "cured")
        verdicts = [f.symptom for f in judge(recipe, probes, endless=run.endless)]
        line = {"after": _distance(probes), "verdict": verdicts[-1] if verdicts else "none"}
        record.write_text(json.dumps(line))
    found = json.loads(record.read_text())
    return Advised(
        symptom=scenario.symptom,
        family=scenario.family,
        seed=seed,
        remedy="; ".join(remedy.changes),
        before=_distance(run.probes),
        after=float(found["after"]),
        verdict=str(found["verdict"]),
    )


def advice_table(rows: Sequence[Advised]) -> str:
    """A line for each failure and kind of data."""
    lines = [
        "| failure | data | first remedy | runs | helped | distance before | after |",
        "|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Advised]] = {}
    for row in rows:
        groups.setdefault((row.symptom, row.family), []).append(row)
    for (symptom, family), group in groups.items():
        helped = sum(row.helped for row in group)
        before, after = (_median([getattr(r, k) for r in group]) for k in ("before", "after"))
        lines.append(
            f"| {symptom} | {family} | `{group[0].remedy}` | {len(group)} | {helped} | "
            f"{before:.3g} | {after:.3g} |"
        )
    total, helped = len(rows), sum(row.helped for row in rows)
    return "\n".join([*lines, "", f"The first remedy helped in {helped} of {total} runs."])


def _distance(probes: Sequence[Probe]) -> float:
    """Infinity where samples were no numbers."""
    seen = [p.referee.distance if p.referee else math.inf for p in probes if not p.failed]
    return _median(seen[-LAST:]) if seen and not any(p.failed for p in probes) else math.inf


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else math.inf
