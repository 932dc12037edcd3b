"""`gannets reproduce --table`: what was found before, as Markdown. Nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gannets.errors import InputError

__all__ = ["print_table"]


def print_table(
    names: Sequence[str], *, quick: bool, out: str | None, seed: int, every: bool
) -> int:
    """Print a report of each: the full one, or else that of `--quick`. 1 where a claim fails.

    Of `every` reproduction those that have a report are printed; of named ones none may lack it.
    Raises `InputError` where there is nothing to print.
    """
    from gannets import reproduce as known
    from gannets.reproduce.common import Reproduced, markdown

    found: dict[str, Path] = {}
    for name in names:
        for kind in (True,) if quick else (False, True):
            place = known.place(name, quick=kind, out=out, seed=seed)
            if name not in found and (place / "report.json").is_file():
                found[name] = place
    missing = [name for name in names if name not in found]
    if missing and not (found and every):
        raise _nothing(missing, quick=quick, out=out, seed=seed, every=every)
    reports = [Reproduced.read(place) for place in found.values()]
    print(markdown(reports))
    return 0 if all(report.holds for report in reports) else 1


def _nothing(
    missing: Sequence[str], *, quick: bool, out: str | None, seed: int, every: bool
) -> InputError:
    """There is no report: where it would be, and what makes it."""
    from gannets import reproduce as known

    places = [known.place(name, quick=quick, out=out, seed=seed) for name in missing]
    where = known.HOME if every else ", ".join(map(str, places))
    words = ["all"] if every else [name.replace("_", "-") for name in missing]
    words += ["--quick"] if quick or every else []
    words += [f"--seed {seed}"] if seed else []
    words += [f"--out {out}"] if out is not None else []
    return InputError(
        f"There is no report in {where}: run `gannets reproduce {' '.join(words)}` first."
    )
