"""Where an image's pixels are: mirrored, turned, moved, cut out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import pad

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.game.views.view import check_images, check_number, refusal, share_of, where

__all__ = ["Cutout", "Flip", "Rotate", "Translation"]


@dataclass(frozen=True)
class Flip:
    """A share `p` of the images, drawn anew each time, is mirrored left to right or not by a coin.

    Points in the plane are mirrored alike: (-x1, x2). Karras et al. (2020), appendix B, "x-flip".
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)

    def check(self, event: tuple[int, ...]) -> None:
        """Images and points in the plane."""
        if len(event) != 3 and tuple(event) != (2,):
            raise InputError(refusal(self, "images and points in the plane", event))

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width) or (m, 2), some mirrored."""
        chosen = random.uniform(len(x)) < self.p / 2
        mirrored = x.flip(-1) if x.ndim == 4 else x * x.new_tensor([-1.0, 1.0])
        return where(chosen, mirrored, x)


@dataclass(frozen=True)
class Rotate:
    """A share `p` of the images is turned by 0, 90, 180 or 270 degrees, with equal chances.

    Images must be square. Points in the plane are turned about 0.
    Karras et al. (2020), appendix B, "90° rotations".
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)

    def check(self, event: tuple[int, ...]) -> None:
        """Square images and points in the plane."""
        square = len(event) == 3 and event[1] == event[2]
        if not square and tuple(event) != (2,):
            raise InputError(refusal(self, "square images and points in the plane", event))

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, side, side) or (m, 2), some turned."""
        share = random.uniform(len(x)) / max(self.p, 1e-30)
        seen = x
        for turns in (1, 2, 3):
            chosen = (share >= turns / 4) & (share < (turns + 1) / 4)
            seen = where(chosen, _turned(x, turns), seen)
        return seen


@dataclass(frozen=True)
class Translation:
    """Images moved by whole pixels, up to `ratio` of their height and width in each direction.

    What is moved in is `fill`. Zhao et al. (2020), section 3.
    """

    ratio: float = 0.125
    fill: float = 0.0
    """In the data's units: the background, as 0 where 0 is black, -1 where -1 is."""
    p: float = 1.0
    """The share of images that are moved."""

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)
        check_number(self, "ratio", self.ratio)

    def check(self, event: tuple[int, ...]) -> None:
        """Images."""
        check_images(self, event)

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width), each moved by its own shift."""
        m, channels, height, width = x.shape
        down, right = (int(side * self.ratio + 0.5) for side in (height, width))
        rows = random.integers(2 * down + 1, m)[:, None] + torch.arange(height, device=x.device)
        columns = random.integers(2 * right + 1, m)[:, None] + torch.arange(width, device=x.device)
        wide = pad(x, (right, right, down, down), value=self.fill)
        rows = rows[:, None, :, None].expand(m, channels, height, wide.shape[3])
        columns = columns[:, None, None, :].expand(m, channels, height, width)
        return share_of(self.p, wide.gather(2, rows).gather(3, columns), x, random)


@dataclass(frozen=True)
class Cutout:
    """A rectangle of `ratio` of an image's height and width becomes `fill`, anywhere, also partly
    outside.

    Zhao et al. (2020), section 3; DeVries and Taylor (2017).
    """

    ratio: float = 0.5
    fill: float = 0.0
    """In the data's units."""
    p: float = 1.0
    """The share of images that lose a rectangle."""

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)
        check_number(self, "ratio", self.ratio)

    def check(self, event: tuple[int, ...]) -> None:
        """Images."""
        check_images(self, event)

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width), each with its own hole."""
        m, _, height, width = x.shape
        inside = (
            _stretch(height, self.ratio, random, m)[:, None, :, None]
            & _stretch(width, self.ratio, random, m)[:, None, None, :]
        )
        return share_of(self.p, torch.where(inside, self.fill, x), x, random)


def _turned(x: Tensor, turns: int) -> Tensor:
    """Each sample turned counter-clockwise by so many right angles."""
    if x.ndim == 4:
        return x.rot90(turns, (2, 3))
    for _ in range(turns):
        x = x.flip(-1) * x.new_tensor([-1.0, 1.0])
    return x


def _stretch(side: int, ratio: float, random: Stream, m: int) -> Bool[Tensor, "m side"]:
    """Which of a side's pixels lie in the hole; its middle is anywhere on the image."""
    size = int(side * ratio + 0.5)
    first = random.integers(side + 1 - size % 2, m)[:, None] - size // 2
    at = torch.arange(side, device=first.device)
    return (at >= first) & (at < first + size)
