"""Whether the diagnosis stops well: what is lost by stopping at "converged" or "plateau".

Each recipe is played for four times its budget. With every probe the generator that is sampled from
is measured against held-out samples by a distance that no rule sees: sliced W_1 (Bonneel et al.
2015) along 128 lines. The best of many noisy measurements is a lucky one, so there are two of each,
of other held-out samples and other latents: by one the best checkpoint is chosen, by the other it
is scored. Of densities each has 10,000 samples a side; of images it is validation and test, or
halves of what is held out. Stopping is charged

    score(checkpoint at the stop) / score(best of the whole game) - 1

and the same of the best checkpoint until the stop, which a run keeps that evaluates. The floor is
what as many training samples have: what is below it is as good as data, and a cost over the floor
counts the larger of both as the best. "Lucky" is the cost by the choosing samples alone, on which
the best of the whole game has the luck of more draws.

Games are kept, a line of JSON a probe, and are judged by the rules as they are when the table is
asked for. Copies of D are there where the rules asked for them when the game was played.

    GANNETS_DATA=... python -m benchmarks.stopping --out FOLDER [--seeds 101] [--only ring+grid]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.diagnosis.bases import base, there
from benchmarks.diagnosis.scenarios.converged import scenarios as easy
from benchmarks.diagnosis.scenarios.plateau import scenarios as small
from gannets.data import Source
from gannets.diagnosis import Case, Probe, diagnosed
from gannets.game import Stream
from gannets.theory.densities import Density
from gannets.training import Recipe, Training
from gannets.training.probing import due
from gannets.training.standing import PARTS, held_out

LONGER = 4
EASY = 5_000
"""Updates that are a budget for what converges."""
SAMPLES, LINES, FLOORS = 10_000, 128, 5
SETTLED = ("converged", "plateau")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a game with one probe."""

    probe: Probe
    chosen: float
    """The distance by which the best checkpoint is chosen,"""
    scored: float
    """and that by which it is scored."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """One game, played on and on."""

    name: str
    recipe: Recipe
    floor: float
    """The scoring distance of training samples."""
    seconds: float
    rows: tuple[Seen, ...]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where a game is told to stop, and what that costs."""

    game: Game
    row: int | None
    """The probe with which it is first told; None: never."""
    symptom: str = "not said"

    @property
    def until(self) -> tuple[Seen, ...]:
        """All until the stop."""
        return self.game.rows if self.row is None else self.game.rows[: self.row + 1]

    @property
    def best(self) -> Seen:
        """The best of the whole game."""
        return _chosen(self.game.rows)

    @property
    def cost(self) -> float:
        """What the checkpoint at the stop is worse by; 0 where there is none."""
        return 0.0 if self.row is None else self.until[-1].scored / self.best.scored - 1

    @property
    def cost_kept(self) -> float:
        """What the best checkpoint until the stop is worse by."""
        return _chosen(self.until).scored / self.best.scored - 1

    @property
    def cost_floor(self) -> float:
        """The same over what training samples have, where that is more than the best."""
        return _chosen(self.until).scored / max(self.best.scored, self.game.floor) - 1

    @property
    def cost_lucky(self) -> float:
        """The same by the samples on which it was chosen."""
        return _chosen(self.until).chosen / self.best.chosen - 1

    @property
    def saved(self) -> float:
        """Share of the updates that were not needed."""
        return 1 - self.until[-1].probe.step / self.game.recipe.steps

    def __str__(self) -> str:
        best, last = self.best, self.until[-1]
        said = "-" if self.row is None else f"{last.probe.step:,}"
        return (
            f"| {self.game.name} | {self.game.recipe.steps:,} | {said} | {self.symptom} "
            f"| {last.scored:.4f} | {_chosen(self.until).scored:.4f} | {best.scored:.4f} "
            f"| {best.probe.step:,} | {self.game.floor:.4f} | {self.cost:.1%} "
            f"| {self.cost_kept:.1%} | {self.cost_floor:.1%} | {self.cost_lucky:.1%} "
            f"| {self.saved:.0%} |"
        )


HEAD = (
    "recipe",
    "budget x 4",
    "stop",
    "said",
    "distance at stop",
    "best until",
    "best of all",
    "at",
    "floor",
    "cost",
    "cost, best kept",
    "the same, over the floor",
    "cost, lucky",
    "updates saved",
)


def _chosen(rows: Sequence[Seen]) -> Seen:
    return min(rows, key=lambda row: row.chosen)


def recipes() -> dict[str, Callable[[int], Recipe]]:
    """What converges, the bases, and a G that is too small."""
    found = {
        family: partial(base, family)
        for family in ("ring", "grid", "digits", "mnist", "fashion")
        if there(family)
    }
    easier = {each.title: partial(_easy, each.recipe) for each in easy()}
    return {**easier, **found, **{f"{each.family}, small G": each.recipe for each in small()}}


