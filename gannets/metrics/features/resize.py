"""Two ways to resize images, as those programs do whose numbers one wants to compare with.

They differ from each other, and from torch's `interpolate`, by more than good generators do:
where a pixel's centre lies and whether it is averaged over when shrinking changes every feature.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["pil_bicubic", "tf1_bilinear"]


def tf1_bilinear(x: Float[Tensor, "m c h w"], size: tuple[int, int]) -> Float[Tensor, "m c H W"]:
    """TensorFlow 1's `resize_bilinear(align_corners=False)`, bit for bit, in float32.

    Pixel i of H comes from place i h / H, corner on corner: no half pixel is added, and shrinking
    does not average. First along rows, then between them, each as a + (b - a) t.
    """
    x = x.float()
    low, high, t = _places(x.shape[3], size[1], x.device)
    left = x.index_select(3, low)
    rows = left + (x.index_select(3, high) - left) * t
    low, high, t = _places(x.shape[2], size[0], x.device)
    top = rows.index_select(2, low)
    return top + (rows.index_select(2, high) - top) * t[:, None]


def _places(given: int, wanted: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels that each new one lies between, and how far from the first, in float32."""
    scale = torch.tensor(given, dtype=torch.float32) / torch.tensor(wanted, dtype=torch.float32)
    place = torch.arange(wanted, dtype=torch.float32) * scale
    low = place.long()
    t = place - low.float()
    return (
        low.clamp_max(given - 1).to(device),
        (low + 1).clamp_max(given - 1).to(device),
        t.to(device),
    )


def pil_bicubic(x: Float[Tensor, "m c h w"], size: tuple[int, int]) -> Float[Tensor, "m c H W"]:
    """Pillow's BICUBIC of a float image ("F"), channel by channel; not clipped.

    Keys' cubic with a = -1/2 (Keys 1981), stretched over the pixels that are shrunk into one.
    """
    across = _weights(x.shape[3], size[1]).to(x.device)
    down = _weights(x.shape[2], size[0]).to(x.device)
    # Pillow sums in double precision, and holds what lies between the passes in single.
    rows = (x.float().to(across.dtype) @ across.T).float()
    return (down @ rows.to(down.dtype)).float()


def _weights(given: int, wanted: int) -> Float[Tensor, "wanted given"]:
    """Row i holds the weights by which the given pixels make the new pixel i; they sum to 1."""
    scale = given / wanted
    stretch = max(scale, 1.0)
    support = 2 * stretch
    matrix = torch.zeros(wanted, given, dtype=torch.float64)
    for i in range(wanted):
        centre = (i + 0.5) * scale
        first = max(0, math.floor(centre - support + 0.5))
        last = min(given, math.floor(centre + support + 0.5))
        weights = _cubic((torch.arange(first, last).double() - centre + 0.5) / stretch)
        matrix[i, first:last] = weights / weights.sum()
    return matrix


def _cubic(t: Tensor) -> Tensor:
    """Keys' kernel, 1 at 0 and 0 at every other whole number."""
    t = t.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, 0.0))
