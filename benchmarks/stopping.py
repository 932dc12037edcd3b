"""Whether the diagnosis stops well: what is lost by stopping at "converged" or "plateau".

Each recipe is played for four times its budget. After every probe the generator that is sampled
from is measured against held-out samples by a distance that no rule sees: sliced W_1 (Bonneel et
al. 2015), 2,000 samples a side (or as many as are held out), along 256 lines. Stopping is charged
the distance at the first stop, and that of the best checkpoint until then, which is what a run
keeps, over the best of the whole game. The floor is what as many training samples have: a best that
is below it is a lucky one of many, and nothing is taken off for that. Where the budget passes
without a stop, nothing is saved and nothing lost.

    GANNETS_DATA=... python -m benchmarks.stopping [--seed 101] [--only ring,grid] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.diagnosis.bases import base, there
from benchmarks.diagnosis.scenarios.converged import scenarios as easy
from gannets.data import Source
from gannets.game import Stream
from gannets.metrics.sliced import wasserstein_1d
from gannets.training import Recipe, Training
from gannets.training.standing import held_out

LONGER = 4
SAMPLES, LINES = 2_000, 256


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One game, played on and on."""

    recipe: str
    seed: int
    steps: int
    stop: int | None
    """The update after which "converged" or "plateau" was first said."""
    symptom: str
    at_stop: float
    best_until: float
    best: float
    best_step: int
    floor: float
    seconds: float

    @property
    def cost(self) -> float:
        """What the checkpoint at the stop is worse by than the best of the whole game."""
        return self.at_stop / self.best - 1

    @property
    def cost_kept(self) -> float:
        """What the best checkpoint until the stop is."""
        return self.best_until / self.best - 1

    @property
    def saved(self) -> float:
        """Share of the updates that were not needed."""
        return 0.0 if self.stop is None else 1 - self.stop / self.steps


def recipes() -> dict[str, Callable[[int], Recipe]]:
    """The bases, and what converges."""
    found = {
        family: partial(base, family)
        for family in ("ring", "grid", "digits", "mnist", "fashion", "faces")
        if there(family)
    }
    return {**{f"{each.title}": each.recipe for each in easy()}, **found}


def played(name: str, recipe: Recipe, folder: Path) -> Stop:
    """Play a recipe for four times its budget, and see when it is told to stop."""
    recipe = replace(recipe, steps=LONGER * recipe.steps)
    begun = time.process_time()
    training = Training.start(recipe, out=folder / f"{name}-{recipe.seed}", device="cpu")
    measure, floor = distance(training)
    assert recipe.probing is not None
    distances: list[tuple[int, float]] = []
    stop, symptom = None, "not said"
    for step in training:
        if step.index % recipe.probing.every:
            continue
        distances.append((step.index, measure()))
        finding = training.finding
        if stop is None and finding is not None and finding.symptom in ("converged", "plateau"):
            stop, symptom = step.index, finding.symptom
    best_step, best = min(distances, key=lambda each: each[1])
    until = [d for s, d in distances if stop is None or s <= stop]
    return Stop(
        recipe=name,
        seed=recipe.seed,
        steps=recipe.steps,
        stop=stop,
        symptom=symptom,
        at_stop=best if stop is None else until[-1],
        best_until=min(until),
        best=best,
        best_step=best_step,
        floor=floor,
        seconds=time.process_time() - begun,
    )


def distance(training: Training) -> tuple[Callable[[], float], float]:
    """The sliced distance of the generator as it is, from samples that nothing else sees; and that
    of as many training samples.
    """
    recipe, state = training.recipe, training.state
    stream = Stream(recipe.seed, "benchmarks/stopping")
    found = held_out(recipe, seed=recipe.seed + 1)
    source = state.source if found is None else found[1]
    reals = some(source, stream, 1 << 30)
    others = some(state.source, stream.at(3), 1 << 29)[: len(reals)]
    lines = stream.at(1).normal(reals[0].numel(), LINES).double()
    lines = lines / lines.norm(dim=0)
    real = reals.flatten(1).double() @ lines
    floor = float(wasserstein_1d(real=real, fake=others.flatten(1).double() @ lines).mean())

    def measure() -> float:
        z = recipe.prior(len(reals), stream.at(2))
        with torch.no_grad():
            fakes: Tensor = state.generator(z.to(state.dtype))
        fake = fakes.flatten(1).double() @ lines
        return float(wasserstein_1d(real=real, fake=fake).mean())

    return measure, floor


def some(source: Source, stream: Stream, number: int) -> Tensor:
    """Up to 2,000 samples; of data that are drawn anew, those of a batch that is far off."""
    if source.endless:
        return source.batch(number, SAMPLES)[0]
    return source.rows(stream.permutation(len(source))[:SAMPLES])[0]


def table(stops: list[Stop]) -> str:
    """The table of the docs."""
    lines = [
        "| recipe | budget x 4 | stop | said | distance at stop | best until | best of all | at "
        "| floor | cost | cost, best kept | updates saved |",
        "|" + "---|" * 12,
    ]
    lines += [
        f"| {s.recipe} | {s.steps:,} | {'-' if s.stop is None else f'{s.stop:,}'} | {s.symptom} | "
        f"{s.at_stop:.4f} | {s.best_until:.4f} | {s.best:.4f} | {s.best_step:,} | "
        f"{s.floor:.4f} | {s.cost:.1%} | {s.cost_kept:.1%} | {s.saved:.0%} |"
        for s in stops
    ]
    return "\n".join(lines)


def main() -> None:
    """Play all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = asked.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    stops = []
    for name, recipe in recipes().items():
        if asked.only and name not in asked.only.split(","):
            continue
        stops.append(played(name, recipe(asked.seed), folder))
        print(table(stops[-1:]).splitlines()[-1], flush=True)
        (folder / "stopping.json").write_text(json.dumps([asdict(s) for s in stops], indent=1))
    print(table(stops))


if __name__ == "__main__":
    main()
