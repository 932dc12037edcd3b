"""A view, and what the views of this folder share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream

__all__ = ["View", "check_images", "check_number", "check_views", "refusal", "share_of", "where"]


@runtime_checkable
class View(Protocol):
    """What D sees instead of a sample: an augmentation or noise, the same for both sides.

    It may have a method `check(event)` that refuses samples of a shape it is not for.
    """

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """The sample as D sees it at update `step`, differentiable with respect to `x`."""
        ...


def check_views(views: tuple[View, ...], event: tuple[int, ...]) -> None:
    """Refuse, with the view's own sentence, samples of a shape that one of `views` is not for."""
    for view in views:
        check: Callable[[tuple[int, ...]], None] | None = getattr(view, "check", None)
        if check is not None:
            check(event)


def where(chosen: Bool[Tensor, " m"], changed: Tensor, x: Tensor) -> Tensor:
    """The chosen samples changed."""
    return torch.where(chosen.reshape(-1, *[1] * (x.ndim - 1)), changed, x)


def share_of(p: float, changed: Tensor, x: Tensor, random: Stream) -> Tensor:
    """A share p of the samples changed; the draw is made at any p, so that p moves no other."""
    chosen = random.uniform(len(x)) < p
    return changed if p == 1 else where(chosen, changed, x)


def check_number(view: View, name: str, value: float, *, most: float = 1.0) -> None:
    """Refuse a field that is no number from 0 to `most`."""
    if not (0 <= value <= most and math.isfinite(value)):
        valid = f"from 0 to {most:g}" if math.isfinite(most) else ">= 0"
        raise InputError(f"{type(view).__name__} takes {name} {valid}, not {value}.")


def check_images(view: View, event: tuple[int, ...]) -> None:
    """Refuse samples that are no images."""
    if len(event) != 3:
        raise InputError(refusal(view, "images (channels, height, width)", event))


def refusal(view: View, what: str, event: tuple[int, ...]) -> str:
    """What a view that is for other samples says."""
    return (
        f"{type(view).__name__} is for {what}, and a sample here has the shape {tuple(event)}: "
        "take it out of joint.through; InstanceNoise(sigma) serves samples of any shape."
    )
