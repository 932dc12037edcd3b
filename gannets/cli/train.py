"""`gannets train`: play a recipe on data, watch it, keep it."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import Positional, UseAppendAction

from gannets.cli.arguments import WHOLE_NUMBER, option
from gannets.errors import InputError

__all__ = ["train"]


def train(
    data: Annotated[
        str | None,
        Positional,
        option("DATA", "a name (see `gannets data`), .npy, .npz or a folder"),
    ] = None,
    /,
    *,
    recipe: Annotated[
        str | None, option("NAME|FILE", "a recipe (see `gannets recipes`), or your own .py or .txt")
    ] = None,
    steps: Annotated[int | None, WHOLE_NUMBER, option("N", "updates of the game")] = None,
    batch: Annotated[int | None, WHOLE_NUMBER, option("N", "samples in a batch")] = None,
    seed: Annotated[int | None, WHOLE_NUMBER, option("N", "seed of all random numbers")] = None,
    device: Annotated[str, option("NAME", "auto (the default), cpu, cuda, cuda:1 or mps")] = "auto",
    precision: Annotated[str | None, option("NAME", "float32, float64 or bfloat16")] = None,
    out: Annotated[
        str | None, option("DIR", "where the run is kept; by default the next free one in runs/")
    ] = None,
    data_dir: Annotated[str | None, option("DIR", "a folder with the files of named data")] = None,
    set: Annotated[
        tuple[str, ...],
        UseAppendAction,
        option("PATH=VALUE", "change a field of the recipe, such as optimizers.generator.lr=1e-4"),
    ] = (),
    resume: Annotated[
        str | None, option("RUN", "continue a run, bit for bit; with a larger --steps, extend it")
    ] = None,
    quiet: Annotated[bool, option("", "print nothing but the run's directory, at the end")] = False,
    dry_run: Annotated[bool, option("", "print the recipe, and do not train")] = False,
) -> int:
    """Train a generative adversarial net.

    What is not given is as the recipe has it. Ctrl-C saves and says how to go on.
    """
    from gannets.cli.choice import choose, names_of, open_run
    from gannets.cli.session import play, resumed, started
    from gannets.data import data_dir as with_data_dir

    with with_data_dir(data_dir):
        if resume is not None:
            given = {"DATA": data, "--batch": batch, "--seed": seed, "--precision": precision}
            _refuse({**given, "--out": out, "--set": set or None}, resume)
            names = names_of(recipe)
            run = open_run(resume, names)
            if dry_run:
                print(run.recipe)
                return 0
            training = resumed(resume, names=names, steps=steps, device=device)
            return play(training, code=recipe, quiet=quiet)
        chosen = choose(
            data,
            recipe=recipe,
            numbers={"steps": steps, "batch": batch, "seed": seed},
            precision=precision,
            changes=set,
        )
        if dry_run:
            print(chosen.recipe)
            return 0
        training = started(chosen, out=out, device=device)
        return play(training, code=chosen.file, quiet=quiet)


def _refuse(given: dict[str, object], run: str) -> None:
    """A run is continued as it was begun: bit for bit."""
    changed = [name for name, value in given.items() if value is not None]
    if changed:
        raise InputError(
            f"--resume {run} continues the run as it was begun, so {' and '.join(changed)} cannot "
            "be given with it: leave that out, or begin a new run without --resume."
        )
