"""`gannets train`: play a recipe on data, watch it, keep it."""

from __future__ import annotations

from pathlib import Path
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
        str | None,
        option(
            "RUN",
            "continue a run, bit for bit; a larger --steps extends it, --set begins a new run "
            "that goes on from it",
        ),
    ] = None,
    micro_batch: Annotated[
        int | None, WHOLE_NUMBER, option("N", "compute gradients in pieces of N, to save memory")
    ] = None,
    processes: Annotated[
        int, WHOLE_NUMBER, option("N", "share every batch among N processes of this machine")
    ] = 1,
    max_restarts: Annotated[
        int, WHOLE_NUMBER, option("N", "start again, from the last checkpoint, if a process dies")
    ] = 0,
    compile: Annotated[
        bool, option("", "compile the gradients first, for long runs; see docs/precision.md")
    ] = False,
    quiet: Annotated[bool, option("", "print nothing but the run's directory, at the end")] = False,
    dry_run: Annotated[bool, option("", "print the recipe, and do not train")] = False,
) -> int:
    """Train a generative adversarial net.

    What is not given is as the recipe has it. Ctrl-C saves and says how to go on.
    """
    from gannets.cli.choice import changed, choose, names_of, open_run
    from gannets.cli.launch import restarted
    from gannets.cli.session import Place, branched, play, resumed, started
    from gannets.data import data_dir as with_data_dir

    numbers = {"steps": steps, "batch": batch, "seed": seed, "micro_batch": micro_batch}
    with with_data_dir(data_dir):
        if resume is None:
            chosen = choose(data, recipe=recipe, numbers=numbers, precision=precision, changes=set)
        else:
            refuse_changes(
                {
                    "DATA": data,
                    "--batch": batch,
                    "--seed": seed,
                    "--micro-batch": micro_batch,
                    "--precision": precision,
                    "--out": None if set else out,
                },
                resume,
            )
            names = names_of(recipe)
            own = open_run(resume, names).recipe
            numbers = {"steps": steps if set else None}
            chosen = changed(own, numbers=numbers, changes=set, names=names, file=recipe)
        if dry_run:
            print(chosen.recipe)
            return 0
        if processes != 1 or max_restarts:
            from gannets.cli.launch import launch
            from gannets.training.run import new_directory

            goes_on = resume is not None and not set
            run = Path((resume if goes_on else out) or new_directory("runs", chosen.recipe.name))
            options = {
                "--recipe": chosen.file or recipe,
                "--precision": precision,
                "--device": device,
                "--steps": steps,
                "--batch": batch,
                "--seed": seed,
                "--micro-batch": micro_batch,
                "--resume": resume,
                "--out": None if goes_on else run,
            }
            words = [data] if data else []
            words += [w for name, v in options.items() if v is not None for w in (name, str(v))]
            words += [word for assignment in set for word in ("--set", assignment)]
            words += ["--quiet"] * quiet + ["--compile"] * compile
            return launch(words, run=run, processes=processes, restarts=max_restarts)
        with Place.joined(device) as place:
            if out is not None and restarted() and (Path(out) / "recipe.txt").exists():
                resume, set, steps = out, (), None  # it was begun before the restart
            if resume is None:
                training = started(chosen, out=out, place=place)
            elif set:
                training = branched(resume, chosen, out=out, place=place)
            else:
                training = resumed(resume, names=chosen.names, steps=steps, place=place)
            return play(training, code=chosen.file, quiet=quiet, compile=compile)


FIELDS = {"DATA": "data=...", "--batch": "batch=N", "--seed": "seed=N", "--out": "FIELD=VALUE"}


def refuse_changes(given: dict[str, object], run: str) -> None:
    """A run is continued as it was begun: bit for bit."""
    changed = [name for name, value in given.items() if value is not None]
    if changed:
        name = changed[0]
        field = FIELDS.get(name, f"{name.removeprefix('--')}=...")
        raise InputError(
            f"--resume {run} continues the run as it was begun, so {' and '.join(changed)} cannot "
            f"be given with it: leave that out, or begin a new run that goes on from this one with "
            f"--set {field}."
        )
