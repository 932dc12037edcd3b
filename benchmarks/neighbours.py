"""Precision, recall, density and coverage: memory at 20,000 a side, and time against prdc.

Memory is what a process of its own has grown by at its largest. The package prdc, of the authors of
density and coverage, keeps all distances at once: it is measured where it fits, if it is installed.

    python benchmarks/neighbours.py
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks._measure import Side, compare, table
from gannets.metrics.neighbours import prdc

DIMENSIONS = 64
LIMIT = 1024
"""MiB that 20,000 a side may take."""

Measure = Callable[[Tensor, Tensor], object]


def ours(real: Tensor, fake: Tensor) -> object:
    """The library."""
    return prdc(real=real, fake=fake, k=5)


def theirs(real: Tensor, fake: Tensor) -> object:
    """The package, which prints how many samples there are."""
    package = importlib.import_module("prdc")
    with contextlib.redirect_stdout(io.StringIO()):
        return package.compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)


def normal(n: int) -> tuple[Tensor, Tensor]:
    """Reals and fakes."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, n, DIMENSIONS, generator=generator, dtype=torch.float64)
    return real, fake


def grown(measure: Measure, n: int) -> float:
    """MiB that this process grows by, at its largest."""
    measure(*normal(200))
    data = normal(n)
    before = peak()
    measure(*data)
    return peak() - before


def peak() -> float:
    """MiB that this process had at its largest; Linux only.

    Not getrusage, whose maximum a process takes over from the one that started it.
    """
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def apart(side: str, n: int) -> float:
    """`grown` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.neighbours", side, str(n)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def timed(measure: Measure, n: int) -> Side:
    """A side to be timed."""
    data = normal(n)
    return lambda: measure(*data)


def main() -> None:
    """Print the tables; fail where memory is over the limit."""
    large = apart("ours", 20_000)
    print(f"PRDC of 20,000 x 20,000 x {DIMENSIONS}: {large:.0f} MiB ({LIMIT} allowed)")
    if importlib.util.find_spec("prdc") is None:
        print("prdc is not installed: no comparison.")
    else:
        rows = []
        for n, rounds in ((1000, 10), (5000, 3)):
            found = compare(timed(ours, n), timed(theirs, n), rounds=rounds, warmup=1)
            rows.append((f"{n:,} a side, processor time", *found))
        table("PRDC, k = 5", ("gannets", "prdc"), rows, unit="ms")
        mine, other = apart("ours", 5000), apart("theirs", 5000)
        memory = [("5,000 a side, memory", mine, other, mine / other)]
        table("", ("gannets", "prdc"), memory, unit="MiB")
    if large > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(grown({"ours": ours, "theirs": theirs}[sys.argv[1]], int(sys.argv[2])))
    else:
        main()
