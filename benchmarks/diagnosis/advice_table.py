"""The table of what became of failing games by the first remedies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from benchmarks.diagnosis.advice import Advised

__all__ = ["advice_table"]

HEAD = (
    "failure",
    "data",
    "first remedy",
    "runs",
    "found",
    "gone",
    "nearer",
    "both",
    "distance before",
    "after",
    "found instead, or after",
)


def advice_table(rows: Sequence[Advised]) -> str:
    """A line for each failure and kind of data, and the rate over all in which it was found."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    groups: dict[tuple[str, str], list[Advised]] = {}
    for row in rows:
        groups.setdefault((row.symptom, row.data), []).append(row)
    for (symptom, data), group in groups.items():
        lines.append(_line([symptom, data, *_cells(group)]))
    found = [row for row in rows if row.recognised]
    gone, nearer, helped = (
        sum(getattr(row, what) for row in found) for what in ("gone", "nearer", "helped")
    )
    rate = f", {helped / len(found):.0%}" if found else ""
    return "\n".join(
        [
            *lines,
            "",
            f"{len(rows)} runs. What was provoked was found first in {len(found)} of them, and of "
            f"these the first remedy helped in {helped}{rate}: gone in {gone}, nearer in {nearer}.",
        ]
    )


def _cells(group: Sequence[Advised]) -> list[str]:
    found = [row for row in group if row.recognised]
    remedies = Counter(row.remedy for row in found).most_common(1)
    # With a bar in it, a remedy would be two cells.
    remedy = f"`{remedies[0][0]}`".replace("|", "\\|") if remedies else ""
    counts = [
        len(group),
        len(found),
        *(sum(getattr(row, what) for row in found) for what in ("gone", "nearer", "helped")),
    ]
    distances = [
        f"{median(getattr(row, what) for row in found):.3g}" if found else ""
        for what in ("before", "after")
    ]
    others = Counter(row.found for row in group if not row.recognised)
    others += Counter(f"as {row.found}" for row in found if row.found != row.symptom)
    others += Counter(f"then {row.verdict}" for row in found if not row.gone)
    instead = ", ".join(f"{name} {count}" for name, count in others.items())
    return [remedy, *map(str, counts), *distances, instead]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
