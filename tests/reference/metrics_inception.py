"""The last block of FID's Inception and the count of its numbers, written out another way."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

# Every convolution as (inputs, outputs, height, width), read off the paper's tables.
STEM = [(3, 32, 3, 3), (32, 32, 3, 3), (32, 64, 3, 3), (64, 80, 1, 1), (80, 192, 3, 3)]


def numbers() -> tuple[int, int]:
    """Convolutions, and parameters of the net with 1,008 outputs."""
    layers = list(STEM)
    for n, pool in ((192, 32), (256, 64), (288, 64)):
        layers += [(n, 64, 1, 1), (n, 48, 1, 1), (48, 64, 5, 5), (n, 64, 1, 1)]
        layers += [(64, 96, 3, 3), (96, 96, 3, 3), (n, pool, 1, 1)]
    layers += [(288, 384, 3, 3), (288, 64, 1, 1), (64, 96, 3, 3), (96, 96, 3, 3)]
    for c in (128, 160, 160, 192):
        layers += [(768, 192, 1, 1), (768, c, 1, 1), (c, c, 1, 7), (c, 192, 7, 1)]
        layers += [(768, c, 1, 1), (c, c, 7, 1), (c, c, 1, 7), (c, c, 7, 1), (c, 192, 1, 7)]
        layers += [(768, 192, 1, 1)]
    layers += [(768, 192, 1, 1), (192, 320, 3, 3), (768, 192, 1, 1)]
    layers += [(192, 192, 1, 7), (192, 192, 7, 1), (192, 192, 3, 3)]
    for n in (1280, 2048):
        layers += [(n, 320, 1, 1), (n, 384, 1, 1), (384, 384, 1, 3), (384, 384, 3, 1)]
        layers += [(n, 448, 1, 1), (448, 384, 3, 3), (384, 384, 1, 3), (384, 384, 3, 1)]
        layers += [(n, 192, 1, 1)]
    weights = sum(i * o * h * w + 2 * o for i, o, h, w in layers)
    return len(layers), weights + 2048 * 1008 + 1008


def convolved(x: Tensor, state: Mapping[str, Tensor], name: str, stride: int = 1) -> Tensor:
    """Convolution and batch normalisation as one affine map, by shifted products in float64."""
    weight = state[f"{name}.conv.weight"].double()
    scale = state[f"{name}.bn.weight"] / (state[f"{name}.bn.running_var"].double() + 1e-3).sqrt()
    shift = state[f"{name}.bn.bias"] - state[f"{name}.bn.running_mean"] * scale
    h, w = weight.shape[2:]
    padded = F.pad(x, (w // 2, w // 2, h // 2, h // 2))
    height, width = x.shape[2:]
    total = torch.zeros(len(x), len(weight), height, width, dtype=torch.float64)
    for i in range(h):
        for j in range(w):
            piece = padded[:, :, i : i + height, j : j + width]
            total += torch.einsum("mchw,oc->mohw", piece, weight[:, :, i, j])
    return (total * scale[:, None, None] + shift[:, None, None]).clamp(min=0)


def pooled(x: Tensor, *, maximum: bool) -> Tensor:
    """3x3 maximum or average of the pixels that are there."""
    m, c, h, w = x.shape
    result = torch.empty_like(x)
    for i in range(h):
        for j in range(w):
            window = x[:, :, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].reshape(m, c, -1)
            result[:, :, i, j] = window.amax(2) if maximum else window.mean(2)
    return result


def last_block(x: Tensor, state: Mapping[str, Tensor], name: str, *, maximum: bool) -> Tensor:
    """Mixed_7b (average) or Mixed_7c (maximum)."""

    def layer(x: Tensor, branch: str) -> Tensor:
        return convolved(x, state, f"{name}.branch{branch}")

    x = x.double()
    single = layer(x, "3x3_1")
    double = layer(layer(x, "3x3dbl_1"), "3x3dbl_2")
    pool = layer(pooled(x, maximum=maximum), "_pool")
    forks = [layer(single, "3x3_2a"), layer(single, "3x3_2b")]
    forks += [layer(double, "3x3dbl_3a"), layer(double, "3x3dbl_3b")]
    return torch.cat([layer(x, "1x1"), *forks, pool], 1)