def _easy(recipe: Callable[[int], Recipe], seed: int) -> Recipe:
    return replace(recipe(seed), steps=EASY)


def played(name: str, recipe: Recipe, folder: Path) -> Game:
    """Play a recipe for four times its budget, or take up what was kept of it in `folder`."""
    recipe = replace(recipe, steps=LONGER * recipe.steps)
    place = folder / f"{name.replace(', ', '-').replace(' ', '-')}-{recipe.seed}"
    record = place.with_suffix(".jsonl")
    if not record.exists():
        begun = time.process_time()
        training = Training.start(recipe, out=place, device="cpu")
        measure, floor = distances(training)
        assert recipe.probing is not None
        found = {step.index: measure() for step in training if due(step.index, recipe.probing)}
        lines: list[dict[str, Any]] = [{"floor": floor, "seconds": time.process_time() - begun}]
        lines += [
            {"probe": probe.to_json(), "distances": found[probe.step]}
            for probe in training.run.probes()
        ]
        record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    head, *rows = [json.loads(line) for line in record.read_text().splitlines()]
    seen = [
        Seen(
            probe=Probe.from_json(row["probe"]),
            chosen=row["distances"][0],
            scored=row["distances"][1],
        )
        for row in rows
    ]
    return Game(name=name, recipe=recipe, rows=tuple(seen), **head)


def stopped(game: Game) -> Stop:
    """Where a game is told to stop by the rules as they are."""
    endless = isinstance(game.recipe.data, Density)
    probes = tuple(row.probe for row in game.rows)
    for row in range(len(probes)):
        case = Case(probes=probes[: row + 1], recipe=game.recipe, endless=endless)
        found = diagnosed(case)
        if found.symptom in SETTLED:
            return Stop(game=game, row=row, symptom=found.symptom)
    return Stop(game=game, row=None)


def distances(training: Training) -> tuple[Callable[[], tuple[float, float]], float]:
    """The sliced distances of the generator as it is, from samples to choose by and samples to
    score by; and the latter of as many training samples, on average.
    """
    recipe, state = training.recipe, training.state
    stream = Stream(recipe.seed, "benchmarks/stopping")
    chosen, scored = apart_from(training, stream)
    n = len(chosen)
    lines = stream.at(1).normal(LINES, chosen[0].numel())
    lines = lines / lines.norm(dim=1, keepdim=True)

    def along(x: Tensor) -> np.ndarray:
        # In order along each line. NumPy sorts these five times as fast as PyTorch does.
        return np.sort((lines @ x.flatten(1).float().T).numpy(), axis=1)

    sides = along(chosen), along(scored)

    def apart(x: Tensor, side: int) -> float:
        # As many of both: the optimal coupling is that of equal ranks.
        return float(np.abs(along(x) - sides[side]).mean())

    def measure() -> tuple[float, float]:
        found = []
        for side in (0, 1):
            z = recipe.prior(n, stream.at(4 + side))
            with torch.no_grad():
                fakes: Tensor = state.generator(z.to(state.dtype))
            found.append(apart(fakes, side))
        return found[0], found[1]

    others = [some(state.source, stream.at(6 + i), (1 << 29) + i)[:n] for i in range(FLOORS)]
    return measure, sum(apart(x, 1) for x in others) / FLOORS


def apart_from(training: Training, stream: Stream) -> tuple[Tensor, Tensor]:
    """Held-out samples to choose by, and as many others to score by: those for validation and those
    for testing, or halves of what there is.
    """
    recipe, source = training.recipe, training.state.source
    parts = [held_out(recipe, (part,), seed=recipe.seed + 1) for part in PARTS]
    rows = [some(part[1], stream, 1 << 30) for part in parts if part is not None]
    if len(rows) < 2:
        every = rows[0] if rows else some(source, stream, 1 << 30)
        rows = list(every.chunk(2))
    n = min(map(len, rows))
    return rows[0][:n], rows[1][:n]


def some(source: Source, stream: Stream, number: int) -> Tensor:
    """All samples, in an order; of data that are drawn anew, those of a batch that is far off."""
    if source.endless:
        return source.batch(number, SAMPLES)[0]
    return source.rows(stream.permutation(len(source))[: 2 * SAMPLES])[0]


def main() -> None:
    """Play what is not kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[101]
    )
    parser.add_argument("--only", default="", help="names, with + between them")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for seed in asked.seeds:
        for name, recipe in recipes().items():
            if asked.only and name not in asked.only.split("+"):
                continue
            print(stopped(played(name, recipe(seed), asked.out)), flush=True)


if __name__ == "__main__":
    main()
