"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, algorithm 1) on MNIST.

    D descends  E D(G(z)) - E D(x) + 10 E(|∇D(x̂)| - 1)²,   x̂ = ε x + (1 - ε) G(z),  ε ~ U(0, 1)
    G descends  -E D(G(z))

Five steps of D, then one of G. D judges each sample alone, without batch normalisation, and each
has its own ε and its own slope. Plain torch, one file:

    python examples/wgan_gp.py FOLDER      # that holds train-images-idx3-ubyte(.gz)
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Adam

LATENT, WIDTH, BATCH, WEIGHT, STEPS_OF_D = 128, 64, 50, 10.0, 5
Draw = Callable[[], tuple[Tensor, Tensor, Tensor]]
"""A fresh batch: data x, latents z and coefficients ε, (m, 1, 1, 1)."""


def generator(width: int = WIDTH) -> nn.Module:
    """G: z, (m, 128), to images in [-1, 1], (m, 1, 28, 28), by way of sides 4, 7 and 14."""
    layers: list[nn.Module] = [nn.Linear(LATENT, 4 * width * 16, bias=False)]
    layers.append(nn.Unflatten(1, (4 * width, 4, 4)))
    for before, after, extra in ((4 * width, 2 * width, 0), (2 * width, width, 1), (width, 1, 1)):
        up = nn.ConvTranspose2d(before, after, 5, 2, 2, extra, bias=after == 1)
        layers += [nn.BatchNorm2d(before), nn.ReLU(), up]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(width: int = WIDTH) -> nn.Module:
    """D: images to numbers without bound, (m,)."""
    layers: list[nn.Module] = []
    for before, after in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [nn.Conv2d(before, after, 5, 2, 2), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * width * 16, 1), nn.Flatten(0))


def adam(net: nn.Module) -> Adam:
    """Either player's optimizer."""
    return Adam(net.parameters(), lr=1e-4, betas=(0.5, 0.9), fused=True)


def penalty(D: nn.Module, between: Tensor) -> Tensor:
    """E(|∇D(x̂)| - 1)², the norm of each sample's own gradient."""
    between.requires_grad_()
    (gradient,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def descend(optimizer: Adam, loss: Tensor) -> None:
    """One step of one player: no other gradient is computed."""
    weights = optimizer.param_groups[0]["params"]
    for w, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        w.grad = gradient
    optimizer.step()


def update(
    G: nn.Module, D: nn.Module, optimizers: tuple[Adam, Adam], draw: Draw
) -> tuple[Tensor, Tensor, Tensor]:
    """Five steps of D, one of G: the losses of G and D, and the penalty."""
    for _ in range(STEPS_OF_D):
        x, z, epsilon = draw()
        with torch.no_grad():
            fake = G(z)
        gp = WEIGHT * penalty(D, fake.lerp(x, epsilon))
        on_data, on_fake = D(torch.cat([x, fake])).split([len(x), len(fake)])
        d_loss = on_fake.mean() - on_data.mean()
        descend(optimizers[1], d_loss + gp)
    _, z, _ = draw()
    g_loss = -D(G(z)).mean()
    descend(optimizers[0], g_loss)
    return g_loss, d_loss, gp


def images(folder: Path | None) -> Tensor:
    """MNIST's training images as bytes; without a folder, white squares at random places."""
    if folder is None:
        print("No folder with MNIST is given, so the data are white squares.")
        near = (torch.arange(28) - torch.randint(4, 24, (2, 5_000, 1))).abs() < 4
        return (near[0, :, :, None] & near[1, :, None, :])[:, None].byte() * 255
    file = min(folder.glob("train-images*idx3-ubyte*"))
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return torch.frombuffer(bytearray(content[16:]), dtype=torch.uint8).view(-1, 1, 28, 28)


def main() -> None:
    """Train and print; minus D's loss is the estimate of W1, and falls as samples improve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=20_000)
    given = parser.parse_args()
    torch.manual_seed(0)
    data, G, D = images(given.folder), generator(), discriminator()
    for w in (*G.parameters(), *D.parameters()):
        nn.init.normal_(w, 0.0, 0.02) if w.ndim > 1 else None
    optimizers = adam(G), adam(D)

    def draw() -> tuple[Tensor, Tensor, Tensor]:
        x = data[torch.randint(len(data), (BATCH,))] / 127.5 - 1
        return x, torch.randn(BATCH, LATENT), torch.rand(BATCH, 1, 1, 1)

    print("step", "G", "D", "penalty")
    for step in range(given.steps):
        losses = update(G, D, optimizers, draw)
        if (step + 1) % 100 == 0 or step + 1 == given.steps:
            print(step + 1, *(f"{loss.item():.4f}" for loss in losses))


if __name__ == "__main__":
    main()
