"""What was measured, as a table that can be read, kept and set beside others of its protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gannets.errors import InputError, unknown
from gannets.metrics.comparison import Comparison, Metric
from gannets.metrics.estimate import Estimate

__all__ = ["Report", "Reports", "figure", "measure"]

SCHEMA = 1
HEAD = ("metric", "value", "95 % interval", "floor", "excess", "p", "n")


@dataclass(frozen=True)
class Report:
    """Estimates of one comparison, each found by its key: `report["fd"].value`."""

    estimates: tuple[Estimate, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    """Metrics that could not be measured, and why."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What was compared: the names of both sides, versions, notes on how they were read."""
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """The keys of the estimates of each metric, by its name; not kept in files."""

    def __getitem__(self, key: str) -> Estimate:
        if (found := self.get(key)) is not None:
            return found
        why = dict(self.skipped).get(key)
        if why is not None:
            raise InputError(f"{key} could not be measured: {why}")
        if gives := self._given_by(key):
            raise InputError(
                f"{key} is a metric, no estimate: it gives {', '.join(gives)}; name one of these."
            )
        raise unknown("estimate", key, [estimate.key for estimate in self.estimates])

    def _given_by(self, metric: str) -> tuple[str, ...]:
        """The keys of what a metric gave, however its name is spelt: c2st, C2ST."""
        names = {name.partition("(")[0].lower(): keys for name, keys in self.families.items()}
        return names.get(metric.lower()) or names.get(metric.replace("_", "").lower(), ())

    def get(self, key: str) -> Estimate | None:
        """The estimate, or None where there is none of that key."""
        return next((estimate for estimate in self.estimates if estimate.key == key), None)

    def __contains__(self, key: object) -> bool:
        return any(estimate.key == key for estimate in self.estimates)

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.estimates)

    def __len__(self) -> int:
        return len(self.estimates)

    @property
    def name(self) -> str:
        """What was measured."""
        return str(self.provenance.get("name") or self.provenance.get("fake", "fake"))

    @property
    def is_copy(self) -> bool:
        """Whether the samples are the real ones themselves, or those G was trained on."""
        return "copy_of" in self.provenance

    def rows(self) -> list[tuple[str, ...]]:
        """The table: a header, then a row of words an estimate."""
        return [HEAD, *(_row(estimate) for estimate in self.estimates)]

    def lines(self) -> list[tuple[str, str]]:
        """The table as lines of text: a row and what it says below it; the first is the header."""
        says = ["", *(estimate.meaning for estimate in self.estimates)]
        return list(zip(_columns(self.rows()), says, strict=True))

    def remarks(self) -> list[str]:
        """What has to be known besides: notes on estimates, and what could not be measured."""
        notes = [f"{e.name}: {note}" for e in self.estimates for note in e.notes]
        return notes + [f"not measured: {name}: {why}" for name, why in self.skipped]

    def sides(self) -> list[str]:
        """What was compared, a line each."""
        roles = ("fake", "real", "train", "holdout", "features", "seed")
        known = [(role, self.provenance.get(role)) for role in roles]
        notes = [("note", note) for note in self.provenance.get("notes", ())]
        return [f"{role:<9} {value}" for role, value in [*known, *notes] if value is not None]

    def __str__(self) -> str:
        table = [
            line for row, says in self.lines() for line in (row, f"    {says}") if line.strip()
        ]
        remarks = self.remarks()
        return "\n".join([*self.sides(), "", *table, *([""] if remarks else []), *remarks])

    def to_json(self) -> dict[str, Any]:
        """As an object of JSON."""
        return {
            "report": SCHEMA,
            "provenance": dict(self.provenance),
            "estimates": [estimate.to_json() for estimate in self.estimates],
            "skipped": [list(pair) for pair in self.skipped],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Report:
        """The report that `to_json` wrote."""
        try:
            if value["report"] != SCHEMA:
                raise InputError(f"This report has schema {value['report']!r:.40}, not {SCHEMA}.")
            return cls(
                tuple(Estimate.from_json(each) for each in value["estimates"]),
                tuple((str(name), str(why)) for name, why in value["skipped"]),
                dict(value["provenance"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"This is no report as gannets writes them: {error!r:.100}.") from None


@dataclass(frozen=True)
class Reports(Sequence[Report]):
    """Several reports side by side: refused where a number of theirs has another protocol."""

    reports: tuple[Report, ...]

    def __post_init__(self) -> None:
        if not self.reports:
            raise InputError("There is nothing to compare: give at least one report.")
        first, *others = self.reports
        for other in others:
            for estimate in first:
                twin = other.get(estimate.key)
                if twin is not None and (difference := estimate.differs(twin)):
                    raise InputError(
                        f"{first.name} and {other.name} cannot stand side by side: {estimate.key} "
                        f"was measured by different protocols ({difference}); measure both alike."
                    )

    def __getitem__(self, index: Any) -> Any:
        return self.reports[index]

    def __len__(self) -> int:
        return len(self.reports)

    def sides(self) -> list[str]:
        """What was compared, a line each: every fake, and what they have in common once."""
        lines = [line for each in self.reports for line in each.sides()]
        order = ("fake", "real", "train", "holdout", "features", "seed", "note")
        return sorted(dict.fromkeys(lines), key=lambda line: order.index(line.split()[0]))

    def rows(self) -> list[tuple[str, ...]]:
        """A row a metric, a column a report; a star where one is better beyond both intervals.

        A copy of the reference, marked "=", is in no contest.
        """
        keys = list(dict.fromkeys(e.key for report in self.reports for e in report))
        head = ("metric", "floor", *(report.name for report in self.reports))
        return [head, *(self._row(key) for key in keys)]

    def _row(self, key: str) -> tuple[str, ...]:
        found = [report.get(key) for report in self.reports]
        there = [estimate for estimate in found if estimate is not None]
        copies = [report.is_copy for report in self.reports]
        rivals = zip(found, copies, strict=True)
        ahead = _clearly_best([e for e, copy in rivals if e is not None and not copy])
        cells = [
            "-" if e is None else _cell(e) + (" =" if copy else " *" if e is ahead else "")
            for e, copy in zip(found, copies, strict=True)
        ]
        floor = there[0].floor
        return there[0].name, "" if floor is None else figure(floor), *cells

    def remarks(self) -> list[str]:
        """What has to be known besides, of each report."""
        return [f"{each.name}: {line}" for each in self.reports for line in each.remarks()]

    def __str__(self) -> str:
        return "\n".join(_columns(self.rows()))

    def to_json(self) -> dict[str, Any]:
        """As an object of JSON."""
        return {"reports": [report.to_json() for report in self.reports]}


def measure(
    comparison: Comparison,
    metrics: Mapping[str, Metric],
    *,
    lenient: bool = False,
    watch: Callable[[str], None] | None = None,
) -> Report:
    """Measure each of `metrics`; `lenient` leaves out those that cannot be, and says so.

    `watch` is told each name before it is measured.
    """
    estimates: list[Estimate] = []
    skipped: list[tuple[str, str]] = []
    families: dict[str, tuple[str, ...]] = {}
    for name, metric in metrics.items():
        if watch is not None:
            watch(name)
        try:
            found = metric(comparison)
        except InputError as error:
            # Samples that are too few, too small or all alike for one metric may do for others.
            if not lenient:
                raise
            skipped.append((name, str(error)))
            continue
        estimates += found
        families[name] = tuple(estimate.key for estimate in found)
    return Report(tuple(estimates), tuple(skipped), comparison.about, families)


def figure(value: float) -> str:
    """Four figures, as a person reads them."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return f"{value:.2e}"


def _row(e: Estimate) -> tuple[str, ...]:
    return (
        e.name,
        figure(e.value),
        "" if e.interval is None else f"{e.interval[0]:.3g} .. {e.interval[1]:.3g}",
        "" if e.floor is None else figure(e.floor),
        "" if e.excess is None else f"{e.excess:+.3g}",
        "" if e.p is None else ("<1e-4" if e.p < 1e-4 else f"{e.p:.2g}"),
        f"{e.n[0]:,}" if e.n[0] == e.n[1] else f"{e.n[0]:,}/{e.n[1]:,}",
    )


def _clearly_best(estimates: Sequence[Estimate]) -> Estimate | None:
    """The one whose interval is clear of all others', if there is one."""
    if len(estimates) < 2:
        return None
    first, second = sorted(estimates, key=lambda estimate: estimate.badness)[:2]
    low, high = first.interval or (first.value,) * 2, second.interval or (second.value,) * 2
    apart = low[1] < high[0] or high[1] < low[0]
    return first if apart and first.badness < second.badness else None


def _cell(e: Estimate) -> str:
    if e.interval is None:
        return figure(e.value)
    return f"{figure(e.value)} ± {figure((e.interval[1] - e.interval[0]) / 2)}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words in aligned columns, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
