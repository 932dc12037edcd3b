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
        str | None, option("RUN", "continue a run, bit for bit; with a larger --steps, extend it")
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
    quiet: Annotated[bool, option("", "print nothing but the run's directory, at the end")] = False,
    dry_run: Annotated[bool, option("", "print the recipe, and do not train")] = False,
) -> int:
    """Train a generative adversarial net.

    What is not given is as the recipe has it. Ctrl-C saves and says how to go on.
    """
    from gannets.cli.choice import Chosen, choose, names_of, open_run
    from gannets.cli.launch import restarted
    from gannets.cli.session import Place, play, resumed, started
    from gannets.data import data_dir as with_data_dir

    numbers = {"steps": steps, "batch": batch, "seed": seed, "micro_batch": micro_batch}
    with with_data_dir(data_dir):
        chosen: Chosen | None = None
        if resume is not None:
            del numbers["steps"]
            flags = {f"--{name.replace('_', '-')}": n for name, n in numbers.items()}
            given = {"DATA": data, **flags, "--precision": precision, "--out": out}
            _refuse({**given, "--set": set or None}, resume)
            names, code = names_of(recipe), recipe
            value = open_run(resume, names).recipe
        else:
            chosen = choose(data, recipe=recipe, numbers=numbers, precision=precision, changes=set)
            names, value, code = chosen.names, chosen.recipe, chosen.file
        if dry_run:
            print(value)
            return 0
        if processes != 1 or max_restarts:
            from gannets.cli.launch import launch
            from gannets.training.run import next_directory

            run = Path(resume or out or next_directory(Path("runs"), value.name))
            options = {
                "--recipe": recipe,
                "--precision": precision,
                "--device": device,
                "--steps": steps,
                "--batch": batch,
                "--seed": seed,
                "--micro-batch": micro_batch,
                "--resume" if resume else "--out": run,
            }
            words = [data] if data else []
            words += [w for name, v in options.items() if v is not None for w in (name, str(v))]
            words += [word for assignment in set for word in ("--set", assignment)]
            words += ["--quiet"] * quiet
            return launch(words, run=run, processes=processes, restarts=max_restarts)
        with Place.joined(device) as place:
            if resume is None and out is not None and restarted() and Path(out).exists():
                resume = out
            if resume is not None:
                training = resumed(resume, names=names, steps=steps, place=place)
            else:
                assert chosen is not None
                training = started(chosen, out=out, place=place)
            return play(training, code=code, quiet=quiet)


def _refuse(given: dict[str, object], run: str) -> None:
    """A run is continued as it was begun: bit for bit."""
    changed = [name for name, value in given.items() if value is not None]
    if changed:
        raise InputError(
            f"--resume {run} continues the run as it was begun, so {' and '.join(changed)} cannot "
            "be given with it: leave that out, or begin a new run without --resume."
        )
