"""`gannets diagnose`: what is wrong with a run, by what evidence, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    runs are told in a line each; of those that cannot be looked at it says why, and the exit code
    is then 2.
    """
    from gannets.cli.choice import names_of, open_run
    from gannets.cli.findings import as_json, finding_lines
    from gannets.data import data_dir as with_data_dir

    if not runs:
        raise InputError("Say which run, as in `gannets diagnose runs/00000-digits`.")
    _check_picture(picture, runs)
    own = ["--recipe", recipe] if recipe else []

    def look(path: str) -> tuple[Run, Case, Finding]:
        run = open_run(path, names)
        examination = run.examination(device=device, seed=seed)
        case = examination.case(against=against, copies=not no_copies)
        return run, case, examination.finding(case)

    with with_data_dir(data_dir):
        names = names_of(recipe)
        if len(runs) > 1:
            return _several(runs, look, own, json=json)
        run, case, finding = look(runs[0])
    if picture is not None:
        from gannets.training.drawn import draw

        draw(Path(picture), run, case, finding)
    if json:
        _print_json(as_json(run, finding, own))
    else:
        print(*finding_lines(run, finding, own), sep="\n")
    if picture is not None and not json:
        print(f"\npicture  {picture}")
    return 0


def _several(
    runs: Sequence[str],
    look: Callable[[str], tuple[Run, Case, Finding]],
    own: Sequence[str],
    *,
    json: bool,
) -> int:
    """Tell each of several runs; of one that cannot be looked at, why, and bad input at the end."""
    from gannets.cli.findings import Refused, each_as_json, table_lines

    told: list[tuple[Run, Finding] | Refused] = []
    for path in runs:
        try:
            run, _, finding = look(path)
            told.append((run, finding))
        except InputError as error:
            told.append(Refused(path, str(error)))
    if json:
        _print_json({"runs": [each_as_json(each, own) for each in told]})
    else:
        print(*table_lines(told), sep="\n")
    return 2 if any(isinstance(each, Refused) for each in told) else 0


def _print_json(value: dict[str, Any]) -> None:
    print(dumps({"schema": SCHEMA, **value}, indent=2, allow_nan=False))


def _check_picture(picture: str | None, runs: tuple[str, ...]) -> None:
    """Refuse, before anything is looked at, a picture that cannot be drawn."""
    if picture is None:
        return
    from gannets.cli.eval import check_output

    check_output(Path(picture), ".png")
    if len(runs) > 1:
        raise InputError(f"--picture is of one run, and {len(runs)} were given: draw each alone.")
