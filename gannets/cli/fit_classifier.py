"""`gannets fit-classifier`: a classifier of the data at hand, for features and for scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from gannets.cli.arguments import SEED, WHOLE_NUMBER, option
from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.metrics.samples import Samples

__all__ = ["fit_classifier"]


def fit_classifier(
    data: Annotated[
        str, Positional, option("DATA", "labelled data: a name (see `gannets data`) or a path")
    ],
    /,
    *,
    out: Annotated[str, option("DIR", "where the classifier is kept")],
    steps: Annotated[
        int, WHOLE_NUMBER, option("N", "batches of 128 to fit it to (default: 1000)")
    ] = 1000,
    seed: Annotated[int, SEED, option("N", "seed of all random numbers (default: 0)")] = 0,
    device: Annotated[str, option("NAME", "cpu (the default), auto, cuda, cuda:1 or mps")] = "cpu",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    force: Annotated[bool, option("", "replace the classifier that is there")] = False,
) -> int:
    """Fit a classifier to labelled data.

    A tenth of the data is held out to measure its accuracy. Its hidden layer serves as features,
    its probabilities serve for the classifier score.
    """
    from gannets.metrics.features import fit_classifier as fit
    from gannets.training.device import resolve_device

    where = resolve_device(device)
    path = Path(out)
    if path.exists() and not (force and (path / "config.json").is_file()):
        hint = "choose another --out, or add --force" if not force else "choose another --out"
        raise InputError(f"{out} is there already: {hint}.")
    samples = _samples(data, data_dir)
    with _progress(steps) as progress:
        classifier = fit(samples, steps=steps, seed=seed, device=where, progress=progress)
    classifier.save(path, force=force)
    low, high = classifier.interval
    print(
        f"{classifier.accuracy:.2%} of {classifier.held_out:,} held-out samples are classified "
        f"rightly (95 % interval {low:.2%} to {high:.2%})."
    )
    print(f"The classifier is in {out}. To measure by it:")
    print(f"  gannets eval ... --features classifier:{out}")
    return 0


def _samples(data: str, data_dir: str | None) -> Samples:
    """All of the data, images in [0, 1]."""
    from gannets.data import data_dir as with_data_dir
    from gannets.data import find, open_source
    from gannets.metrics.samples import Samples

    with with_data_dir(data_dir):
        source = open_source(find(data), seed=0, device="cpu")
        if source.classes is None:
            raise InputError(
                f"{data} has no labels, and a classifier needs a class for each sample: save them "
                "with np.savez(path, x=x, y=y)."
            )
        x, y = source.all()
    if source.bounds is not None:
        low, high = source.bounds
        x = ((x - low) / (high - low)).clamp(0, 1)
    return Samples(x, y, data)


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[int], None] | None]:
    """A bar where there is a terminal, nothing where there is none."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("fitting", total=steps)
        yield lambda done: bar.update(task, completed=done)
