"""What `gannets train` was asked for, and the ways to begin: anew, with the recipe of a run, again,
or from where a run is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.cli.choice import Chosen
    from gannets.cli.session import Place
    from gannets.training import Training
    from gannets.training.watch import OnFinding

__all__ = ["Asked"]

FIELDS = {
    "DATA": "data=...",
    "--batch": "batch=N",
    "--seed": "seed=N",
    "--eval-every": "evaluation.every=N",
    "--metrics": "evaluation.metrics=(...)",
    "--stop-when": "evaluation.stop=StopWhen(...)",
    "--out": "FIELD=VALUE",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The words of a command line, those not given None."""

    data: str | None
    recipe: str | None
    steps: int | None
    batch: int | None
    seed: int | None
    micro_batch: int | None
    precision: str | None
    device: str
    changes: tuple[str, ...]
    eval_every: int | None
    metrics: str | None
    stop_when: str | None
    resume: str | None
    from_: str | None
    on_finding: OnFinding
    out: str | None
    compile: bool
    quiet: bool

    def chosen(self) -> Chosen:
        """The recipe to play: one that is named or fits the data, or that of the run to resume."""
        from gannets.cli.choice import changed, choose, names_of, open_run

        if self.resume is None:
            numbers = {name: getattr(self, name) for name in ("steps", "batch", "seed")}
            return choose(
                self._beginning(),
                numbers={**numbers, "micro_batch": self.micro_batch},
                precision=self.precision,
                evaluation={
                    "every": self.eval_every,
                    "metrics": self.metrics,
                    "stop_when": self.stop_when,
                },
                changes=self.changes,
            )
        if self.from_ is not None:
            raise InputError(
                f"--resume {self.resume} goes on from where a run is, and --from {self.from_} "
                "begins anew with the recipe of one: leave one of them out."
            )
        self._refuse_changes(self.resume)
        names = names_of(self.recipe)
        return changed(
            open_run(self.resume, names).recipe,
            numbers={"steps": self.steps if self.changes else None},
            changes=self.changes,
            names=names,
            file=self.recipe,
        )

    def _beginning(self) -> Chosen:
        """The recipe as it is before what was given changes it."""
        from gannets.cli.choice import Chosen, named, names_of, open_run

        if self.from_ is None:
            return named(self.data, self.recipe)
        if self.data is not None:
            raise InputError(
                f"--from {self.from_} has its data in its recipe, and {self.data} was given too: "
                "leave that out, or change them with --set data=VALUE."
            )
        names = names_of(self.recipe)
        return Chosen(open_run(self.from_, names).recipe, names or {}, self.recipe)

    def _refuse_changes(self, run: str) -> None:
        """A run is continued as it was begun: bit for bit."""
        given = {
            "DATA": self.data,
            "--batch": self.batch,
            "--seed": self.seed,
            "--micro-batch": self.micro_batch,
            "--precision": self.precision,
            "--eval-every": self.eval_every,
            "--metrics": self.metrics,
            "--stop-when": self.stop_when,
            "--out": None if self.changes else self.out,
        }
        names = [name for name, value in given.items() if value is not None]
        if names:
            field = FIELDS.get(names[0], f"{names[0].removeprefix('--')}=...")
            raise InputError(
                f"--resume {run} continues the run as it was begun, so {' and '.join(names)} "
                "cannot be given with it: leave that out, or begin a new run that goes on from "
                f"this one with --set {field}."
            )

    def play(self, chosen: Chosen) -> int:
        """Play in this process, which may be one of a group."""
        from gannets.cli.session import Place, play

        with Place.joined(self.device) as place:
            training = self._training(chosen, place)
            return play(
                training,
                code=chosen.file,
                quiet=self.quiet,
                compile=self.compile,
                on_finding=self.on_finding,
                names=chosen.names,
            )

    def _training(self, chosen: Chosen, place: Place) -> Training:
        from gannets.cli.launch import restarted
        from gannets.cli.session import branched, resumed, started

        out = self.out
        if out is not None and restarted() and (Path(out) / "recipe.txt").exists():
            # The agent has started this process again: its run was begun before.
            return resumed(out, names=chosen.names, steps=None, place=place)
        if self.resume is None:
            training = started(chosen, out=out, place=place)
            if self.from_ is not None:
                changed = "".join(f", {change}" for change in self.changes)
                training.log(f"begins anew with the recipe of {self.from_}{changed}")
            return training
        if self.changes:
            return branched(self.resume, chosen, out=out, place=place)
        return resumed(self.resume, names=chosen.names, steps=self.steps, place=place)

    def launch(self, chosen: Chosen, *, processes: int, restarts: int) -> int:
        """Play in several processes, each of which is given these words again."""
        from gannets.cli.launch import launch
        from gannets.training.run import new_directory

        goes_on = self.resume is not None and not self.changes
        given = self.resume if goes_on else self.out
        run = Path(given or new_directory("runs", chosen.recipe.name))
        options = {
            "--recipe": chosen.file or self.recipe,
            "--precision": self.precision,
            "--device": self.device,
            "--steps": self.steps,
            "--batch": self.batch,
            "--seed": self.seed,
            "--micro-batch": self.micro_batch,
            "--eval-every": self.eval_every,
            "--metrics": self.metrics,
            "--stop-when": self.stop_when,
            "--resume": self.resume,
            "--from": self.from_,
            "--on-finding": self.on_finding,
            "--out": None if goes_on else run,
        }
        pairs = [(name, str(value)) for name, value in options.items() if value is not None]
        pairs += [("--set", assignment) for assignment in self.changes]
        words = [self.data] if self.data else []
        words += [word for pair in pairs for word in pair]
        words += ["--quiet"] * self.quiet + ["--compile"] * self.compile
        return launch(words, run=run, processes=processes, restarts=restarts)
