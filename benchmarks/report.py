"""What the default report costs, and what measuring costs a run as it goes.

The report of 10,000 points of 64 dimensions a side, with as many held out; on two threads, metric
by metric, with the seconds of all processors: on a machine that is shared the former are as much
its neighbours'. Then one evaluation of a recipe as it comes (the real side already seen) against
the training between two, `Evaluation.every` updates; on one thread, in its processor's time.

    python benchmarks/report.py [--profile NAME] [--metrics NAMES]
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import statistics
import time
from dataclasses import replace
from typing import Any

import torch

from gannets import evaluate, recipes
from gannets.data import Arrays
from gannets.training import Model, Recipe, State
from gannets.training.monitor import Monitor

N, D, THREADS = 10_000, 64, 2
STEPS, EVALUATIONS = 5, 3
AIM = 20.0


def sides() -> dict[str, Any]:
    """Correlated Gaussian points, and fakes that are a little narrower."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(D, D, generator=generator) / D**0.5
    sets = {
        name: torch.randn(N, D, generator=generator) @ mixing
        for name in ("real", "fake", "holdout")
    }
    return {**sets, "fake": 0.95 * sets["fake"]}


def default_report(metrics: str) -> None:
    """Seconds of each metric, and of reading, ordering and seeing before the first."""
    marks: list[tuple[str, float, float]] = []

    def watch(name: str) -> None:
        marks.append((name, time.perf_counter(), time.process_time()))

    watch("opening both sides")

    report = evaluate(**sides(), metrics=metrics, watch=watch)
    watch(f"in all, {len(report)} estimates (aim: {AIM:.0f} s)")
    print(f"{f'report, {N:,} x {D}, {THREADS} threads':<36} {'seconds':>10} {'processor':>10}")
    total = (marks[-1][0], *marks[0][1:]), (marks[-1][0], *marks[-1][1:])
    for (name, *start), (_, *end) in [*itertools.pairwise(marks), total]:
        spent = (b - a for a, b in zip(start, end, strict=True))
        print(f"{name:<36} " + " ".join(f"{each:>10.2f}" for each in spent), flush=True)
    print()


def profile(metric: str) -> None:
    """Where a metric spends its time."""
    profiler = cProfile.Profile()
    given = sides()
    profiler.enable()
    evaluate(**given, metrics=metric)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(12)


def share(name: str, recipe: Recipe) -> tuple[str, float, float, int]:
    """Milliseconds of an update and of an evaluation, and updates between two."""
    state = State(recipe, device="cpu")
    model = Model(state.generator, recipe.nets.generator, recipe.prior, state.space)
    assert recipe.evaluation is not None
    monitor = Monitor(state, recipe.evaluation)
    monitor.measure(model)  # sees the real side, once for all
    updates, evaluations = [], []
    for _ in range(EVALUATIONS):
        start = time.process_time()
        for _ in range(STEPS):
            state.advance()
        middle = time.process_time()
        monitor.measure(model)
        updates.append((middle - start) / STEPS)
        evaluations.append(time.process_time() - middle)
    every = recipe.evaluation.every
    return name, 1e3 * statistics.median(updates), 1e3 * statistics.median(evaluations), every


def images() -> Recipe:
    """The recipe `dcgan` on 28 x 28 noise with held-out images: only its time counts."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (4_000, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return replace(recipes.get("dcgan"), data=Arrays(x.numpy(), split="train[:50%]"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", metavar="NAME")
    parser.add_argument(
        "--metrics", metavar="NAMES", default="auto", help="empty: the second table"
    )
    asked = parser.parse_args()
    torch.set_num_threads(THREADS)
    if asked.profile:
        profile(asked.profile)
        return
    if asked.metrics:
        default_report(asked.metrics)
    torch.set_num_threads(1)
    print(f"{'recipe':<16} {'update ms':>10} {'evaluation ms':>14} {'every':>8} {'share':>8}")
    for name, recipe in (("digits", recipes.get("digits")), ("dcgan, 28 x 28", images())):
        title, update, evaluation, every = share(name, recipe)
        ratio = evaluation / (update * every)
        print(f"{title:<16} {update:>10.2f} {evaluation:>14.0f} {every:>8,} {ratio:>8.1%}")


if __name__ == "__main__":
    main()
