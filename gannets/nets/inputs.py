"""What nets are built for and called with, checked: a wrong shape is a sentence, no broadcast."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Space

__all__ = ["check_call", "check_image", "check_positive", "check_space"]


def check_positive(field: str, values: object) -> None:
    """Refuse anything but a tuple of integers >= 1; `field` names it, as in "MLP.hidden"."""
    if not isinstance(values, tuple) or not all(type(n) is int and n >= 1 for n in values):
        raise InputError(f"{field} takes a tuple of integers >= 1, not {values!r}.")


def check_space(space: Space, net: str) -> None:
    """Refuse a space in which nothing can be built."""
    if not space.event or any(size < 1 for size in space.event):
        raise InputError(
            f"{net} needs samples of shape (features,) or (channels, height, width), all at least "
            f"1, not {tuple(space.event)}."
        )
    if space.latent < 1:
        raise InputError(f"{net} needs a latent dimension of at least 1, not {space.latent}.")
    if space.classes is not None and space.classes < 1:
        raise InputError(
            f"{net} needs at least 1 class, not {space.classes}: without classes, give None."
        )


def check_image(space: Space, net: str) -> tuple[int, int, int]:
    """Channels, height and width of the samples; refuse samples that are no images."""
    check_space(space, net)
    if len(space.event) != 3:
        raise InputError(
            f"{net} is for images of shape (channels, height, width), and these samples have "
            f"shape {tuple(space.event)}: use MLP."
        )
    channels, height, width = space.event
    return channels, height, width


def check_call(
    x: Tensor, y: Tensor | None, *, shape: Iterable[int], classes: int | None, net: str
) -> None:
    """Refuse an input not (m, *shape), and labels that are missing, unasked for or not (m,)."""
    shape = tuple(shape)
    if x.ndim != len(shape) + 1 or tuple(x.shape[1:]) != shape:
        asked = ", ".join(map(str, ("m", *shape)))
        raise InputError(f"{net} takes a batch of shape ({asked}), not {tuple(x.shape)}.")
    if classes is None:
        if y is not None:
            raise InputError(
                f"{net} was built without classes: call it without labels, or build it for a space "
                "that has classes."
            )
        return
    if y is None:
        raise InputError(f"{net} was built for {classes} classes: call it with a label a row.")
    if tuple(y.shape) != (len(x),) or y.dtype not in (torch.int64, torch.int32):
        raise InputError(
            f"{net} takes labels of shape ({len(x)},), integers from 0 to {classes - 1}, "
            f"not {tuple(y.shape)} of {y.dtype}."
        )
