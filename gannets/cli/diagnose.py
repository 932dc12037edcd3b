"""`gannets diagnose`: what is wrong with a run, by what evidence, and what to change."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from gannets.cli.arguments import SEED, option
from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.diagnosis import Case, Finding
    from gannets.training import Run

__all__ = ["diagnose"]

SCHEMA = 1


def diagnose(
    runs: Annotated[tuple[str, ...], Positional, option("RUN [RUN ...]", "runs' directories")] = (),
    /,
    *,
    against: Annotated[
        str | None, option("DATA", "the real samples; by default what a run's data held out")
    ] = None,
    json: Annotated[bool, option("", "print JSON")] = False,
    picture: Annotated[
        str | None,
        option("FILE.png", "draw the curves of the evidence, and samples over time"),
    ] = None,
    no_copies: Annotated[
        bool, option("", "train no copies of D, which take a while, where a verdict hangs on them")
    ] = False,
    seed: Annotated[int, SEED, option("N", "seed of all that is drawn anew (default: 0)")] = 0,
    device: Annotated[str, option("NAME", "cpu (the default), auto, cuda, cuda:1 or mps")] = "cpu",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    recipe: Annotated[str | None, option("FILE.py", "where a run's own classes are")] = None,
) -> int:
    """Say what is wrong with a run, and what to change.

    From what was recorded as it was played, or, for want of that, from its checkpoints. Several
    runs are told in a line each.
    """
    from gannets.cli.choice import names_of, open_run
    from gannets.cli.findings import as_json, finding_lines, table_lines
    from gannets.data import data_dir as with_data_dir

    if not runs:
        raise InputError("Say which run, as in `gannets diagnose runs/00000-digits`.")
    _check_picture(picture, runs)
    own = ["--recipe", recipe] if recipe else []
    with with_data_dir(data_dir):
        opened = [open_run(path, names_of(recipe)) for path in runs]
        seen = [
            _diagnosed(run, against=against, device=device, copies=not no_copies, seed=seed)
            for run in opened
        ]
    found = [(run, finding) for run, (_, finding) in zip(opened, seen, strict=True)]
    if picture is not None:
        from gannets.training.drawn import draw

        draw(Path(picture), opened[0], *seen[0])
    if json:
        told: list[dict[str, Any]] = [as_json(run, finding, own) for run, finding in found]
        whole = told[0] if len(told) == 1 else {"runs": told}
        print(dumps({"schema": SCHEMA, **whole}, indent=2, allow_nan=False))
    elif len(found) == 1:
        print(*finding_lines(*found[0], own), sep="\n")
    else:
        print(*table_lines(found), sep="\n")
    if picture is not None and not json:
        print(f"\npicture  {picture}")
    return 0


def _diagnosed(
    run: Run, *, against: str | None, device: str, copies: bool, seed: int
) -> tuple[Case, Finding]:
    examination = run.examination(device=device, seed=seed)
    case = examination.case(against=against, copies=copies)
    return case, examination.finding(case)


def _check_picture(picture: str | None, runs: tuple[str, ...]) -> None:
    """Refuse, before anything is looked at, a picture that cannot be drawn."""
    if picture is None:
        return
    from gannets.cli.eval import check_output

    check_output(Path(picture), ".png")
    if len(runs) > 1:
        raise InputError(f"--picture is of one run, and {len(runs)} were given: draw each alone.")
