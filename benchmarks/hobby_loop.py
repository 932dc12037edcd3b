"""The library against the usual single-file script, on MNIST, end to end.

Such scripts load their data with a DataLoader that makes and transforms a PIL image for every
sample, squash D's output and take the cross entropy of that, let G's loss leave a gradient in D as
well, read their losses at every step, and use Adam as torch makes it. Both sides train the same
MLPs (G 100-128-256-512-1024-784 with batch normalisation, D 784-512-256-1) on batches of 64.

    python benchmarks/hobby_loop.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import gannets
from benchmarks._measure import Row, compare, mnist, stepping, table
from gannets.data import Arrays
from gannets.game import Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating

LATENT, BATCH = 100, 64
G_HIDDEN, D_HIDDEN = (128, 256, 512, 1024), (512, 256)


class Pictures(Dataset[Tensor]):
    """One PIL image a sample: to a tensor in [0, 1], then to [-1, 1]."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.images[index].numpy(), mode="L")
        x = torch.from_numpy(np.array(picture, copy=True)).view(28, 28, 1)
        x = x.permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        return (x - 0.5) / 0.5


def hobby_loop(images: Tensor) -> Iterator[tuple[float, float]]:
    """The usual loop."""
    g: list[nn.Module] = []
    width = LATENT
    for units in G_HIDDEN:
        g += [nn.Linear(width, units), nn.BatchNorm1d(units), nn.LeakyReLU(0.2)]
        width = units
    generator = nn.Sequential(*g, nn.Linear(width, 784), nn.Tanh())
    d: list[nn.Module] = []
    width = 784
    for units in D_HIDDEN:
        d += [nn.Linear(width, units), nn.LeakyReLU(0.2)]
        width = units
    discriminator = nn.Sequential(*d, nn.Linear(width, 1), nn.Sigmoid())
    bce = nn.BCELoss()
    g_adam = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    loader = DataLoader(Pictures(images), batch_size=BATCH, shuffle=True, drop_last=True)
    while True:
        for x in loader:
            real, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
            g_adam.zero_grad()
            samples = generator(torch.randn(BATCH, LATENT)).view(BATCH, 1, 28, 28)
            g_loss = bce(discriminator(samples.flatten(1)), real)
            g_loss.backward()
            g_adam.step()
            d_adam.zero_grad()
            on_real = bce(discriminator(x.flatten(1)), real)
            on_fake = bce(discriminator(samples.detach().flatten(1)), fake)
            d_loss = (on_real + on_fake) / 2
            d_loss.backward()
            d_adam.step()
            yield g_loss.item(), d_loss.item()


def library(images: Tensor, *, precision: str) -> Iterator[object]:
    """The same nets and game as a recipe."""
    recipe = Recipe(
        data=Arrays(images),
        prior=Gaussian(LATENT),
        nets=Nets(
            generator=MLP(G_HIDDEN, activation="leaky_relu", batch_norm=True),
            discriminator=MLP(D_HIDDEN, activation="leaky_relu"),
        ),
        game=Game(NonSaturating()),
        update=Alternating(k=1),
        optimizers=both(Adam(lr=2e-4, betas=(0.5, 0.999))),
        batch=BATCH,
        steps=10**9,
        precision=precision,
    )
    return gannets.play(recipe, device="cpu")


def main() -> None:
    """Print the table; the ratio is how many updates the library makes in one of the script."""
    images = mnist()
    rows: list[Row] = []
    sides: list[tuple[str, Callable[[], Iterator[object]]]] = [
        ("float32", lambda: library(images, precision="float32")),
        ("bfloat16", lambda: library(images, precision="bfloat16")),
    ]
    for precision, make in sides:
        theirs, ours, ratio = compare(
            stepping(hobby_loop(images), 10), stepping(make(), 10), rounds=20
        )
        rows.append((f"MLP on MNIST, batch 64, {precision}", theirs / 10, ours / 10, ratio))
    table("one update", ("usual script", "gannets"), rows, unit="ms of one core")


if __name__ == "__main__":
    main()
