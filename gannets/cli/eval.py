"""`gannets eval`: how far samples are from data, with intervals, floors and protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text
from tyro.conf import Positional

from gannets.cli.arguments import SEED, WHOLE_NUMBER, option
from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.metrics import Report, Reports

__all__ = ["check_output", "eval"]


def eval(
    samples: Annotated[
        tuple[str, ...],
        Positional,
        option("A [B ...]", "runs, models, folders, .npy, .npz, .csv or data sets; see below"),
    ] = (),
    /,
    *,
    against: Annotated[
        str | None, option("DATA", "the real samples; by default what a run's data held out")
    ] = None,
    holdout: Annotated[
        str | None, option("DATA", "real samples that G was not trained on, where --against was")
    ] = None,
    metrics: Annotated[
        str, option("NAMES", "auto (the default), all, or names such as fd,prdc; see --list")
    ] = "auto",
    features: Annotated[
        str,
        option(
            "TEXT",
            "auto (the default), pixels, pca:K, randconv, tabular, classifier:PATH, "
            "discriminator:RUN, inception:PATH or module:FILE.py:NAME",
        ),
    ] = "auto",
    classifier: Annotated[
        str | None, option("DIR", "a classifier, from `gannets fit-classifier`")
    ] = None,
    split: Annotated[
        str | None,
        option("PART", "which part of the real data: test, train, validation, train[:90%] ..."),
    ] = None,
    size: Annotated[
        int | None, WHOLE_NUMBER, option("N", "make squares of N x N pixels of all images")
    ] = None,
    n: Annotated[
        int | None, WHOLE_NUMBER, option("N", "samples of each side (default: all, up to 10,000)")
    ] = None,
    seed: Annotated[int, SEED, option("N", "seed of all that is drawn (default: 0)")] = 0,
    best: Annotated[bool, option("", "a run's best model instead of its last")] = False,
    json: Annotated[bool, option("", "print JSON")] = False,
    out: Annotated[str | None, option("FILE.json", "keep the report, too")] = None,
    picture: Annotated[
        str | None,
        option(
            "FILE.png", "draw images beside their nearest neighbours in the data, points over it"
        ),
    ] = None,
    device: Annotated[str, option("NAME", "cpu (the default), auto, cuda, cuda:1 or mps")] = "cpu",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    recipe: Annotated[str | None, option("FILE.py", "where a run's own classes are")] = None,
    list: Annotated[bool, option("", "list the metrics, with their settings")] = False,
) -> int:
    """Measure how far samples are from data.

    One run is measured against what its data held out; several are set side by side. Two other
    things are the samples and the data, in this order. With --against, all are samples.
    """
    from gannets.cli.beside import draw
    from gannets.data import data_dir as with_data_dir
    from gannets.files import write_text
    from gannets.metrics import Reports
    from gannets.training.evaluate import compare, evaluate

    console = Console(highlight=False)
    if list:
        _list(console)
        return 0
    for path, suffix in ((out, ".json"), (picture, ".png")):
        if path is not None:
            check_output(Path(path), suffix)
    with with_data_dir(data_dir), _in_options():
        fakes, real = _sides(samples, against, recipe)
        _check_data(real, holdout, picture)
        sides: dict[str, Any] = {"real": real, "holdout": holdout, "features": features}
        sides |= {"n": n, "seed": seed, "best": best, "device": device}
        sides |= {"split": split, "size": size}
        with _watched(console, quiet=json) as watch:
            fake = fakes if len(fakes) > 1 else fakes[0]
            report = evaluate(
                fake=fake, metrics=metrics, classifier=classifier, watch=watch, **sides
            )
            if picture is not None:
                draw(Path(picture), [compare(fake=each, **sides) for each in fakes])
    text = dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
    if out is not None:
        write_text(Path(out), text)
    if json:
        print(text, end="")
        return 0
    if isinstance(report, Reports):
        _print_reports(console, report)
    else:
        _print_report(console, report)
    for kind, path in (("report", out), ("picture", picture)):
        if path is not None:
            print(f"{kind:<9} {path}")
    return 0


def check_output(path: Path, suffix: str) -> None:
    """Refuse, before anything is measured, a file that cannot be written."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{path} is no {suffix} file: name it {path.with_suffix(suffix)}.")
    if path.exists():
        raise InputError(f"{path} is there already: choose another name.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}: make it first.")


