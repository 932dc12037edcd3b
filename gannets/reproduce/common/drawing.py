"""Matplotlib's figures without a screen: made, saved whole, or taken as pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gannets.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLACK", "BLUE", "GREEN", "drawing", "pixels", "save_drawing", "save_pixels"]

DPI = 120
GREEN, BLUE, BLACK = "#12873b", "#1f4fd8", "#111111"
"""p_g, D and p_data, as in figure 1 of the paper."""


def drawing(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches; `figure.subplots(...)` gives its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def pixels(figure: Figure) -> UInt8[np.ndarray, "height width 3"]:
    """The figure as it looks: a frame of an animation."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def save_drawing(path: Path, figure: Figure) -> Path:
    """Save the figure as a PNG, whole or not at all, and return its path."""
    return save_pixels(path, pixels(figure))


def save_pixels(path: Path, picture: UInt8[np.ndarray, "height width 3"]) -> Path:
    """Save a picture as a PNG, whole or not at all, and return its path."""
    from PIL import Image

    blob = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(blob, format="PNG", optimize=True)
    write_bytes(path, blob.getvalue())
    return path
