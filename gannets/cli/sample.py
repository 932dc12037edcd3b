"""`gannets sample`: draw from a trained generator into a picture, an array, a table, a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from gannets.cli.arguments import SEED, WHOLE_NUMBER, WHOLE_NUMBERS, option
from gannets.errors import InputError

__all__ = ["sample"]


def sample(
    run: Annotated[str, Positional, option("RUN", "a run's directory, or a model's")],
    /,
    *,
    n: Annotated[int, WHOLE_NUMBER, option("N", "how many (default: 64)")] = 64,
    seed: Annotated[int, SEED, option("N", "seed of the noise (default: 0)")] = 0,
    label: Annotated[
        tuple[int, ...],
        WHOLE_NUMBERS,
        option("K ...", "classes to draw, in turn, of conditional nets"),
    ] = (),
    out: Annotated[
        str | None, option("PATH", "a .png, .npy, .npz or .csv file, or a folder for a PNG each")
    ] = None,
    best: Annotated[
        bool, option("", "the run's best model, by what was measured, instead of its last")
    ] = False,
    force: Annotated[bool, option("", "replace the files that are there")] = False,
    device: Annotated[str, option("NAME", "cpu (the default), auto, cuda, cuda:1 or mps")] = "cpu",
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    recipe: Annotated[str | None, option("FILE.py", "where classes of your own are")] = None,
) -> int:
    """Sample a trained generator.

    Sample i is a function of the seed and i: a larger N repeats a smaller one's samples. Without
    --out, a picture is put beside the run's own.
    """
    from gannets.cli.choice import names_of, open_run
    from gannets.cli.output import Output, free_name, write
    from gannets.data import data_dir as with_data_dir
    from gannets.training import Model
    from gannets.training.device import resolve_device

    where = resolve_device(device)
    names = names_of(recipe)
    is_model = (Path(run) / "config.json").is_file()
    opened = None if is_model else open_run(run, names)
    folder = Path(run) if opened is None else opened.path / ("model-best" if best else "model")
    if best and not folder.is_dir():
        raise InputError(f"{run} has no best model: it is kept by a run that is evaluated.")
    if not folder.is_dir():
        raise InputError(f"{run} has no model yet: it is saved with every checkpoint.")
    model = Model.from_pretrained(folder, names=names, device=str(where))

    stem = "-".join([*["best"] * best, f"seed{seed}", *(f"label{k}" for k in label)])
    home = Path() if opened is None else opened.path / "samples"
    path = Path(out) if out is not None else free_name(home / f"{stem}.png")
    output = Output.check(path, model.space.event, force=force)
    labels = None
    if label or model.space.classes is not None:
        turns = label or tuple(range(model.space.classes or 1))
        labels = [turns[i % len(turns)] for i in range(n)]
    x = model.sample(n, seed=seed, labels=labels)
    with with_data_dir(data_dir):
        write(output, x, labels, model.space.bounds, opened)
    print(f"{n:,} samples are in {path}")
    return 0
