"""`gannets reproduce`: the paper's theorems, figures and tables, each by a command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from gannets.cli.arguments import WHOLE_NUMBER, option
from gannets.cli.results_table import print_table
from gannets.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from gannets.reproduce.common import Claim, Figure, Reproduced

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
    json: Annotated[
        bool, option("", "print the report as JSON; of several, or `all`, a list")
    ] = False,
    table: Annotated[
        bool, option("", "print, as Markdown, what was found before, in full or else by --quick")
    ] = False,
) -> int:
    """Reproduce the theorems, figures and tables of the paper of 2014.

    Expected is printed beside measured, and figures are saved. Trainings on the way are kept:
    stopped by Ctrl-C, the same command takes them up and does the rest anew. Exit code 1 where a
    claim does not hold.
    """
    from gannets import reproduce as known

    if seed < 0:
        raise InputError(f"--seed takes a whole number from 0, not {seed}.")
    every = "all" in names or (table and not names)
    given = [known.spelt(name) for name in names if name != "all"]
    asked = known.names() if every else list(dict.fromkeys(given))
    if not asked:
        _list()
        return 0
    if out is not None and len(asked) > 1:
        raise InputError("--out takes the results of one reproduction: name one, or leave it out.")
    if table:
        if json:
            raise InputError("--table prints Markdown and --json JSON: choose one of them.")
        return print_table(asked, quick=quick, out=out, seed=seed, every=every)
    session = _Session(
        quick=quick,
        out=out,
        runs=runs,
        seed=seed,
        device=device,
        json=json,
        several=every or len(names) > 1,
    )
    return session.all(asked, data_dir=data_dir)


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


@dataclass(frozen=True)
class _Session:
    """What was asked for of each of the reproductions."""

    quick: bool
    out: str | None
    runs: str | None
    seed: int
    device: str
    json: bool
    several: bool
    """Whether more than one was asked for, however many come of it."""

    def all(self, names: Sequence[str], *, data_dir: str | None) -> int:
        """One after the other. Of several, one whose data are missing does not stop the others."""
        from gannets.cli.interruption import Interruption
        from gannets.data import data_dir as with_data_dir
        from gannets.reproduce.common import Halted

        answers: list[dict[str, Any]] = []
        refused: list[str] = []
        code, failed = 0, False
        with Interruption() as interruption, with_data_dir(data_dir):
            for name in names:
                try:
                    report = self.one(name, lambda: interruption.signal is not None)
                    answers.append(report.to_json())
                    failed = failed or not report.holds
                except Halted as halted:
                    print(f"gannets: {halted}", file=sys.stderr)
                    answers.append(self.without_report(name, "stopped", halted))
                    code = interruption.code
                    break
                except InputError as error:
                    answers.append(self.without_report(name, "refused", error))
                    if not self.several:
                        self.print_json(answers)
                        raise
                    print(f"gannets: {error}\n", file=sys.stderr)
                    refused.append(name.replace("_", "-"))
        self.print_json(answers)
        if refused:
            print(f"gannets: not reproduced: {', '.join(refused)}.", file=sys.stderr)
        return code or (1 if failed else 2 if refused else 0)

    def without_report(self, name: str, what: str, why: Exception) -> dict[str, Any]:
        """What stands in the JSON in the place of a report."""
        return {"name": name, "quick": self.quick, "seed": self.seed, what: str(why)}

    def print_json(self, answers: Sequence[dict[str, Any]]) -> None:
        """All of it, where it is asked for: a list of several, of one the object alone."""
        import json

        if self.json:
            print(json.dumps(answers if self.several else answers[0], indent=2))

    def one(self, name: str, halted: Callable[[], bool]) -> Reproduced:
        """Reproduce and say what is found."""
        from rich.console import Console

        from gannets import reproduce as known

        console = Console(highlight=False, stderr=self.json)
        words = f"{name.replace('_', '-')}: {known.about(name).shows}"
        console.print(words, style="bold", markup=False)
        with _progress(console) as progress:
            report = known.reproduce(
                name,
                quick=self.quick,
                out=self.out,
                runs=self.runs,
                seed=self.seed,
                device=self.device,
                tell=lambda found: _tell(progress.console, found),
                watch=_Watch(progress),
                halted=halted,
            )
        place = known.place(name, quick=self.quick, out=self.out, seed=self.seed)
        _conclude(console, report, place)
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
