"""`gannets train`: play a recipe on data, watch it, keep it."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction

from gannets.cli.arguments import WHOLE_NUMBER, option
from gannets.cli.asked import Asked

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
    eval_every: Annotated[
        int | None,
        WHOLE_NUMBER,
        option("N", "measure the distance to held-out data every N updates (0: never)"),
    ] = None,
    metrics: Annotated[
        str | None, option("NAMES", "what is measured, such as fd,prdc; see `gannets eval --list`")
    ] = None,
    stop_when: Annotated[
        str | None,
        option("RULE", "fd:5 stops after 5 evaluations without a better fd, fd<0.5 once it is so"),
    ] = None,
    resume: Annotated[
        str | None,
        option(
            "RUN",
            "continue a run, bit for bit; a larger --steps extends it, --set begins a new run "
            "that goes on from it",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        option("RUN", "begin anew with the recipe of a run, changed by --set", name="from"),
    ] = None,
    on_finding: Annotated[
        Literal["warn", "stop", "apply"],
        option(
            "WAY",
            "what to do where a diagnosis says that going on is of no use: warn (the default), "
            "stop, or apply what it advises in a new run",
        ),
    ] = "warn",
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
    from gannets.data import data_dir as with_data_dir

    asked = Asked(
        data=data,
        recipe=recipe,
        steps=steps,
        batch=batch,
        seed=seed,
        micro_batch=micro_batch,
        precision=precision,
        device=device,
        changes=set,
        eval_every=eval_every,
        metrics=metrics,
        stop_when=stop_when,
        resume=resume,
        from_=from_,
        on_finding=on_finding,
        out=out,
        compile=compile,
        quiet=quiet,
    )
    with with_data_dir(data_dir):
        chosen = asked.chosen()
        if dry_run:
            print(chosen.recipe)
            return 0
        if processes != 1 or max_restarts:
            return asked.launch(chosen, processes=processes, restarts=max_restarts)
        return asked.play(chosen)
