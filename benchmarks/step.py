"""One update of the library against one of a plain torch script of the same mathematics.

The scripts are written for speed: fused Adam, autograd asked for one player's gradient only, real
and generated samples in one pass through D, data in memory. That of the ring is
examples/r1_ring.py, which a test holds to be the recipe `ring`, number for number.

    python benchmarks/step.py
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import gannets
from benchmarks._measure import Row, compare, mnist, stepping, table
from examples import r1_ring
from gannets import recipes
from gannets.data import Arrays
from gannets.game import Game
from gannets.objectives import NonSaturating
from gannets.training import Recipe

ENDLESS = 10**9


def library(recipe: Recipe) -> Iterator[object]:
    """The loop that the library offers."""
    return gannets.play(replace(recipe, steps=ENDLESS), device="cpu")


def ring() -> Iterator[None]:
    """RpGAN with R1 and R2 on the ring: the example."""
    G, D = r1_ring.players()
    optimizers = r1_ring.adam(G), r1_ring.adam(D)
    mean = [w.detach().clone() for w in G.parameters()]
    weights: list[Tensor] = list(G.parameters())
    for step in range(ENDLESS):
        r1_ring.update(G, D, optimizers, r1_ring.draw)
        r1_ring.average(mean, weights, step)
        yield


def non_saturating(
    G: nn.Module,
    D: nn.Module,
    draw: Callable[[], tuple[Tensor, Tensor]],
    *,
    adam: Callable[[nn.Module], torch.optim.Optimizer],
    joined: bool,
) -> Iterator[None]:
    """The game of 2014 with an averaged generator. `joined`: D judges both sides in one pass."""
    g_optimizer, d_optimizer = adam(G), adam(D)
    average = copy.deepcopy(G).requires_grad_(False)
    mean: list[Tensor] = list(average.parameters())
    weights: list[Tensor] = list(G.parameters())
    buffers, own = list(average.buffers()), list(G.buffers())
    while True:
        x, z = draw()
        with torch.no_grad():
            fake = G(z)
        on_data, on_fake = D(torch.cat([x, fake])).chunk(2) if joined else (D(x), D(fake))
        r1_ring.descend(d_optimizer, softplus(-on_data).mean() + softplus(on_fake).mean())
        r1_ring.descend(g_optimizer, softplus(-D(G(torch.randn_like(z)))).mean())
        with torch.no_grad():
            torch._foreach_lerp_(mean, weights, 0.01)
            if buffers:
                torch._foreach_copy_(buffers, own)
        yield


def plain_ring() -> Iterator[None]:
    """The same nets without penalties."""
    G, D = r1_ring.players()
    return non_saturating(G, D, r1_ring.draw, adam=r1_ring.adam, joined=True)


def dcgan(images: Tensor) -> Iterator[None]:
    """The recipe `dcgan` on 28x28 images: sides 4, 7, 14, 28, kernels of 5, batch normalisation."""
    up, down = [(256, 128, 0), (128, 64, 1), (64, 1, 1)], [(1, 64), (64, 128), (128, 256)]
    g: list[nn.Module] = [nn.Linear(100, 256 * 16, bias=False), nn.Unflatten(1, (256, 4, 4))]
    for before, after, extra in up:
        larger = nn.ConvTranspose2d(before, after, 5, 2, 2, extra, bias=after == 1)
        g += [nn.BatchNorm2d(before), nn.ReLU(), larger]
    d: list[nn.Module] = []
    for before, after in down:
        d.append(nn.Conv2d(before, after, 5, 2, 2, bias=before == 1))
        d += [nn.LeakyReLU(0.2)] if before == 1 else [nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    G = nn.Sequential(*g, nn.Tanh())
    D = nn.Sequential(*d, nn.Flatten(), nn.Linear(256 * 16, 1), nn.Flatten(0))

    def draw() -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(images), (128,))
        x = images.index_select(0, rows).float().mul_(2 / 255).sub_(1)
        return x[:, None], torch.rand(128, 100).mul_(2).sub_(1).mul_(3**0.5)

    def adam(net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)

    # Batch normalisation keeps the sides apart, as it does in the library.
    return non_saturating(G, D, draw, adam=adam, joined=False)


def main() -> None:
    """Print the table."""
    images, on_ring = mnist(), recipes.get("ring")
    on_images = replace(recipes.get("dcgan"), data=Arrays(images[:10_000]))
    plain = replace(on_ring, game=Game(NonSaturating()))
    cases: list[tuple[str, Iterator[object], Iterator[object], int, int]] = [
        ("ring: RpGAN, R1, R2", library(on_ring), ring(), 10, 100),
        ("ring: non-saturating, no penalty", library(plain), plain_ring(), 10, 100),
        ("DCGAN, 28x28, batch 128", library(on_images), dcgan(images), 1, 20),
    ]
    rows: list[Row] = []
    for name, ours, theirs, steps, rounds in cases:
        a, b, ratio = compare(stepping(ours, steps), stepping(theirs, steps), rounds=rounds)
        rows.append((name, a / steps, b / steps, ratio))
    table("one update", ("gannets", "plain torch"), rows, unit="ms of one core")


if __name__ == "__main__":
    main()
