"""SWD: sliced Wasserstein distance between patches of a Laplacian pyramid (Karras et al. 2018).

Section 5 and the authors' code: a level for every halving down to 16 pixels, 128 patches of 7x7 an
image and level, each channel of the descriptors normalised over the whole set, 4 x 128 directions,
mean |difference of sorted projections|, times 1000. Each level sees structure of its own size. The
normalisation hides differences in brightness and contrast of a level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import normal_interval
from gannets.metrics.sliced import split_floor
from gannets.metrics.wording import meaning

__all__ = ["PatchSlicedWasserstein", "descriptors", "laplacian_pyramid", "normalised"]

SMALLEST = 16
SIDE = 7
CHUNK = 256
"""Images whose pyramid is made at a time."""
AT_ONCE = 32
"""Directions projected on at a time."""


def laplacian_pyramid(x: Float[Tensor, "n c h w"], levels: int) -> list[Tensor]:
    """Burt and Adelson (1983): what each halving takes away, finest first, and what is left.

    The 5 x 5 binomial filter, reflected at the edges, as OpenCV's pyrDown and pyrUp have it.
    """
    pyramid = [x]
    for _ in range(levels - 1):
        smaller = _blur(pyramid[-1])[:, :, ::2, ::2]
        raised = pyramid[-1].new_zeros(pyramid[-1].shape)
        raised[:, :, ::2, ::2] = smaller
        pyramid[-1] = pyramid[-1] - 4 * _blur(raised)
        pyramid.append(smaller)
    return pyramid


def _blur(x: Tensor) -> Tensor:
    line = x.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    flat = F.pad(x, (2, 2, 2, 2), mode="reflect").flatten(0, 1)[:, None]
    out = F.conv2d(F.conv2d(flat, line.view(1, 1, 5, 1)), line.view(1, 1, 1, 5))
    return out.view(x.shape)


def levels_of(height: int, width: int) -> int:
    """How many levels have sides of 16 pixels or more."""
    levels, side = 0, min(height, width)
    while side >= SMALLEST:
        levels, side = levels + 1, side // 2
    return levels


def descriptors(
    x: Float[Tensor, "n c h w"], *, patches: int, stream: Stream
) -> list[Float[Tensor, "np c 7 7"]]:
    """At each level of the pyramid, `patches` of each image, at random places; image by image."""
    n, _, height, width = x.shape
    levels = levels_of(height, width)
    found: list[list[Tensor]] = [[] for _ in range(levels)]
    for start in range(0, n, CHUNK):
        for level, image in enumerate(laplacian_pyramid(x[start : start + CHUNK], levels)):
            windows = image.unfold(2, SIDE, 1).unfold(3, SIDE, 1)
            k = len(image) * patches
            row = stream.integers(windows.shape[2], k)
            column = stream.integers(windows.shape[3], k)
            which = torch.arange(len(image)).repeat_interleave(patches)
            found[level].append(windows[which, :, row, column])
    return [torch.cat(parts) for parts in found]


def normalised(patches: Float[Tensor, "k c 7 7"]) -> Float[Tensor, "k d"]:
    """Mean 0 and standard deviation 1 of each channel over all patches; a constant one is 0."""
    # Moments in double precision: there are a hundred million numbers at full size.
    mean = patches.mean((0, 2, 3), keepdim=True, dtype=torch.float64).float()
    centred = patches - mean
    deviation = centred.square().mean((0, 2, 3), keepdim=True, dtype=torch.float64).sqrt().float()
    constant = patches.amax((0, 2, 3), keepdim=True) == patches.amin((0, 2, 3), keepdim=True)
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, deviation)).flatten(1)


@dataclass(frozen=True)
class PatchSlicedWasserstein:
    """SWD x 1000 of each level, and their mean; as published with the fields as they are.

    Computed in single precision, as published: at full size a level's patches are 0.6 GB a side.
    """

    images: int = 8192
    patches: int = 128
    repeats: int = 4
    directions: int = 128
    parts: int = 8
    """Disjoint parts of the images, whose values say how much chance is in the whole's."""

    def __post_init__(self) -> None:
        """Refuse a distance of nothing."""
        if min(self.images, self.patches, self.repeats, self.directions, self.parts) < 2:
            raise InputError(f"PatchSlicedWasserstein takes numbers of 2 or more: not {self}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        if not comparison.real.are_images:
            raise Unmeasurable(
                "SWD looks at patches of images: give images (n, channels, height, width), not "
                f"rows of {comparison.real.event[0]:,} numbers."
            )
        channels, height, width = comparison.real.event
        levels = levels_of(height, width)
        if not levels:
            raise InputError(
                f"SWD takes images of {SMALLEST} pixels or more a side, not {height}x{width}: "
                "measure points (energy, sliced) or enlarge the images."
            )
        stream = comparison.stream("swd")
        n = min(len(comparison.real), len(comparison.fake), self.images)
        real = comparison.real.draw(n, stream).x
        fake = comparison.fake.draw(n, stream).x
        along = self._directions(channels * SIDE**2, stream)
        sides = [
            [normalised(level) for level in descriptors(x, patches=self.patches, stream=stream)]
            for x in (real, fake)
        ]
        values = [self._distance(x, y, along) for x, y in zip(*sides, strict=True)]
        # One repeat of directions says enough of chance.
        few = along[:, : self.directions]
        floors = [self._floor(x, n, few, stream) for x in sides[0]]
        value, floor = sum(values) / levels, sum(floors) / levels
        sizes = [f"{height >> i}x{width >> i}" for i in range(levels)]
        worst = max(range(levels), key=lambda i: values[i] - floors[i])
        interval = self._interval(value, sides, n, few)
        return (
            comparison.estimate(
                self,
                "swd",
                "SWD",
                value,
                through="samples",
                n=(n, n),
                interval=interval,
                floor=floor,
                meaning=meaning(
                    value,
                    floor=floor,
                    interval=interval,
                    level="Patches differ no more than those of two sets of real images, as far "
                    "as this n can tell.",
                    worse=f"The sides differ most in patches at {sizes[worst]}.",
                ),
                notes=self._notes(n, channels, comparison),
                details={
                    "levels": dict(zip(sizes, values, strict=True)),
                    "floors": dict(zip(sizes, floors, strict=True)),
                    "channels": channels,
                },
            ),
        )

    def _directions(self, d: int, stream: Stream) -> Tensor:
        normal = stream.normal(self.repeats * self.directions, d).T
        return normal / normal.norm(dim=0)

    def _distance(self, x: Tensor, y: Tensor, along: Tensor) -> float:
        total = 0.0
        for part in along.split(AT_ONCE, dim=1):
            # Sorted along rows: torch sorts contiguous numbers fastest.
            left, right = ((part.T @ side.T).sort(1).values for side in (x, y))
            total += float((left - right).abs().double().mean(1).sum())
        return 1000 * total / along.shape[1]

    def _floor(self, real: Tensor, n: int, along: Tensor, stream: Stream) -> float:
        """The value between the patches of two halves of the real images, at n."""
        halves = real.view(n, -1)[stream.permutation(n)[: n // 2 * 2]].chunk(2)
        x, y = (_again(half, real.shape[1]) for half in halves)
        return self._distance(x, y, along) * split_floor(n, n, n // 2, rate=1 / 2)

    def _interval(
        self, value: float, sides: list[list[Tensor]], n: int, along: Tensor
    ) -> tuple[float, float] | None:
        """By subsampling (Politis and Romano 1994): the variance of a part's value, by its size."""
        if n < 2 * self.parts:
            return None
        parts = torch.zeros(self.parts, dtype=torch.float64)
        for x, y in zip(*sides, strict=True):
            groups = (side.view(n, -1).tensor_split(self.parts) for side in (x, y))
            for i, (left, right) in enumerate(zip(*groups, strict=True)):
                left, right = _again(left, x.shape[1]), _again(right, x.shape[1])
                parts[i] += self._distance(left, right, along) / len(sides[0])
        return normal_interval(value, float(parts.std()) / math.sqrt(self.parts))

    def _notes(self, n: int, channels: int, comparison: Comparison) -> tuple[str, ...]:
        notes = [f"Of {channels} channel(s): published values are of 3."] if channels != 3 else []
        if n < self.images:
            notes.append(f"Of {n:,} images a side, not {self.images:,}: there are no more.")
        return (*notes, *comparison.note_of(n))


def _again(images: Tensor, d: int) -> Tensor:
    """The patches of these images, normalised among themselves."""
    return normalised(images.reshape(-1, d // SIDE**2, SIDE, SIDE))
