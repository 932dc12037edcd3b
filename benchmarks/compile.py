"""What `--compile` gains: an update compiled against an update as it is, and when it has paid.

The ring's MLPs with R1 and R2, and DCGAN's nets at 28 x 28 with R1 and no batch normalisation
(which is not compiled). Both sides take turns; the first update of the compiled one, in which torch
traces and compiles, is timed apart. `TORCHINDUCTOR_FORCE_DISABLE_CACHES=1` makes that time the
first one's, even where the same was compiled before.
"""

from __future__ import annotations

import os

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"

import time
from dataclasses import replace

import numpy as np

from benchmarks._measure import compare
from gannets import recipes
from gannets.data import Arrays
from gannets.game import Game
from gannets.nets import DCGAN
from gannets.objectives import NonSaturating
from gannets.terms import R1
from gannets.training import Nets, Recipe, State


def dcgan() -> Recipe:
    """DCGAN with R1 in place of batch normalisation, on noise of MNIST's size."""
    x = np.random.default_rng(0).integers(0, 256, (512, 1, 28, 28), dtype=np.uint8)
    net = DCGAN(width=32, batch_norm=False)
    return replace(
        recipes.get("dcgan"),
        data=Arrays(x, bounds=(-1.0, 1.0)),
        nets=Nets(net, net),
        game=Game(NonSaturating(), discriminator_terms=(R1(gamma=1.0),)),
        batch=32,
    )


def measure(name: str, recipe: Recipe, *, rounds: int, steps: int) -> None:
    """Print a line."""
    eager, compiled = State(recipe, device="cpu"), State(recipe, device="cpu")
    compiled.compile_gradients()
    begun = time.perf_counter()
    compiled.advance()
    first = time.perf_counter() - begun

    def side(state: State) -> None:
        for _ in range(steps):
            state.advance()

    ours, theirs, ratio = compare(lambda: side(compiled), lambda: side(eager), rounds=rounds)
    saved = (theirs - ours) / steps / 1e3
    pays = f"pays after {first / saved:,.0f} updates" if saved > 0 else "never pays"
    print(
        f"{name:<16} eager {theirs / steps:8.2f} ms  compiled {ours / steps:8.2f} ms  "
        f"ratio {ratio:.3f}  compiling {first:.1f} s: {pays}"
    )


if __name__ == "__main__":
    measure("ring, R1 and R2", recipes.get("ring"), rounds=20, steps=20)
    measure("DCGAN 28, R1", dcgan(), rounds=8, steps=2)
