"""How light, colourful and rich in contrast an image is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gannets.game.stream import Stream
from gannets.game.views.view import check_images, check_number, share_of

__all__ = ["Brightness", "Contrast", "Saturation"]


@dataclass(frozen=True)
class Brightness:
    """x + u, one u ~ U(-strength, strength) for all pixels of an image.

    Zhao et al. (2020), section 3: 1/2, for pixels in [-1, 1].
    """

    strength: float = 0.5
    """In the data's units."""
    p: float = 1.0
    """The share of images that are changed."""

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)
        check_number(self, "strength", self.strength, most=math.inf)

    def check(self, event: tuple[int, ...]) -> None:
        """Images."""
        check_images(self, event)

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width), each lighter or darker."""
        return share_of(self.p, x + self.strength * _signed(x, random), x, random)


@dataclass(frozen=True)
class Saturation:
    """Every pixel's distance from its grey times 1 + u, u ~ U(-strength, strength) for an image.

    Its grey is the mean of its channels; an image of one channel stays what it is.
    Zhao et al. (2020), section 3: strength 1.
    """

    strength: float = 1.0
    p: float = 1.0
    """The share of images that are changed."""

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)
        check_number(self, "strength", self.strength, most=math.inf)

    def check(self, event: tuple[int, ...]) -> None:
        """Images."""
        check_images(self, event)

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width), each more or less colourful."""
        away = x - x.mean(1, keepdim=True)
        return share_of(self.p, x + self.strength * _signed(x, random) * away, x, random)


@dataclass(frozen=True)
class Contrast:
    """Every pixel's distance from the image's mean times 1 + u, u ~ U(-strength, strength).

    Zhao et al. (2020), section 3: strength 1/2.
    """

    strength: float = 0.5
    p: float = 1.0
    """The share of images that are changed."""

    def __post_init__(self) -> None:
        check_number(self, "p", self.p)
        check_number(self, "strength", self.strength, most=math.inf)

    def check(self, event: tuple[int, ...]) -> None:
        """Images."""
        check_images(self, event)

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """(m, channels, height, width), each of more or less contrast."""
        away = x - x.mean((1, 2, 3), keepdim=True)
        return share_of(self.p, x + self.strength * _signed(x, random) * away, x, random)


def _signed(x: Tensor, random: Stream) -> Float[Tensor, "m 1 1 1"]:
    """One number a sample, uniform on (-1, 1)."""
    return (2 * random.uniform(len(x), 1, 1, 1) - 1).to(x.dtype)
