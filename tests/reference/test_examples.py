"""The single-file scripts in examples/ are the recipes of the same names, number for number.

Each plays 50 updates from the library's initial weights, on the library's data, latents and random
numbers. Both sides compute in float64, so that sums taken in another order do not drift apart.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from examples import goodfellow2014, r1_ring, wgan_gp
from gannets import recipes
from gannets.data import Arrays
from gannets.data.source import Rows
from gannets.game import PLAYERS, Players, Prior, Stream
from gannets.nets import DCGAN
from gannets.training import Nets, Recipe
from gannets.training.state import State

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STEPS = 50


@dataclass(frozen=True)
class Kept:
    """A prior that keeps what it draws."""

    prior: Prior
    drawn: list[Tensor] = field(default_factory=list)

    @property
    def dimension(self) -> int:
        return self.prior.dimension

    def __call__(self, n: int, random: Stream) -> Tensor:
        self.drawn.append(self.prior(n, random))
        return self.drawn[-1]


class Library:
    """The library's game in double precision; the data and latents that it has drawn."""

    def __init__(self, recipe: Recipe) -> None:
        prior = Kept(recipe.prior)
        self.latents = prior.drawn
        self.reals: list[Tensor] = []
        self.state = State(replace(recipe, prior=prior, precision="float64"), device="cpu")
        self._batch = self.state.source.batch
        self.state.source.batch = self._keep  # type: ignore[method-assign]

    def _keep(self, step: int, m: int) -> Rows:
        x, y = self._batch(step, m)
        self.reals.append(x)
        return x, y

    def copy_into(self, nets: Players[nn.Module], order: Sequence[str] = ()) -> None:
        """Let `nets` start where these do: the same tensors, in this order."""
        weights = self.state.players.map(lambda net: net.state_dict())
        if order:
            names = [k for part in order for k in weights.generator if k.startswith(f"{part}.")]
            assert len(names) == len(weights.generator)
            weights = replace(weights, generator={k: weights.generator[k] for k in names})
        for player in PLAYERS:
            own = nets[player].double().state_dict()
            theirs = weights[player].values()
            nets[player].load_state_dict(dict(zip(own, theirs, strict=True)))


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def assert_close(example: Sequence[Tensor], library: Sequence[Tensor]) -> None:
    own, theirs = torch.stack(list(example)), torch.stack(list(library))
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-6)


def test_r1_ring_is_the_recipe_ring() -> None:
    game = Library(recipes.get("ring"))
    G, D = r1_ring.players()
    game.copy_into(Players(G, D))
    mean = [w.detach().clone() for w in G.parameters()]
    optimizers = r1_ring.adam(G), r1_ring.adam(D)
    for step in range(STEPS):
        losses = game.state.advance()
        d = losses.discriminator
        expected = [losses.generator["objective"], d["objective"], d["R1"], d["R2"]]
        draws = zip(game.reals[-2:], game.latents[-2:], strict=True)
        draw = iter([(x.double(), z.double()) for x, z in draws]).__next__
        assert_close(r1_ring.update(G, D, optimizers, draw), expected)
        r1_ring.average(mean, list(G.parameters()), step)
    for own, theirs in zip(mean, game.state.generator.parameters(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-6)


def test_goodfellow2014_is_the_recipe_goodfellow2014() -> None:
    recipe = recipes.get("goodfellow2014")
    data = Arrays(images(400, 1, 28, 28), bounds=(0.0, 1.0))
    game = Library(replace(recipe, data=data, batch=20))
    G, D = goodfellow2014.players(torch.full((784,), 0.5))
    game.copy_into(Players(G, D))
    optimizers = [torch.optim.SGD(net.parameters(), fused=True) for net in (G, D)]
    masks = Stream(recipe.seed, "discriminator")

    def uniform(rows: int, columns: int) -> Tensor:
        """The library's D sees real and generated samples in turn, the script's all real first."""
        return masks.uniform(rows, columns).view(-1, 2, columns).transpose(0, 1).flatten(0, 1)

    D.uniform = uniform
    # The momentum's first stair is at the second epoch; here it is amid the 50 updates.
    first = goodfellow2014.EPOCH - STEPS // 2
    counters = {name: first if n == 0 else n for name, n in game.state.counters().items()}
    game.state.load(game.state.tensors(), counters)
    for step in range(first, first + STEPS):
        losses = game.state.advance()
        masks.at(step)
        x, z = game.reals[-1].double().flatten(1), game.latents[-1].double()
        own = goodfellow2014.update(G, D, optimizers, x, z, step)
        assert_close(own, [losses.generator["objective"], losses.discriminator["objective"]])
    rates = game.state.movers.discriminator.rates()
    own_rates = {name: optimizers[1].param_groups[0][name] for name in rates}
    assert own_rates == pytest.approx(rates, rel=1e-5)  # those are of the update to come
    assert rates["momentum"] > 0.5


def test_wgan_gp_is_the_recipe_wgan_gp() -> None:
    """At two channels where it has 64, and on small batches: all else is the recipe's."""
    recipe = recipes.get("wgan_gp")
    assert recipe.nets == Nets(
        DCGAN(width=wgan_gp.WIDTH, kernel=5),
        DCGAN(width=wgan_gp.WIDTH, kernel=5, batch_norm=False),
    )
    nets = Nets(DCGAN(width=2, kernel=5), DCGAN(width=2, kernel=5, batch_norm=False))
    game = Library(replace(recipe, data=Arrays(images(200, 1, 28, 28)), nets=nets, batch=10))
    G, D = wgan_gp.generator(2), wgan_gp.discriminator(2)
    order = ("base", "norms.0", "stages.0", "norms.1", "stages.1", "norms.2", "stages.2")
    game.copy_into(Players(G, D), order)
    optimizers = wgan_gp.adam(G), wgan_gp.adam(D)
    coefficients = Stream(recipe.seed, "terms")
    for step in range(STEPS):
        losses = game.state.advance()
        d = losses.discriminator
        expected = [losses.generator["objective"], d["objective"], d["GradientPenalty"]]
        draws = [
            (x.double(), z.double(), coefficients.at(6 * step + i).uniform(10, 1, 1, 1).double())
            for i, (x, z) in enumerate(zip(game.reals[-5:], game.latents[-6:-1], strict=True))
        ]
        last = (draws[-1][0], game.latents[-1].double(), draws[-1][2])  # G's turn: z alone counts
        assert_close(wgan_gp.update(G, D, optimizers, iter([*draws, last]).__next__), expected)


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
