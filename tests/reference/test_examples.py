"""The single-file scripts in examples/ are the recipes of the same names, number for number.

Each plays 50 updates from the library's initial weights, on the library's data, latents and random
numbers. Both sides compute in float64, so that sums taken in another order do not drift apart: what
is left of 1e-6 is for a coefficient, a sign or an order of steps that differs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from examples import goodfellow2014, r1_ring, wgan_gp
from gannets import recipes
from gannets.data import Arrays
from gannets.game import Batch, Stream
from gannets.nets import DCGAN
from gannets.training import Nets, Recipe
from gannets.training.state import State

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STEPS = 50


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Recorded:
    """A game of the library in double precision, and every batch that it drew."""

    def __init__(self, recipe: Recipe) -> None:
        self.state = State(recipe, device="cpu")
        self.batches: list[Batch] = []
        self._source_batch = self.state.source.batch
        self._draw = self.state.draw
        self.state.source.batch = self._doubled  # type: ignore[method-assign]
        self.state.draw = self._recorded  # type: ignore[method-assign]

    def _doubled(self, step: int, m: int) -> Any:
        x, y = self._source_batch(step, m)
        return x.double(), y

    def _recorded(self, player: Any) -> Batch:
        batch = self._draw(player)
        self.batches.append(batch)
        return batch

    def weights(self, player: Any) -> dict[str, Tensor]:
        return self.state.players[player].state_dict()


def copy_in_order(weights: dict[str, Tensor], net: nn.Module) -> None:
    """Both nets have the same tensors in the same order."""
    own = net.state_dict()
    net.load_state_dict(dict(zip(own, weights.values(), strict=True)))


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def close(example: list[Tensor], library: list[Tensor]) -> None:
    torch.testing.assert_close(torch.stack(example), torch.stack(library), rtol=0, atol=1e-6)


def test_r1_ring_is_the_recipe_ring() -> None:
    game = Recorded(recipes.get("ring"))
    G, D = r1_ring.players()
    copy_in_order(game.weights("generator"), G)
    copy_in_order(game.weights("discriminator"), D)
    mean = [w.detach().clone() for w in G.parameters()]
    optimizers = r1_ring.adam(G), r1_ring.adam(D)
    replay = iter(game.batches)

    def draw() -> tuple[Tensor, Tensor]:
        batch = next(replay)
        return batch.real[0].detach().clone(), batch.latent

    for step in range(STEPS):
        losses = game.state.advance()
        d = losses.discriminator
        expected = [losses.generator["objective"], d["objective"], d["R1"], d["R2"]]
        close(r1_ring.update(G, D, optimizers, draw), expected)
        r1_ring.average(mean, list(G.parameters()), step)
    for own, theirs in zip(mean, game.state.generator.parameters(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-6)


def test_goodfellow2014_is_the_recipe_goodfellow2014() -> None:
    recipe = recipes.get("goodfellow2014")
    data = Arrays(images(400, 1, 28, 28), bounds=(0.0, 1.0))
    game = Recorded(replace(recipe, data=data, batch=20))
    G, D = goodfellow2014.players(torch.full((784,), 0.5))
    copy_in_order(game.weights("generator"), G)
    copy_in_order(game.weights("discriminator"), D)
    optimizers = tuple(torch.optim.SGD(net.parameters(), fused=True) for net in (G, D))
    masks = Stream(recipe.seed, "discriminator")
    D.uniform = masks.uniform
    # The momentum's first rise is at the second epoch, so that is where this one begins.
    game.state.load(game.state.tensors(), updates_at(game.state, goodfellow2014.EPOCH - 25))
    for step in range(goodfellow2014.EPOCH - 25, goodfellow2014.EPOCH - 25 + STEPS):
        losses = game.state.advance()
        batch = game.batches.pop()
        masks.at(step)
        x = batch.real[0].flatten(1)
        own = goodfellow2014.update(G, D, optimizers, x, batch.latent, step)
        close(own, [losses.generator["objective"], losses.discriminator["objective"]])


def updates_at(state: State, step: int) -> dict[str, int]:
    """The counters of a game in which `step` updates have been made."""
    return dict.fromkeys(state.counters(), step)


def test_wgan_gp_is_the_recipe_wgan_gp() -> None:
    width = 2
    recipe = recipes.get("wgan_gp")
    nets = Nets(DCGAN(width=width, kernel=5), DCGAN(width=width, kernel=5, batch_norm=False))
    data = Arrays(images(200, 1, 28, 28))
    assert (recipe.nets.generator, recipe.nets.discriminator) == (
        replace(nets.generator, width=wgan_gp.WIDTH),
        replace(nets.discriminator, width=wgan_gp.WIDTH),
    )
    game = Recorded(replace(recipe, data=data, nets=nets, batch=10))
    G, D = wgan_gp.generator(width), wgan_gp.discriminator(width)
    weights = game.weights("generator")
    order = ["base", "norms.0", "stages.0", "norms.1", "stages.1", "norms.2", "stages.2"]
    in_order = {k: w for part in order for k, w in weights.items() if k.startswith(f"{part}.")}
    assert in_order.keys() == weights.keys()
    copy_in_order(in_order, G)
    copy_in_order(game.weights("discriminator"), D)
    optimizers = wgan_gp.adam(G), wgan_gp.adam(D)
    coefficients = Stream(recipe.seed, "terms")
    replay = iter(enumerate(game.batches))

    def draw() -> tuple[Tensor, Tensor, Tensor]:
        index, batch = next(replay)
        x = batch.real[0] if batch.real else torch.empty(0)
        return x, batch.latent, coefficients.at(index).uniform(10, 1, 1, 1)

    for _ in range(STEPS):
        losses = game.state.advance()
        d = losses.discriminator
        expected = [losses.generator["objective"], d["objective"], d["GradientPenalty"]]
        close(wgan_gp.update(G, D, optimizers, draw), expected)


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_runs_as_a_script(script: Path, tmp_path: Path) -> None:
    """Five steps end with a line of finite losses; the one of 2014 leaves a picture as well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), "--steps", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("5 ")]
    assert torch.tensor([float(word) for word in line.split()]).isfinite().all()
    if script.stem == "goodfellow2014":
        from PIL import Image

        with Image.open(tmp_path / "goodfellow2014.png") as sheet:
            assert sheet.size == (280, 280)
            sheet.load()
