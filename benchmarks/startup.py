"""How long the command line and the import take, against the least they could.

What loads no torch is measured against a Python that does nothing, `import gannets` with every
public name against `import torch` alone.

    python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks._measure import Row, Side, compare, table

TORCH = "import torch"
NAMES = "import torch, gannets; [getattr(gannets, name) for name in gannets.__all__]"


def python(*arguments: str) -> Side:
    """Run Python with these arguments."""

    def side() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return side


def main() -> None:
    """Print the table."""
    rows: list[Row] = []
    cases: list[tuple[str, Side, Side, int]] = [
        ("gannets", python("-m", "gannets"), python("-c", "pass"), 15),
        ("gannets --help", python("-m", "gannets", "--help"), python("-c", "pass"), 15),
        ("import gannets, all its names", python("-c", NAMES), python("-c", TORCH), 7),
    ]
    for name, ours, theirs, rounds in cases:
        first, second, ratio = compare(
            ours, theirs, rounds=rounds, warmup=1, clock=time.perf_counter
        )
        rows.append((name, first, second, ratio))
        print(f"{name}: {(first - second) / 1e3:.3f} s more than the least")
    table("a process", ("gannets", "the least"), rows, unit="ms by the clock")


if __name__ == "__main__":
    main()
