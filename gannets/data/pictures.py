"""One file of an image as an array of bytes: grey or RGB, upright, of the size asked for.

What would be lost in silence is refused: 16 bits a channel, and transparency where no background
was chosen (an alpha channel that is opaque throughout loses nothing, and goes). Of an animation the
first frame is taken. EXIF's orientation is applied. RGB becomes grey as in ITU-R 601-2.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gannets.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "Head", "decode", "head", "prepare"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".ppm", ".pgm")
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "PPM")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
LARGEST = 64 << 20
"""Pixels of an image: a file of few bytes may claim any number of them."""
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Head:
    """What an image file says of itself before it is decoded."""

    height: int
    width: int
    grey: bool


def prepare() -> None:
    """Load Pillow's formats, once and for all threads: in one of them, others would find half."""
    from PIL import Image

    Image.init()


def head(blob: bytes) -> Head:
    """The size, once upright, and whether it is stored without colour. Raises `InputError`."""
    image = _open(blob)
    width, height = image.size
    with _reasons():
        # To look for EXIF in a PNG that has none would decode it.
        turned = image.format != "PNG" or "exif" in image.info
        if turned and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8):
            width, height = height, width
        return Head(height, width, _is_grey(image))


def decode(
    blob: bytes, *, size: tuple[int, int] | None, channels: int, background: int | None
) -> np.ndarray:
    """The pixels, (channels, height, width) uint8.

    With a `size` (height, width) the largest rectangle of that shape in the middle is cropped and
    resampled by Lanczos's filter, widened where it reduces, so that nothing aliases. Raises
    `InputError` with the reason, for the caller to name the file.
    """
    from PIL import Image, ImageOps

    image = _open(blob)
    with _reasons():
        image.load()
        # A palette or a grey with one transparent value becomes a channel of alpha.
        clear = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
        image = ImageOps.exif_transpose(image)
        image = _opaque(image.convert("RGBA"), background) if clear else image
        image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and (image.height, image.width) != size:
        image = image.resize((size[1], size[0]), Image.Resampling.LANCZOS, _middle(image, size))
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


@contextmanager
def _reasons() -> Iterator[None]:
    """Pillow lets out whatever damaged bytes lead its decoders to: that is why a file is none."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(str(error).rstrip(".") or type(error).__name__) from error


def _open(blob: bytes) -> Image:
    """The image, not decoded yet."""
    from PIL import Image, UnidentifiedImageError

    with _reasons():
        try:
            image = Image.open(io.BytesIO(blob), formats=_FORMATS)
        except UnidentifiedImageError:
            raise InputError("no image, or one that is damaged") from None
        width, height = image.size
        kept = image.mode in _MODES
    if width * height > LARGEST:
        raise InputError(f"{width:,} x {height:,} pixels, more than {LARGEST:,}")
    if not kept or any(";16" in str(tile) for tile in image.tile):
        raise InputError("more than 8 bits a channel: convert it to 8")
    return image


def _is_grey(image: Image) -> bool:
    if image.mode in ("1", "L", "LA"):
        return True
    if image.mode != "P":
        return False
    palette = np.array(image.getpalette() or [0], dtype=np.uint8)
    usable = palette[: len(palette) // 3 * 3].reshape(-1, 3)
    return bool((usable == usable[:, :1]).all())


def _opaque(image: Image, background: int | None) -> Image:
    """An image with alpha laid on a grey background."""
    from PIL import Image

    if image.getchannel("A").getextrema() == (255, 255):
        return image
    if background is None:
        raise InputError(
            "it is transparent in places: choose what lies behind, as in background=255 for white"
        )
    behind = Image.new("RGBA", image.size, (background,) * 3 + (255,))
    return Image.alpha_composite(behind, image)


def _middle(image: Image, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest box of the shape of `size` in the middle: left, upper, right, lower."""
    scale = min(image.height / size[0], image.width / size[1])
    height, width = min(image.height, size[0] * scale), min(image.width, size[1] * scale)
    left, upper = (image.width - width) / 2, (image.height - height) / 2
    return left, upper, left + width, upper + height
