"""`gannets stats`: moments of data's features in a file, to measure against again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from gannets.cli.arguments import SEED, WHOLE_NUMBER, option
from gannets.errors import InputError, unknown

if TYPE_CHECKING:
    from gannets.metrics.comparison import FeatureMap
    from gannets.metrics.samples import Samples
    from gannets.metrics.statistics import Statistics

__all__ = ["stats"]

ACTIONS = {
    "build": ("build DATA --out FILE.safetensors", 1),
    "verify": ("verify FILE.safetensors DATA", 2),
    "show": ("show FILE.safetensors", 1),
}
"""How each is written, and how many words it takes."""


def stats(
    words: Annotated[
        tuple[str, ...], Positional, option("ACTION ...", "build DATA, verify FILE DATA, show FILE")
    ] = (),
    /,
    *,
    out: Annotated[str | None, option("FILE.safetensors", "where statistics are kept")] = None,
    features: Annotated[
        str | None,
        option(
            "TEXT",
            "as in `gannets eval` (default: auto; to verify, those of the file)",
        ),
    ] = None,
    n: Annotated[
        int | None, WHOLE_NUMBER, option("N", "samples (default: all; to verify, the file's)")
    ] = None,
    seed: Annotated[
        int | None, SEED, option("N", "seed of the draw (default: 0; or the file's)")
    ] = None,
    split: Annotated[
        str | None, option("NAME", "train (the default), test or validation; or the file's")
    ] = None,
    device: Annotated[str, option("NAME", "cpu (the default), auto, cuda, cuda:1 or mps")] = "cpu",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    force: Annotated[bool, option("", "replace the file that is there")] = False,
) -> int:
    """Keep statistics of data that samples are measured against.

    `build` sees DATA through features and keeps their moments, `verify` computes them again, `show`
    says what a file is of. To measure: gannets eval FAKES --against FILE.safetensors
    """
    from gannets.data import data_dir as with_data_dir

    action, rest = _action(words)
    given = {"--features": features, "--n": n, "--seed": seed, "--split": split}
    _refuse(action, given, out=out, force=force)
    if action == "show":
        return _show(Path(rest[0]))
    with with_data_dir(data_dir):
        if action == "build":
            path = _target(out, force=force)
            choice = _Choice(features or "auto", n, seed or 0, split or "train", device)
            return _build(rest[0], path, choice)
        return _verify(Path(rest[0]), rest[1], features, n, seed, split, device)


class _Choice:
    """Which samples, and how they are seen."""

    def __init__(self, features: str, n: int | None, seed: int, split: str, device: str) -> None:
        self.features, self.n, self.seed = features, n, seed
        self.split, self.device = split, device

    def see(self, data: str) -> tuple[Samples, FeatureMap]:
        """The samples and the map."""
        from gannets.metrics.features import extractor
        from gannets.training.device import resolve_device

        where = resolve_device(self.device)
        samples = _samples(data, self.n, self.seed, self.split)
        return samples, extractor(self.features).build(samples, device=where)


def _action(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if not words:
        forms = ", ".join(f"`gannets stats {form}`" for form, _ in ACTIONS.values())
        raise InputError(f"Say what to do: {forms}.")
    action, *rest = words
    if action not in ACTIONS:
        raise unknown("action", action, ACTIONS)
    form, count = ACTIONS[action]
    if len(rest) != count:
        raise InputError(
            f"{action} takes {count} argument(s), not {len(rest)}: gannets stats {form}."
        )
    return action, tuple(rest)


def _refuse(action: str, given: Mapping[str, object], *, out: str | None, force: bool) -> None:
    """Refuse options that an action has no use for."""
    idle = [name for name, value in given.items() if value is not None and action == "show"]
    idle += ["--out"] * (out is not None and action != "build")
    idle += ["--force"] * (force and action != "build")
    if idle:
        raise InputError(f"`gannets stats {action}` has no use for {idle[0]}: leave it out.")


def _target(out: str | None, *, force: bool) -> Path:
    """Where to write, before anything is computed."""
    if out is None:
        raise InputError("Say where to keep the statistics: add --out FILE.safetensors.")
    path = Path(out)
    if path.suffix.lower() != ".safetensors":
        raise InputError(
            f"{path} is no .safetensors file: name it {path.with_suffix('.safetensors')}."
        )
    if path.is_dir() or (path.exists() and not force):
        hint = "choose another name" + (", or add --force." if path.is_file() else ".")
        raise InputError(f"{path} is there already: {hint}")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}: make it first.")
    return path


def _build(data: str, path: Path, choice: _Choice) -> int:
    from gannets.metrics.statistics import build_statistics, save_statistics

    with _status(f"seeing {data}"):
        samples, seen_through = choice.see(data)
        if seen_through.id.startswith("pca:"):
            raise InputError(
                f"{data} would be seen through {seen_through.id}, which is fitted to the data and "
                "is in no file of statistics: choose other features, such as --features "
                f"{'pixels' if samples.are_images else 'values'}."
            )
        statistics = build_statistics(samples, seen_through, split=choice.split, seed=choice.seed)
    save_statistics(statistics, path)
    _print(statistics)
    print(f"\nThe statistics are in {path}. To measure by them:")
    print(f"  gannets eval ... --against {path}{_named(statistics, choice.features)}")
    return 0


def _named(statistics: Statistics, features: str) -> str:
    """The features as an option, where the file does not name them in full."""
    from gannets.metrics.stored import REBUILT

    if statistics.origin.features in REBUILT:
        return ""
    return f" --features {features}"


def _verify(
    path: Path,
    data: str,
    features: str | None,
    n: int | None,
    seed: int | None,
    split: str | None,
    device: str,
) -> int:
    from gannets.metrics.statistics import load_statistics, verify_statistics

    stored = load_statistics(path)
    name = stored.origin.features
    if features is None and name.startswith(("classifier:", "inception:", "module:")):
        raise InputError(
            f"{path} is of {name}, whose weights are elsewhere: add --features, as in "
            "classifier:DIR."
        )
    choice = _Choice(
        features or name,
        n or (stored.moments.n if split in (None, stored.origin.split) else None),
        stored.seed if seed is None else seed,
        split or stored.origin.split,
        device,
    )
    with _status(f"seeing {data}"):
        samples, seen_through = choice.see(data)
        verify_statistics(path, samples, seen_through, split=choice.split)
    print(f"{path} has the statistics of {data}: {stored.moments.n:,} samples, {name}.")
    return 0


def _samples(data: str, n: int | None, seed: int, split: str) -> Samples:
    """`n` samples of a split; by default all there are, or 10,000 of what has no end."""
    from dataclasses import replace

    from gannets.metrics.opened import MOST, draw, opened

    side = opened(data, "data", split=split, seed=seed)
    if side.frame is not None:
        raise InputError(
            f"{data} is a table, whose encoding is made of its rows and is in no file of "
            "statistics: measure against the table itself, as in `gannets eval fakes.csv "
            f"{data}`."
        )
    there = side.there
    if n is not None and there is not None and n > there:
        raise InputError(f"{data} has {there:,} samples, {n:,} were asked for: choose fewer.")
    # A draw has its random numbers by the name of the side: a path may be spelt in many ways.
    drawn = draw(replace(side, name="reference"), n, seed=seed, most=there or MOST)
    return replace(drawn, name=data)


def _show(path: Path) -> int:
    from gannets.metrics.statistics import load_statistics

    _print(load_statistics(path))
    return 0


def _print(statistics: Statistics) -> None:
    """A small table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    about = statistics.describe()
    shape = " x ".join(map(str, about["event"]))
    rows = {
        "samples": f"{about['n']:,} of shape {shape}, split {about['split']}",
        "features": f"{about['features']}, {about['d']:,} numbers",
        "seen": about["preprocessing"],
        "content": about["reference"],
        "seed": str(about["seed"]),
        "gannets": about["version"],
    }
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for name, text in rows.items():
        table.add_row(Text(name), Text(text))
    console = Console(highlight=False)
    console.print(table, soft_wrap=not console.is_terminal)


@contextmanager
def _status(text: str) -> Iterator[None]:
    """Say what is going on, where somebody looks."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield
