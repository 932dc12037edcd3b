"""The picture of `gannets eval`: all that was measured, by name, beside the real samples."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gannets.files import write_bytes
from gannets.metrics.comparison import Comparison
from gannets.metrics.gallery import gallery
from gannets.training.pictures import POINTS, picture

__all__ = ["draw"]

Pixels = NDArray[np.uint8]
PAPER = 255
TITLE = 18
"""Pixels of a line that names what is below."""


def draw(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Draw every comparison into one PNG, one below the other.

    Images: fakes beside their nearest real neighbours, the most suspicious first. Points and
    tables: a scatter of both sides, in more than two dimensions along the real ones' first two
    principal axes; a histogram in one.
    """
    from PIL import Image

    pages = [_page(each) for each in comparisons]
    width = max(page.shape[1] for page in pages)
    rows = [
        part
        for page, each in zip(pages, comparisons, strict=True)
        for part in (_title(each.fake.name, width), _wide(page, width))
    ]
    blob = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(blob, format="PNG")
    write_bytes(path, blob.getvalue())


def _page(comparison: Comparison) -> Pixels:
    if comparison.fake.are_images:
        return gallery(comparison)
    # Sets are in the order of their hashes: the first are as good as any.
    return picture(comparison.fake.x[:POINTS], reals=comparison.real.x[:POINTS])


def _wide(page: Pixels, width: int) -> Pixels:
    return np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=PAPER)


def _title(name: str, width: int) -> Pixels:
    """A line with a name; of a long one the end, which tells more."""
    from PIL import Image, ImageDraw

    line = Image.new("RGB", (width, TITLE), (PAPER,) * 3)
    pen = ImageDraw.Draw(line)
    plain = name.encode("ascii", "replace").decode()  # all that the built-in font has for certain
    text = plain
    while text and pen.textlength(text) > width - 8:
        plain = plain[1:]
        text = f"...{plain}"
        if not plain:
            break
    pen.text((4, 3), text, fill=(0, 0, 0))
    return np.asarray(line)
