"""What one process of several plays, for `test_processes.py`: `python -m tests.reliability.ranks`.

The launcher's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) say which process it is.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from gannets.data import Arrays
from gannets.errors import StoppedError
from gannets.game import ALONE, Conditional, Game, Group, InstanceNoise, Marginal, Packed
from gannets.nets import DCGAN
from gannets.objectives import NonSaturating, RelativisticAverage
from gannets.terms import DRAGAN, R1, Lazy
from gannets.training import Nets, Recipe, State, Training
from gannets.training.parallel import anyone, joined, leave, same_everywhere
from gannets.training.probing import Probing
from gannets.updates import Consensus, Extragradient, Optimistic
from tests.small import LITTLE, NAMES, small

__all__ = ["CASES", "ROOT", "RUN", "SINGLE", "STEPS", "played", "recipes_to_play", "seen"]

STEPS = 20
ROOT = Path(__file__).resolve().parents[2]


def _ring(**changes: Any) -> Recipe:
    return replace(small("ring"), **{"batch": 12, **changes})


def _cases() -> dict[str, Recipe]:
    ring, average = _ring().game, RelativisticAverage()
    images = Arrays(small("dcgan").data.x, small("dcgan").data.y, bounds=(-1.0, 1.0))
    cases = {name: small(name) for name in NAMES} | {
        "Optimistic": _ring(update=Optimistic()),
        "Consensus": _ring(update=Consensus(gamma=0.1)),
        "Extragradient": _ring(update=Extragradient()),
        "DRAGAN": _ring(game=Game(NonSaturating(), discriminator_terms=(DRAGAN(),))),
        "Lazy": _ring(game=Game(NonSaturating(), discriminator_terms=(Lazy(R1(1.0), every=4),))),
        "RelativisticAverage": _ring(game=replace(ring, objective=average)),
        "Consensus of all logits": _ring(
            game=replace(ring, objective=average), update=Consensus(gamma=0.1)
        ),
        "Packed": _ring(joint=Packed(2)),
        "InstanceNoise": _ring(joint=Marginal(through=(InstanceNoise(0.1, steps=10),))),
        "micro-batches": _ring(micro_batch=2),
        "conditional batch normalisation": replace(
            small("dcgan"),
            data=images,
            joint=Conditional(),
            nets=Nets(DCGAN(width=4), DCGAN(width=4)),
        ),
    }
    for name, recipe in cases.items():
        few = None if recipe.generator_batch is None else 6
        batch = 4 if isinstance(recipe.nets.generator, DCGAN) else recipe.batch
        cases[name] = replace(recipe, batch=batch, generator_batch=few)
    return {name: replace(r, steps=STEPS, precision="float64") for name, r in cases.items()}


CASES = _cases()
SINGLE = ("ring", "digits", "dcgan")
"""Played in single precision too."""
RUN = replace(
    CASES["ring"],
    checkpoint_every=10,
    record_every=5,
    sample_every=0,
    evaluation=LITTLE,
    probing=Probing(every=10, n=20),
)


def recipes_to_play() -> dict[str, Recipe]:
    """All cases, in double precision and some in single."""
    single = {f"{name} in float32": replace(CASES[name], precision="float32") for name in SINGLE}
    return CASES | single


def played(recipe: Recipe, group: Group = ALONE) -> dict[str, Tensor]:
    """All tensors of the game after the recipe's steps."""
    state = State(recipe, device="cpu", group=group)
    for _ in range(recipe.steps):
        state.advance()
    same_everywhere(state.tensors(), group)
    return {name: tensor.detach().clone() for name, tensor in state.tensors().items()}


def _drifted(group: Group) -> str:
    """What is said where one process alone moves a weight by its last bit."""
    state = State(CASES["ring"], device="cpu", group=group)
    state.advance()
    same_everywhere(state.tensors(), group)
    if group.rank == 1:
        weight = state.parameters.discriminator[2]
        with torch.no_grad():
            weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(9.0, dtype=weight.dtype))
    try:
        same_everywhere(state.tensors(), group)
    except StoppedError as error:
        return str(error)
    return ""


def seen(group: Group = ALONE) -> Tensor:
    """Latents beside data, row by row, as D first sees them."""
    state = State(CASES["ring"], device="cpu", group=group)
    batch = state.draws.batch(state.draws.next(12, 0, data=True), state.players.generator)
    return torch.cat([batch.latent, batch.real[0]], dim=1)


def main(folder: Path) -> None:
    """Play everything; the first process writes the weights, each what it alone knows."""
    torch.set_num_threads(1)
    with joined(device=torch.device("cpu")) as group:
        for name, recipe in recipes_to_play().items():
            tensors = played(recipe, group)
            if group.rank == 0:
                save_file(tensors, folder / f"{name}.safetensors")
        own = folder / str(group.rank)
        own.mkdir()
        save_file({"seen": seen(group)}, own / "seen.safetensors")
        (own / "drifted.txt").write_text(_drifted(group))
        (own / "anyone.txt").write_text(str(anyone(group.rank == 1, group)))
        for _ in Training.start(RUN, out=folder / f"run{group.rank}", device="cpu", group=group):
            pass
        resumed = Training.resume(folder / "resumed", steps=STEPS, device="cpu", group=group)
        for _ in resumed:
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave(0)
