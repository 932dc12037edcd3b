"""Findings as a person reads them: verdict, evidence, what was ruled out, what to change."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gannets.diagnosis.finding import Evidence, Finding, Passed, Remedy

if TYPE_CHECKING:
    from gannets.training import Run

__all__ = ["Refused", "as_json", "changing", "each_as_json", "finding_lines", "table_lines"]

WIDEST = 100
"""Columns of running text, however wide the terminal is."""
HEAD = ("median (range)", "threshold", "steps", "held (needed)")
"""Of a statistic over the window; in how many probes in a row, and how many it takes."""


@dataclass(frozen=True)
class Refused:
    """A run that cannot be looked at, and why."""

    path: str
    why: str


def each_as_json(told: tuple[Run, Finding] | Refused, own: Sequence[str] = ()) -> dict[str, Any]:
    """One of several runs as JSON has it: `as_json`, or its error."""
    if isinstance(told, Refused):
        return {"run": told.path, "error": told.why}
    return as_json(*told, own)


def as_json(run: Run, finding: Finding, own: Sequence[str] = ()) -> dict[str, Any]:
    """A finding as JSON has it, with the run it is of and the commands that try its remedies."""
    told = finding.to_json()
    for remedy, words in zip(finding.remedies, told["remedies"], strict=True):
        words["command"] = remedy.command(str(run.path), own)
    return {"run": str(run.path), **told}


def changing(run: Run, remedy: Remedy, own: Sequence[str] = ()) -> list[str]:
    """The command that tries a remedy, in words; `own` name a file of one's own."""
    return shlex.split(remedy.command(str(run.path), own))


def finding_lines(run: Run, finding: Finding, own: Sequence[str] = ()) -> list[str]:
    """All that a finding holds, in lines that fit the terminal."""
    width = _width()
    steps = run.recipe.steps
    lines = [f"{run.path}: {run.recipe.name}, step {finding.step:,} of {steps:,}", ""]
    lines += [finding.symptom, *_wrapped(finding.sentence, 2, width)]
    if finding.evidence:
        lines += ["", "evidence", *_evidence(finding.evidence, width)]
    lines += _passed("looked for, and not there", [p for p in finding.ruled_out if p.told], width)
    lines += _passed("cannot be told", [p for p in finding.ruled_out if not p.told], width)
    if finding.remedies:
        lines += ["", "what to change, what helps most first"]
    for number, remedy in enumerate(finding.remedies, 1):
        changes = ", ".join(remedy.changes) or "nothing: play on"
        lines += _wrapped(f"{number}. {changes}", 2, width, hang=3)
        lines += _wrapped(f"{remedy.why} ({remedy.source})", 5, width)
        lines += _command(changing(run, remedy, own), 5, width)
    return lines


def table_lines(told: Sequence[tuple[Run, Finding] | Refused]) -> list[str]:
    """A line for each run: how far it is, what is the matter, and the change that helps most; or
    why it cannot be looked at.
    """
    rows = [("run", "step", "verdict", "what to change")]
    for each in told:
        if isinstance(each, Refused):
            rows.append((each.path, "-", "cannot be looked at", each.why))
            continue
        run, finding = each
        change = ", ".join(finding.remedies[0].changes) if finding.remedies else ""
        rows.append((str(run.path), f"{finding.step:,}", finding.symptom, change))
    path, step, verdict = (max(len(row[i]) for row in rows) for i in range(3))
    lines = [f"{a:<{path}}  {b:>{step}}  {c:<{verdict}}  {d}".rstrip() for a, b, c, d in rows]
    # A pipe takes the lines whole.
    return [_cut(line, _width(None)) for line in lines] if sys.stdout.isatty() else lines


def _width(most: int | None = WIDEST) -> int:
    there = shutil.get_terminal_size().columns
    return there if most is None else max(40, min(there, most))


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 3]}..."


def _wrapped(text: str, by: int, width: int, *, hang: int = 0) -> list[str]:
    """`text` in lines of at most `width`, indented; those after the first by `hang` more."""
    margin = " " * by
    return textwrap.wrap(
        text,
        width,
        initial_indent=margin,
        subsequent_indent=margin + " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _evidence(evidence: Sequence[Evidence], width: int) -> list[str]:
    """Each statistic, and below it, in columns, its value, the threshold, when and how often."""
    rows = [HEAD, *map(_numbers, evidence)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]

    def line(row: Sequence[str]) -> str:
        cells = (f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True))
        return f"    {'   '.join(cells)}".rstrip()

    lines = [line(HEAD)]
    for each, row in zip(evidence, rows[1:], strict=True):
        lines += [*_wrapped(each.statistic, 2, width, hang=2), line(row)]
        if each.source:
            lines += _wrapped(f"threshold: {each.source}", 4, width, hang=2)
    return lines


def _numbers(evidence: Evidence) -> tuple[str, str, str, str]:
    """0.999 (0.998 to 1), >= 0.99, 500 to 600, 7 (3)."""
    low, high = evidence.interval
    first, last = evidence.window
    several = first != last
    spread = f" ({low:.3g} to {high:.3g})" if several else ""
    sign = ">=" if evidence.side == "above" else "<="
    where = f"{first:,} to {last:,}" if several else f"{last:,}"
    held = f"{evidence.held} ({evidence.needs})"
    return f"{evidence.value:.3g}{spread}", f"{sign} {evidence.threshold:.3g}", where, held


def _passed(title: str, passed: Sequence[Passed], width: int) -> list[str]:
    """A line or two for each symptom, its name in a column."""
    if not passed:
        return []
    column = max(len(each.symptom) for each in passed) + 4
    lines = ["", title]
    for each in passed:
        text = _wrapped(each.why, column, width) or [""]
        lines += [f"  {each.symptom}".ljust(column) + text[0].strip(), *text[1:]]
    return lines


def _command(words: Sequence[str], by: int, width: int) -> list[str]:
    """A command to be copied: in several lines, as a shell takes them, where one is too long."""
    margin = " " * by
    whole = margin + shlex.join(words)
    if len(whole) <= width:
        return [whole]
    parts, rest = [shlex.join(words[:2])], list(words[2:])
    while rest:
        parts.append(shlex.join(rest[:2]))
        rest = rest[2:]
    lines = [f"{margin}{' ' * 4 * bool(i)}{part} \\" for i, part in enumerate(parts)]
    lines[-1] = lines[-1].removesuffix(" \\")
    return lines
