"""Pictures in a terminal: ▀ is two pixels, its colour the upper and its background the lower."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

__all__ = ["Line", "Pixels", "beside", "can_show", "half_blocks"]

Pixels = NDArray[np.uint8]
Line = list[Segment]
RGB = tuple[int, int, int]


def can_show(console: Console) -> bool:
    """Whether pictures make sense on `console`: a terminal of at least 256 colours."""
    return (
        console.is_terminal
        and not console.is_dumb_terminal
        and not console.no_color
        and console.color_system in ("truecolor", "256")
    )


def half_blocks(pixels: Pixels) -> list[Line]:
    """An RGB picture (height, width, 3) as (height + 1) // 2 lines of `width` characters.

    Segments, not Text: a redraw of 2,500 pixels takes 2 ms instead of 60.
    """
    blank: list[list[list[int]]] = [] if len(pixels) % 2 == 0 else [[]]
    rows: list[list[list[int]]] = pixels.tolist() + blank
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        below = map(tuple, lower) if lower else [None] * len(upper)
        pairs = zip(map(tuple, upper), below, strict=True)
        lines.append(
            [Segment("▀" * sum(1 for _ in run), _style(*pair)) for pair, run in groupby(pairs)]
        )
    return lines


@lru_cache(maxsize=1 << 16)
def _style(upper: RGB, lower: RGB | None) -> Style:
    # The last row of an odd picture has nothing below it but the terminal's own background.
    background = None if lower is None else Color.from_rgb(*lower)
    return Style(color=Color.from_rgb(*upper), bgcolor=background)


def beside(left: list[Line], right: list[Line], *, width: int, gap: int = 2) -> list[Line]:
    """Two pictures side by side; `width` is that of the left one."""
    lines = []
    for i in range(max(len(left), len(right))):
        first = left[i] if i < len(left) else [Segment(" " * width)]
        second = right[i] if i < len(right) else []
        lines.append([*first, Segment(" " * gap), *second])
    return lines
