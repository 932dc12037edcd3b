"""Generative Adversarial Nets (Goodfellow et al. 2014) on MNIST, as in the authors' code.

    D descends  -E log D(x) - E log(1 - D(G(z))),  G descends  -E log D(G(z))   (eq. 1, section 3)

D has two maxout layers and dropout. Both gradients are of one draw at the same parameters. The
authors' D descends half of this loss, hence its learning rate of .05. Plain torch, one file:

    python examples/goodfellow2014.py FOLDER      # that holds train-images-idx3-ubyte(.gz)
"""

from __future__ import annotations

import argparse
import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import SGD

LATENT, BATCH, EPOCH = 100, 100, 500


class Discriminator(nn.Module):
    """h_l = maxout(dropout(h_{l-1})); the logit of D(x), (m,)."""

    uniform: Callable[..., Tensor] = staticmethod(torch.rand)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(784, 240 * 5), nn.Linear(240, 240 * 5)
        self.last = nn.Linear(240, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.dropout(x, keep=0.8)).unflatten(1, (240, 5)).amax(2)
        h = self.second(self.dropout(h, keep=0.5)).unflatten(1, (240, 5)).amax(2)
        logits: Tensor = self.last(self.dropout(h, keep=0.5))[:, 0]
        return logits

    def dropout(self, x: Tensor, *, keep: float) -> Tensor:
        """Each value is kept with probability `keep`, and divided by it."""
        return x * ((self.uniform(*x.shape) < keep).to(x.dtype) / keep)


def players(mean: Tensor) -> tuple[nn.Module, Discriminator]:
    """G, whose output starts at the mean of the data, and D."""
    first, second, last = nn.Linear(LATENT, 1200), nn.Linear(1200, 1200), nn.Linear(1200, 784)
    G, D = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last, nn.Sigmoid()), Discriminator()
    for net, bound in ((G, 0.05), (D, 0.005)):
        for w in net.parameters():
            nn.init.uniform_(w, -bound, bound) if w.ndim == 2 else nn.init.zeros_(w)
    last.bias.data = mean.clamp(1e-7, 1 - 1e-7).logit()
    return G, D


def update(
    G: nn.Module, D: nn.Module, optimizers: Sequence[SGD], x: Tensor, z: Tensor, step: int
) -> list[Tensor]:
    """Both players move at once, after one pass through D. Returns the losses of G and D."""
    real, fake = D(torch.cat([x, G(z)])).split([len(x), len(z)])
    g_loss, d_loss = softplus(-fake).mean(), softplus(-real).mean() + softplus(fake).mean()
    weights = [*G.parameters()], [*D.parameters()]
    gradients = [torch.autograd.grad(g_loss, weights[0], retain_graph=True)]
    gradients += [torch.autograd.grad(d_loss, weights[1])]
    momentum, decay = 0.5 + 0.2 * min(step // EPOCH / 249, 1.0), max(1.000004**-step, 1e-5)
    for optimizer, lr, ws, gs in zip(optimizers, (0.1, 0.05), weights, gradients, strict=True):
        optimizer.param_groups[0].update(lr=lr * decay, momentum=momentum)
        for w, g in zip(ws, gs, strict=True):
            w.grad = g
        optimizer.step()
    return [g_loss, d_loss]


def images(folder: Path | None) -> Tensor:
    """MNIST's training images as bytes, (n, 784); without a folder, squares at random places."""
    if folder is None:
        print("No folder with MNIST is given, so the data are white squares.")
        near = (torch.arange(28) - torch.randint(4, 24, (2, 5_000, 1))).abs() < 4
        return (near[0, :, :, None] & near[1, :, None, :]).flatten(1).byte() * 255
    file = min(folder.glob("train-images*idx3-ubyte*"))
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return torch.frombuffer(bytearray(content[16:]), dtype=torch.uint8).view(-1, 784)[:50_000]


def save_png(path: Path, x: Tensor) -> None:
    """A sheet of 10 by 10 images with values in [0, 1], (100, 784)."""
    sheet = (x * 255).round().byte().view(10, 10, 28, 28).transpose(1, 2).reshape(280, 280)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in sheet.tolist()))
    header = struct.pack(">IIBBBBB", 280, 280, 8, 0, 0, 0, 0)
    chunks = b"IHDR" + header, b"IDAT" + pixels, b"IEND"
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def main() -> None:
    """Train; print losses once an epoch, and write a sheet of samples at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=25_000)
    given = parser.parse_args()
    torch.manual_seed(0)
    data = images(given.folder)
    G, D = players(data.double().mean(0).float() / 255)
    optimizers = SGD(G.parameters(), fused=True), SGD(D.parameters(), fused=True)
    for step in range(given.steps):
        x = data[torch.randint(len(data), (BATCH,))] / 255
        z = (torch.rand(BATCH, LATENT) * 2 - 1) * 3**0.5
        losses = update(G, D, optimizers, x, z, step)
        if (step + 1) % EPOCH == 0 or step + 1 == given.steps:
            print(step + 1, *(f"{loss.item():.4f}" for loss in losses))
    save_png(Path("goodfellow2014.png"), G(z).detach())


if __name__ == "__main__":
    main()
