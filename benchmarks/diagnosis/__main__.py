"""Is the diagnosis right? Runs with a known fault, their verdicts, and whether the advice helps.

    python -m benchmarks.diagnosis play --out DIR [--seeds 100-104] [--only TEXT] [--family NAME]
    python -m benchmarks.diagnosis matrix --out DIR
    python -m benchmarks.diagnosis advice --out DIR [--seeds 100-104] [--only TEXT] [--table]

`play` keeps what was seen of each run and takes up where it was left; `matrix` judges it by the
rules as they are now and prints the table of right and wrong verdicts. `advice` plays each failing
run on, and with the first remedy of its finding; it too takes up where it was left, and `--table`
prints what is kept so far. Data that are not here are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.diagnosis.advice import Advised, advised, remembered
from benchmarks.diagnosis.advice_table import advice_table
from benchmarks.diagnosis.play import Played, place, played
from benchmarks.diagnosis.scenario import Scenario
from benchmarks.diagnosis.scenarios import everything

TOYS = ("ring", "grid")
ENDS = ("", "converged", "plateau")
"""Of which there is nothing to be cured."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("play", "matrix", "advice"))
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seeds", default="100-104", type=_seeds)
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument("--family", default="", help="scenarios of this family")
    parser.add_argument("--table", action="store_true", help="advice: play nothing")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    chosen = [
        each
        for each in everything()
        if asked.only in each.name and asked.family in ("", each.family)
    ]
    if asked.what == "advice":
        print(advice_table(_advice(chosen, asked.seeds, asked.out, play=not asked.table)))
        return 0
    runs = []
    for seed in asked.seeds:
        for scenario in chosen:
            if asked.what == "play" or _kept(scenario, seed, asked.out):
                runs.append(played(scenario, seed, asked.out))
                if asked.what == "play":
                    _say(runs[-1])
    print(matrix(runs))
    return 0


def _advice(chosen: Sequence[Scenario], seeds: range, folder: Path, *, play: bool) -> list[Advised]:
    """What became of failing games: a seed of all, then the next, each said as it is done."""
    rows = []
    failing = [each for each in chosen if each.symptom not in ENDS]
    for seed in seeds:
        for scenario in failing:
            if not play:
                kept = remembered(scenario, seed, folder)
                rows += [] if kept is None else [kept]
                continue
            rows.append(advised(scenario, seed, folder))
            _say_advised(rows[-1])
    return rows


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _kept(scenario: Scenario, seed: int, folder: Path) -> bool:
    return (place(scenario, seed, folder) / "probes.json").exists()


def _say(run: Played) -> None:
    mark = "" if run.right else "   WRONG"
    verdict = run.verdict
    print(
        f"{run.scenario.name}, seed {run.seed}: {verdict.symptom} at {verdict.step:,} "
        f"({run.seconds:.0f} s){mark}",
        file=sys.stderr,
        flush=True,
    )


def _say_advised(row: Advised) -> None:
    what = "not found, but " + row.found
    if row.recognised:
        then = "gone" if row.gone else f"then {row.verdict}"
        what = f"{then}, {row.before:.3g} to {row.after:.3g}, by {row.remedy}"
    print(
        f"{row.data}, {row.symptom}, seed {row.seed}: {what} ({row.seconds:.0f} s)",
        file=sys.stderr,
        flush=True,
    )


def matrix(runs: Sequence[Played]) -> str:
    """The table of verdicts, a line for what was provoked, and the rates."""
    lines = ["| provoked | runs | right | wrong, by data: found instead |", "|---|---|---|---|"]
    groups: dict[str, list[Played]] = {}
    for run in sorted(runs, key=lambda run: run.scenario.symptom):
        groups.setdefault(run.scenario.symptom or "healthy", []).append(run)
    for symptom, group in groups.items():
        right = sum(run.right for run in group)
        lines.append(f"| {symptom} | {len(group)} | {right} | {wrong(group)} |")
    return "\n".join([*lines, "", *rates(runs)])


def wrong(runs: Sequence[Played]) -> str:
    """What was found instead, by data."""
    found: dict[str, Counter[str]] = {}
    for run in runs:
        if not run.right:
            title = f" ({run.scenario.title})" if run.scenario.title else ""
            data = run.scenario.family + title
            found.setdefault(data, Counter())[run.verdict.symptom] += 1
    return "; ".join(
        f"{data}: " + ", ".join(f"{name} {count}" for name, count in instead.items())
        for data, instead in found.items()
    )


def rates(runs: Sequence[Played]) -> list[str]:
    """False alarms on healthy runs, and recall on toys and on images."""
    healthy = [run for run in runs if not run.scenario.symptom]
    lines = [f"{len(runs)} runs."]
    if healthy:
        alarms = sum(not run.right for run in healthy)
        lines.append(f"False alarms: {alarms} of {len(healthy)} healthy runs.")
    for name, toys in (("toys", True), ("images", False)):
        ill = [r for r in runs if r.scenario.symptom and (r.scenario.family in TOYS) == toys]
        if ill:
            found = sum(run.right for run in ill)
            lines.append(f"Recall on {name}: {found} of {len(ill)}, {found / len(ill):.0%}.")
    return lines


if __name__ == "__main__":
    sys.exit(main())
