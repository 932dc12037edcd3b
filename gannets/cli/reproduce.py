"""`gannets reproduce`: the paper's theorems, figures and tables, each by a command."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from gannets.cli.arguments import WHOLE_NUMBER, option
from gannets.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from gannets.reproduce.common import Bench, Claim, Figure, Reproduced

__all__ = ["reproduce"]


def reproduce(
    names: Annotated[
        tuple[str, ...],
        Positional,
        option("NAME", "which ones, or `all`; without a name they are listed"),
    ] = (),
    /,
    *,
    quick: Annotated[bool, option("", "a scaled version, in under two minutes each")] = False,
    out: Annotated[
        str | None,
        option("DIR", "where figures and the report are kept; by default runs/reproduce/NAME"),
    ] = None,
    runs: Annotated[
        str | None,
        option("DIR", "where trained runs are kept and found; by default runs/reproduce/trained"),
    ] = None,
    seed: Annotated[int, WHOLE_NUMBER, option("N", "seed of all random numbers; 0")] = 0,
    device: Annotated[str, option("NAME", "auto (the default), cpu, cuda, cuda:1 or mps")] = "auto",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    json: Annotated[bool, option("", "print the reports as JSON")] = False,
    table: Annotated[
        bool, option("", "print, as Markdown, what was found before; nothing is computed")
    ] = False,
) -> int:
    """Reproduce the paper of 2014: expected against measured, with the figures.

    What is trained on the way is kept: stopped by Ctrl-C, the same command goes on from there.
    Exit code 1 where a claim does not hold.
    """
    from gannets import reproduce as known
    from gannets.data import data_dir as with_data_dir
    from gannets.reproduce.common import Bench

    if seed < 0:
        raise InputError(f"--seed takes a whole number from 0, not {seed}.")
    asked = known.names() if "all" in names or (table and not names) else list(names)
    asked = [name.replace("-", "_") for name in asked]
    if not asked:
        _list()
        return 0
    for name in asked:
        known.about(name) if name in known.names() else known.get(name)
    if out is not None and len(asked) > 1:
        raise InputError("--out takes the results of one reproduction: name one, or leave it out.")
    if table:
        return _table(asked, quick=quick, out=out)
    with with_data_dir(data_dir):
        reports = []
        for name in asked:
            bench = Bench(
                known.directory(name, quick=quick, out=out),
                known.trained(quick=quick, runs=runs),
                seed=seed,
                device=device,
            )
            report = _reproduced(name, bench, quick=quick, quiet=json)
            if isinstance(report, int):
                return report
            reports.append(report)
    if json:
        _print_json(reports)
    return 0 if all(report.holds for report in reports) else 1


def _list() -> None:
    """What there is, in the order of the paper. The files are read, not run."""
    from rich.console import Console
    from rich.table import Table

    from gannets import reproduce as known

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("section", style="cyan", no_wrap=True)
    table.add_column("what it shows")
    table.add_column("takes", no_wrap=True)
    table.add_column("--quick", no_wrap=True)
    for name in known.names():
        about = known.about(name)
        table.add_row(name.replace("_", "-"), about.section, about.shows, *about.takes)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nnext\n  gannets reproduce figure1 --quick", style="bold", markup=False)


def _reproduced(name: str, bench: Bench, *, quick: bool, quiet: bool) -> Reproduced | int:
    """The report, or the exit code where it was stopped."""
    from rich.console import Console

    from gannets import reproduce as known
    from gannets.cli.interruption import Interruption
    from gannets.reproduce.common import Halted

    work = known.get(name)
    work = work.quick() if quick else work
    console = Console(highlight=False, stderr=quiet)
    about = known.about(name)
    console.print(f"{name.replace('_', '-')}: {about.shows}", style="bold", markup=False)
    with Interruption() as interruption, _progress(console) as progress:
        bench = replace(
            bench, watch=_Watch(progress), halted=lambda: interruption.signal is not None
        )
        try:
            report = known.record(
                name, work, bench, quick=quick, tell=lambda found: _tell(progress.console, found)
            )
        except Halted as halted:
            progress.stop()
            print(f"gannets: {halted}", file=sys.stderr)
            return interruption.code
    _conclude(console, report, bench.path)
    return report


class _Watch:
    """A bar for what is being done; there is one at a time."""

    def __init__(self, progress: Any) -> None:
        self._progress, self._what, self._task = progress, "", None

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._what, self._task = what, self._progress.add_task(what, total=total)
        self._progress.update(self._task, completed=done, total=total)


def _progress(console: Console) -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, refresh_per_second=4)


def _tell(console: Console, found: Claim | Figure) -> None:
    """One claim or figure, as it is found."""
    from rich.text import Text

    from gannets.reproduce.common import Figure

    if isinstance(found, Figure):
        console.print(Text.assemble("  ", ("figure", "cyan"), f"  {found.path}"), soft_wrap=True)
        console.print(Text(f"          {found.caption}", "dim"))
        return
    word, style = {
        True: ("holds", "green"),
        False: ("FAILS", "bold red"),
        None: ("shown", "cyan"),
    }[found.holds]
    console.print(Text.assemble("  ", (f"{word:<6}", style), f"  {found.what}"))
    beside = f", {found.expected} expected" if found.expected else ""
    source = f" ({found.source})" if found.source else ""
    console.print(Text(f"          {found.measured}{beside}{source}", "dim"))


def _conclude(console: Console, report: Reproduced, path: Path) -> None:
    from gannets.cli.words import clock

    judged = [claim for claim in report.claims if claim.holds is not None]
    verdict = (
        f"{len(report.failed)} of {len(judged)} claims do not hold"
        if report.failed
        else f"{len(judged)} claims hold"
    )
    style = "bold red" if report.failed else "bold green"
    console.print(
        f"  {verdict}; {clock(report.seconds)}; kept in {path}", style=style, markup=False
    )
    console.print()


def _table(names: list[str], *, quick: bool, out: str | None) -> int:
    """What was found before, of those that have been reproduced."""
    from gannets import reproduce as known
    from gannets.reproduce.common import Reproduced, markdown

    reports = []
    for name in names:
        path = known.place(name, quick=quick, out=out)
        if (path / "report.json").is_file():
            reports.append(Reproduced.read(path))
    if not reports:
        raise InputError(
            "Nothing has been reproduced here yet: run `gannets reproduce NAME` first, from this "
            "directory."
        )
    print(markdown(reports))
    return 0


def _print_json(reports: list[Reproduced]) -> None:
    import json

    found = [report.to_json() for report in reports]
    print(json.dumps(found if len(found) > 1 else found[0], indent=2))
