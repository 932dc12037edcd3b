"""Paths between points of the latent space."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["lerp", "slerp"]


def lerp(
    a: Float[Tensor, "m latent"], b: Float[Tensor, "m latent"], t: Float[Tensor, " m"]
) -> Float[Tensor, "m latent"]:
    """(1 - t) a + t b: the straight line, which stays in a box."""
    return a + t[:, None] * (b - a)


def slerp(
    a: Float[Tensor, "m latent"], b: Float[Tensor, "m latent"], t: Float[Tensor, " m"]
) -> Float[Tensor, "m latent"]:
    """The direction along the great circle, at constant speed; the length along a straight line.

    Shoemake (1985), on directions; White (2016) for GANs. A straight line through a Gaussian in
    many dimensions passes through lengths that the prior hardly ever has. Where the directions of
    a and b are equal the path is the straight line; where they are opposite, the circle goes by an
    arbitrary but fixed side.
    """
    long_a, long_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u, v = _unit(a, long_a), _unit(b, long_b)
    across = v - (u * v).sum(1, keepdim=True) * u
    size = across.norm(dim=1, keepdim=True)
    # Twice the half angle: acos loses half the digits near 0 and pi.
    angle = 2 * torch.atan2((u - v).norm(dim=1, keepdim=True), (u + v).norm(dim=1, keepdim=True))
    degenerate = size <= 1e-12
    side = torch.where(degenerate, _perpendicular(u), across / size.clamp(min=1e-300))
    turn = t[:, None] * angle
    direction = u * torch.cos(turn) + side * torch.sin(turn)
    return direction * (long_a + t[:, None] * (long_b - long_a))


def _unit(x: Tensor, length: Tensor) -> Tensor:
    """The direction of x; the origin, which has none, is given that of the first axis."""
    first = torch.zeros_like(x)
    first[:, 0] = 1
    return torch.where(length > 0, x / length.clamp(min=1e-300), first)


def _perpendicular(u: Tensor) -> Tensor:
    """A unit vector perpendicular to each unit vector; 0 in one dimension, which has none."""
    axis = torch.zeros_like(u)
    axis.scatter_(1, u.abs().argmin(1, keepdim=True), 1.0)
    across = axis - (u * axis).sum(1, keepdim=True) * u
    size = across.norm(dim=1, keepdim=True)
    return torch.where(size > 0.1, across / size.clamp(min=1e-300), torch.zeros_like(u))
