"""Pictures that move: GIF or animated PNG by Pillow, MP4 where ffmpeg is there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gannets.errors import InputError, unknown

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Animation", "save_animation"]

Animation = Sequence[UInt8[np.ndarray, "height width 3"]]
"""Frames, all of one shape."""
SUFFIXES = (".gif", ".png", ".mp4")
COLOURS = 128


def save_animation(path: Path, frames: Animation, *, fps: float = 12.0, hold: float = 1.5) -> Path:
    """Write `frames` to `path`, a .gif, a .png (animated) or, with ffmpeg, an .mp4; return it.

    The last frame stays for `hold` seconds, then the animation begins again. The file is whole or
    not there. Raises `InputError` for no frames, frames of different shapes, another suffix, or an
    .mp4 without ffmpeg.
    """
    shapes = {np.asarray(frame).shape for frame in frames}
    if len(shapes) != 1:
        raise InputError(f"An animation takes frames of one shape, not {sorted(shapes) or 'none'}.")
    if path.suffix not in SUFFIXES:
        raise unknown("kind of animation", path.suffix, SUFFIXES)
    temporary = path.with_name(f".writing-{path.name}")
    try:
        if path.suffix == ".mp4":
            _film(temporary, frames, fps, hold)
        else:
            _pillow(temporary, frames, fps, hold)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _pillow(path: Path, frames: Animation, fps: float, hold: float) -> None:
    from PIL import Image

    images = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    if path.suffix == ".gif":
        # One palette for all frames, so that still parts do not flicker.
        palette = _montage(frames).quantize(COLOURS)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    step = round(1000 / fps)
    durations = [step] * (len(images) - 1) + [round(1000 * hold)]
    images[0].save(
        path,
        format="GIF" if path.suffix == ".gif" else "PNG",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )


def _montage(frames: Animation) -> Image.Image:
    """At most nine frames from all of the animation, as one picture, to choose colours from."""
    from PIL import Image

    chosen = frames[:: max(1, len(frames) // 8)]
    return Image.fromarray(np.concatenate([np.asarray(frame) for frame in chosen]))


def _film(path: Path, frames: Animation, fps: float, hold: float) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise InputError(
            "An .mp4 needs ffmpeg, which is not on the path: save a .gif or a .png instead."
        )
    height, width = np.asarray(frames[0]).shape[:2]
    # H.264 in 4:2:0 takes even sides.
    sides = (height + height % 2, width + width % 2)
    pad = [(0, sides[0] - height), (0, sides[1] - width), (0, 0)]
    blob = b"".join(np.pad(np.asarray(frame), pad, mode="edge").tobytes() for frame in frames)
    blob += np.pad(np.asarray(frames[-1]), pad, mode="edge").tobytes() * round(hold * fps)
    with tempfile.TemporaryFile() as errors:
        done = subprocess.run(
            [
                *(ffmpeg, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"),
                *("-s", f"{sides[1]}x{sides[0]}", "-r", str(fps), "-i", "-"),
                *("-pix_fmt", "yuv420p", "-f", "mp4", str(path)),
            ],
            input=blob,
            stderr=errors,
            check=False,
        )
        if done.returncode:
            errors.seek(0)
            words = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise InputError(f"ffmpeg could not write {path.name}: {' '.join(words[-1:])}.")
