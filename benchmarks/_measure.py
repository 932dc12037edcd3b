"""Two sides of a comparison, measured in turn.

A machine is never quiet: its clock changes and others use it. So the sides take turns, a few steps
each, and what counts is the median over the rounds of the ratio within a round. On one thread the
time is that of the processor, in which waiting for others does not count.
"""

from __future__ import annotations

import os

# Before torch is loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

__all__ = ["compare", "mnist", "stepping", "table"]

torch.set_num_threads(1)

Side = Callable[[], object]
Row = tuple[str, float, float, float]


def compare(
    ours: Side,
    theirs: Side,
    *,
    rounds: int = 30,
    warmup: int = 2,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float, float]:
    """Median milliseconds of a round of ours and of theirs, and the median ratio ours / theirs."""
    spent: list[tuple[float, float]] = []
    for number in range(rounds + warmup):
        times = {}
        for side in (ours, theirs) if number % 2 else (theirs, ours):
            start = clock()
            side()
            times[side] = 1e3 * (clock() - start)
        spent.append((times[ours], times[theirs]))
    counted = spent[warmup:]
    first, second = (statistics.median(column) for column in zip(*counted, strict=True))
    return first, second, statistics.median(a / b for a, b in counted)


def stepping(game: Iterator[object], steps: int) -> Side:
    """A round: the next `steps` steps of a game."""

    def side() -> None:
        for _ in range(steps):
            next(game)

    return side


def table(title: str, columns: tuple[str, str], rows: list[Row], *, unit: str) -> None:
    """Print the rows: what was measured, ours, theirs and the ratio."""
    print(f"{title:<36} {columns[0]:>14} {columns[1]:>14} {'ratio':>8}   ({unit})")
    for name, first, second, ratio in rows:
        print(f"{name:<36} {first:>14.2f} {second:>14.2f} {ratio:>8.3f}")


def mnist() -> torch.Tensor:
    """MNIST's training images, (60000, 28, 28), uint8; random bytes where they are not at hand."""
    from gannets.data.idx import read_idx

    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GANNETS_DATA") or beside) / "mnist"
    path = folder / "train-images-idx3-ubyte.gz"
    if path.exists():
        return torch.from_numpy(read_idx(path))
    print("MNIST is not at hand (GANNETS_DATA names no folder with it): random bytes instead.")
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (60_000, 28, 28), generator=generator, dtype=torch.uint8)
