"""Pictures of samples: a sheet of images, a scatter of points, a histogram of numbers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gannets.errors import InputError
from gannets.files import write_bytes
from gannets.game import Stream

if TYPE_CHECKING:
    from gannets.training.state import State

__all__ = ["Pictures", "picture", "sheet"]

SIDE = 8
"""Images on a side of a sheet."""
POINTS = 2_000
SMALLEST_TILE = 32
Pixels = NDArray[np.uint8]
Bounds = tuple[float, float] | None


class Pictures:
    """Samples on fixed latents, drawn in the same way as the data, whatever the data is."""

    def __init__(self, state: State) -> None:
        self._state = state
        n = SIDE * SIDE if len(state.space.event) == 3 else POINTS
        fixed = Stream(state.recipe.seed, "pictures", state.device).at(0)
        self._latent = state.recipe.prior(n, fixed).to(state.dtype)
        classes = state.space.classes
        self._labels = (
            None if classes is None else torch.arange(n, device=state.device) % SIDE % classes
        )
        self.reals: Tensor = state.source.first(min(n, len(state.source)))[0].cpu()

    @torch.no_grad()
    def fakes(self) -> Tensor:
        """What the generator to sample from makes of the fixed latents now."""
        generator = self._state.generator
        training = generator.training
        generator.eval()
        y = () if self._labels is None else (self._labels,)
        samples: Tensor = generator(self._latent, *y).float().cpu()
        generator.train(training)
        return samples

    def save(self, path: Path) -> None:
        """Draw the samples into a PNG."""
        draw(path, self.fakes(), self.reals, self._state.space.bounds)

    def save_reals(self, path: Path) -> None:
        """Draw the data into a PNG."""
        draw(path, self.reals, self.reals, self._state.space.bounds)


def draw(path: Path, samples: Tensor, reals: Tensor, bounds: Bounds) -> None:
    """Draw `samples` into the PNG at `path`, on the axes of `reals`."""
    from PIL import Image

    blob = io.BytesIO()
    Image.fromarray(picture(samples, reals=reals, bounds=bounds)).save(blob, format="PNG")
    write_bytes(path, blob.getvalue())


def picture(samples: Tensor, *, reals: Tensor, bounds: Bounds = None, side: int = SIDE) -> Pixels:
    """An RGB picture, (height, width, 3): a sheet for images, a plot for vectors."""
    if samples.ndim == 4:
        return sheet(samples, bounds=bounds, side=side)
    return plot(samples, reals)


def sheet(
    images: Tensor, *, bounds: Bounds = None, side: int = SIDE, tile: int = SMALLEST_TILE
) -> Pixels:
    """A sheet of `side` images a row, (n, channels, height, width), each at least `tile` pixels
    high.

    `bounds` are the values of black and white (None: the least and the greatest). One channel is
    grey, two are red and green, three are RGB; of more, the first three are shown.
    """
    if images.ndim != 4 or not len(images):
        raise InputError(
            f"A sheet takes images (n, channels, height, width), not {tuple(images.shape)}."
        )
    low, high = bounds or (float(images.min()), float(images.max()))
    levels = ((images.float() - low) / max(high - low, 1e-12)).clamp(0, 1).mul(255).round()
    pixels = levels.nan_to_num(0).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    channels = pixels.shape[-1]
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    elif channels == 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=-1)
    pixels = pixels[..., :3]
    zoom = max(1, -(-tile // pixels.shape[1]))
    pixels = pixels.repeat(zoom, axis=1).repeat(zoom, axis=2)
    n, height, width, _ = pixels.shape
    gap = max(1, zoom // 2)
    rows = -(-n // side)
    page = np.full((rows * (height + gap) + gap, side * (width + gap) + gap, 3), 40, dtype=np.uint8)
    for i, image in enumerate(pixels):
        top, left = (gap + (i // side) * (height + gap), gap + (i % side) * (width + gap))
        page[top : top + height, left : left + width] = image
    return page


def plot(samples: Tensor, reals: Tensor) -> Pixels:
    """Vectors as a picture: a histogram in 1-D, a scatter in 2-D, of principal axes in more."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), dpi=100, layout="tight")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points, data = _plane(samples, reals)
    if data.shape[1] == 1:
        low, high = _limits(data[:, 0])
        bins: list[float] = np.linspace(low, high, 81).tolist()
        axes.hist(data[:, 0], bins=bins, density=True, color="0.8", label="data")
        inside = points[(points[:, 0] >= low) & (points[:, 0] <= high), 0]
        if len(inside):
            axes.hist(
                inside,
                bins=bins,
                density=True,
                histtype="step",
                color="tab:red",
                linewidth=1.5,
                label="samples",
            )
        axes.set_xlim(low, high)
    else:
        axes.scatter(data[:, 0], data[:, 1], s=3, color="0.8", linewidths=0, label="data")
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=3,
            color="tab:red",
            alpha=0.6,
            linewidths=0,
            label="samples",
        )
        axes.set_xlim(*_limits(data[:, 0]))
        axes.set_ylim(*_limits(data[:, 1]))
        axes.set_aspect("equal", adjustable="box")
    axes.legend(loc="upper right", markerscale=4, framealpha=0.9)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _plane(samples: Tensor, reals: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both sets in at most two dimensions: the first two principal axes of `reals`."""
    points, data = samples.double(), reals.double()
    if data.shape[1] > 2:
        mean = data.mean(dim=0)
        axes = torch.linalg.svd(data - mean, full_matrices=False).Vh[:2].T
        points, data = (points - mean) @ axes, (data - mean) @ axes
    return points.numpy(), data.numpy()


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.15 * (high - low) or 1.0
    return low - margin, high + margin
