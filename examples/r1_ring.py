"""Eight Gaussians on a circle, learned by relativistic pairing with R1 and R2.

    D descends  E softplus(D(G(z)) - D(x)) + gamma/2 E|∇D(x)|² + gamma/2 E|∇D(G(z))|²
    G descends  E softplus(D(x) - D(G(z)))

Huang et al. (2024), "The GAN is dead; long live the GAN!", section 2; R1 and R2 are equations 9 and
10 of Mescheder et al. (2018). Plain torch, one file:

    python examples/r1_ring.py
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

MODES, SIGMA = 8, 0.05  # on the unit circle
LATENT, HIDDEN, BATCH, GAMMA = 2, 128, 256, 0.1

Draw = Callable[[], tuple[Tensor, Tensor]]  # a fresh batch: data x and latents z

angles = 2 * math.pi * torch.arange(MODES) / MODES
centres = torch.stack([angles.cos(), angles.sin()], dim=1)


def players() -> tuple[nn.Module, nn.Module]:
    """G takes z, (m, 2), to points, (m, 2); D takes points to logits, (m,)."""
    g, d = nn.ReLU(), nn.LeakyReLU(0.2)
    G = [nn.Linear(LATENT, HIDDEN), g, nn.Linear(HIDDEN, HIDDEN), g, nn.Linear(HIDDEN, 2)]
    D = [nn.Linear(2, HIDDEN), d, nn.Linear(HIDDEN, HIDDEN), d, nn.Linear(HIDDEN, 1)]
    return nn.Sequential(*G), nn.Sequential(*D, nn.Flatten(0))


def adam(net: nn.Module) -> Optimizer:
    """No momentum: a game rotates."""
    return torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.0, 0.99), fused=True)


def draw() -> tuple[Tensor, Tensor]:
    """Data and noise."""
    x = centres[torch.randint(MODES, (BATCH,))] + SIGMA * torch.randn(BATCH, 2)
    return x, torch.randn(BATCH, LATENT)


def judge(D: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """D(x), and gamma/2 E|∇D(x)|² of the same pass."""
    x.requires_grad_()
    logits = D(x)
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return logits, GAMMA / 2 * gradient.square().sum(1).mean()


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """One step of one player: no other gradient is computed."""
    weights = optimizer.param_groups[0]["params"]
    for w, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        w.grad = gradient
    optimizer.step()


def update(G: nn.Module, D: nn.Module, optimizers: Sequence[Optimizer], draw: Draw) -> list[Tensor]:
    """One step of D, then one of G, on fresh noise each (Algorithm 1 of Goodfellow et al. 2014)."""
    x, z = draw()
    with torch.no_grad():
        fake = G(z)
    on_data, r1 = judge(D, x)
    on_fake, r2 = judge(D, fake)
    d_loss = softplus(on_fake - on_data).mean()
    descend(optimizers[1], d_loss + r1 + r2)

    x, z = draw()
    with torch.no_grad():  # the data do not hang on G
        on_data = D(x)
    g_loss = softplus(on_data - D(G(z))).mean()
    descend(optimizers[0], g_loss)
    return [g_loss, d_loss, r1, r2]


@torch.no_grad()
def average(mean: list[Tensor], weights: list[Tensor], step: int) -> None:
    """Move `mean` towards `weights`; half is forgotten in 64,000 points, at first in fewer."""
    half_life = min(64_000, 0.05 * BATCH * step)
    torch._foreach_lerp_(mean, weights, 1 - 0.5 ** (BATCH / half_life) if step else 1.0)


def main() -> None:
    """Train; print losses, and how many modes the averaged generator has at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=5_000)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    G, D = players()
    optimizers = adam(G), adam(D)
    mean = copy.deepcopy(G).requires_grad_(False)
    means: list[Tensor] = list(mean.parameters())
    weights: list[Tensor] = list(G.parameters())
    print("step", "G", "D", "R1", "R2")
    for step in range(steps):
        losses = update(G, D, optimizers, draw)
        average(means, weights, step)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            print(step + 1, *(f"{loss.item():.4f}" for loss in losses))
    with torch.no_grad():
        distance, mode = torch.cdist(mean(torch.randn(10_000, LATENT)), centres).min(dim=1)
    near = distance < 3 * SIGMA
    print(f"{len(mode[near].unique())} modes, {near.double().mean():.1%} within 3 sigma of one")


if __name__ == "__main__":
    main()
