"""What probes cost: the time of a game with them over that without.

A probe changes nothing of a game, so that one game is both sides: the processor time of its updates
on one thread, and that of looking, which is asked for after each of them. An interval between two
probes holds one probe; what counts is the median over intervals of their ratio. What is once for a
run, such as the axes through which images are seen, is over before the clock starts.

    python -m benchmarks.probing
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace

from benchmarks._measure import Row, mnist, table
from gannets import recipes
from gannets.data import Arrays
from gannets.game import Game, Gaussian, both
from gannets.nets import DCGAN, MLP
from gannets.objectives import RpGAN
from gannets.terms import R1, R2
from gannets.training import Nets, Recipe, State
from gannets.training.prober import Prober
from gannets.training.probing import Probing
from gannets.updates import Adam, Average

ENDLESS = 10**9
PROMISED = 0.03


def cases() -> dict[str, tuple[Recipe, int]]:
    """What is played, and for how many rounds; the smallest nets pay most."""
    images = Arrays(mnist()[:10_000], split="train[:9000]")
    small = Recipe(
        data=images,
        prior=Gaussian(32),
        nets=Nets(MLP((256, 256)), MLP((256, 256), activation="leaky_relu")),
        game=Game(RpGAN(), discriminator_terms=(R1(gamma=1.0), R2(gamma=1.0))),
        optimizers=both(Adam(lr=1e-3, betas=(0.0, 0.99))),
        averaging=Average(half_life=20_000),
        batch=64,
    )
    deep = replace(
        recipes.get("dcgan"), data=images, nets=Nets(DCGAN(width=16), DCGAN(width=16)), batch=32
    )
    return {
        "ring": (recipes.get("ring"), 9),
        "digits": (recipes.get("digits"), 9),
        "MNIST, MLP of 256": (small, 7),
        "MNIST, DCGAN of 16 channels": (deep, 3),
    }


def cost(recipe: Recipe, rounds: int) -> tuple[float, float, float]:
    """Median milliseconds of an interval with its probe and without, and the median ratio."""
    probing = recipe.probing or Probing()
    state = State(replace(recipe, steps=ENDLESS), device="cpu")
    prober, spent = Prober(state, probing), list[tuple[float, float]]()
    prober.probe()
    for _ in range(probing.every):
        state.advance()
    prober.note()
    for _ in range(rounds + 1):
        playing = looking = 0.0
        for _ in range(probing.every):
            begun = time.process_time()
            state.advance()
            played = time.process_time()
            prober.look()
            playing += played - begun
            looking += time.process_time() - played
        spent.append((1e3 * (playing + looking), 1e3 * playing))
    counted = spent[1:]
    with_, without = (statistics.median(column) for column in zip(*counted, strict=True))
    return with_, without, statistics.median(a / b for a, b in counted)


def main(names: list[str]) -> int:
    """Print the table; 1 where a promise is not kept."""
    rows: list[Row] = []
    for name, (recipe, rounds) in cases().items():
        if names and not any(name.startswith(given) for given in names):
            continue
        rows.append((name, *cost(recipe, rounds)))
    table("250 updates", ("with", "without"), rows, unit="ms of one core")
    return int(any(ratio > 1 + PROMISED for *_, ratio in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