def _sides(samples: Sequence[str], against: str | None, recipe: str | None) -> tuple[Any, Any]:
    """What is measured, and against what (None: a run's own data)."""
    from gannets.cli.choice import names_of, open_run
    from gannets.training.subject import is_run

    if not samples:
        raise InputError(
            "Say what to measure: a run, as in `gannets eval runs/00000-digits`, or samples and "
            "data, as in `gannets eval fakes.npz mnist`."
        )
    names = names_of(recipe)
    real: str | None = against
    if against is None and len(samples) == 2 and not is_run(samples[1]):
        samples, real = samples[:1], samples[1]
    for each in samples:
        _check_there(each)
    if real is None and not all(map(is_run, samples)):
        stray = next(each for each in samples if not is_run(each))
        raise InputError(
            f"{stray} is no run, so that there is nothing to measure it against: add "
            "--against DATA."
        )
    return [open_run(each, names) if is_run(each) else each for each in samples], real


def _check_there(what: str) -> None:
    """Refuse, by its name, what is no run, no model and no data."""
    from gannets.data import NAMES, find
    from gannets.errors import did_you_mean
    from gannets.training.subject import is_model, is_run

    if is_run(what) or is_model(what):
        return
    path = Path(what).expanduser()
    if not path.exists() and not path.suffix and what not in NAMES:
        raise InputError(
            f"There is no run, file or folder {what}, and no data set of that name."
            f"{did_you_mean(what, NAMES)} `gannets data` lists the names."
        )
    find(what)


def _check_data(real: str | None, holdout: str | None, picture: str | None) -> None:
    """Refuse data that are not there, before anything is opened; and a picture of statistics."""
    from gannets.training.stored import are_statistics

    if real is not None and are_statistics(real):
        if picture is not None:
            raise InputError(
                f"{real} holds no samples to draw beside: leave out --picture, or give the data."
            )
    elif real is not None:
        _check_there(real)
    if holdout is not None:
        _check_there(holdout)


@contextmanager
def _in_options() -> Iterator[None]:
    """Say how to write it here, where a sentence says how to write it in Python."""
    try:
        yield
    except InputError as error:
        text = re.sub(r"(?:as in )?Folder\([^()]*size=(\d+)\)", r"as in --size \1", str(error))
        raise (error if text == str(error) else InputError(text)) from None


@contextmanager
def _watched(console: Console, *, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Say what is being measured, where somebody looks."""
    if quiet or not console.is_terminal:
        yield None
        return
    with console.status("reading") as status:
        yield lambda name: status.update(f"measuring {name}")


def _list(console: Console) -> None:
    """Every metric with the first line of what it is, and its settings with their defaults."""
    from gannets.metrics import METRICS

    width = max(map(len, METRICS))
    for name, metric in METRICS.items():
        about = (type(metric).__doc__ or "").strip().partition("\n\n")[0]
        console.print(
            f"[bold]{name:<{width}}[/]  {escape(' '.join(about.split()))}", soft_wrap=True
        )
        settings = repr(metric).partition("(")[2].removesuffix(")")
        if settings:
            written = Text(f"{'':<{width}}  {name}({settings})", style="dim")
            console.print(written, soft_wrap=True)


def _print_report(console: Console, report: Report) -> None:
    for line in report.sides():
        print(line)
    print()
    for row, says in report.lines():
        console.print(Text(row, style="bold" if not says else ""), soft_wrap=True)
        if says:
            console.print(Text(f"    {says}", style="dim"), soft_wrap=True)
    remarks = report.remarks()
    if remarks:
        print("", *remarks, sep="\n")


def _print_reports(console: Console, reports: Reports) -> None:
    print(*reports.sides(), "", sep="\n")
    console.print(Text(str(reports)), soft_wrap=True)
    remarks = reports.remarks()
    if remarks:
        print("", *remarks, sep="\n")
    print("\n* better than all others beyond the 95 % intervals, of which ± is a half")
    if any(report.is_copy for report in reports):
        print("= a copy of the real or the training samples: it stands in no contest")
