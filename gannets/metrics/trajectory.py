"""How a generator's samples move as it is trained: straight to somewhere, or in circles.

Its outputs at the same m latents, taken at T times, are m paths in the space of samples (or of
features), given as a tensor (T, m, d) or a list of T tensors (m, d).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError

__all__ = ["path_efficiency", "rotation"]

Paths = Float[Tensor, "times m d"] | Sequence[Float[Tensor, "m d"]]


def path_efficiency(paths: Paths) -> float:
    """Σ |x_T - x_0| / Σ_t |x_{t+1} - x_t|, summed over latents: the net way over the whole, 0 to 1.

    1 on straight lines, 0 where all come back to where they were; a walk of T random steps in
    many dimensions makes 1/√T. What does not move makes no detour: 1.
    """
    x = _stacked(paths, 2)
    whole = float(x.diff(dim=0).norm(dim=2).sum())
    net = float((x[-1] - x[0]).norm(dim=1).sum())
    return min(net / whole, 1.0) if whole > 0 else 1.0


def rotation(paths: Paths) -> float:
    """The mean angle between successive displacements, in radians, 0 to π.

    0 on straight lines, 2π/N on a regular polygon of N corners, π/2 for random steps in many
    dimensions, π where each step undoes the last. Displacements of 0 have no direction and are
    left out; 0 where none is left.
    """
    steps = _stacked(paths, 3).diff(dim=0)
    lengths = steps.norm(dim=2, keepdim=True)
    moved = (lengths[:-1] > 0) & (lengths[1:] > 0)
    units = steps / lengths.clamp(min=torch.finfo(torch.float64).tiny)
    before, after = units[:-1], units[1:]
    # Kahan's formula: acos of a scalar product loses half the digits near 0 and pi.
    angles = 2 * torch.atan2((before - after).norm(dim=2), (before + after).norm(dim=2))
    seen = angles[moved.squeeze(2)]
    return float(seen.mean()) if len(seen) else 0.0


def _stacked(paths: Paths, least: int) -> Tensor:
    x = (paths if isinstance(paths, Tensor) else torch.stack(list(paths))).double()
    if x.ndim != 3 or len(x) < least or x[0].numel() == 0:
        raise InputError(
            f"Paths of shape {tuple(x.shape)} are given: give (times, latents, d) with at least "
            f"{least} times."
        )
    if not bool(torch.isfinite(x).all()):
        raise InputError("The paths hold NaN or infinity: leave out what came after.")
    return x
