"""What can be trained on: arrays of points or images, finite, of known units; labels 0 .. C-1.

Points are (n, features). Images are (n, height, width) or (n, channels, height, width). uint8 means
pixels, whatever the shape, and stays uint8; floats become float32; other integers are taken for
points (exact in float32 up to 16,777,216), never for pixels, whose scale they do not tell.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gannets.data.source import Bounds
from gannets.errors import InputError

__all__ = ["PIXELS", "check_bounds", "labels", "samples"]

PIXELS: Bounds = (-1.0, 1.0)
"""The interval that uint8 values are scaled to unless another is given."""


def samples(given: object, what: str, bounds: Bounds | None = None) -> Tensor:
    """The samples in `given`, an array or a tensor: (n, *event), uint8 or float32.

    `what` names them in error messages; values beyond `bounds` are refused unless they are uint8.
    """
    x = _array(given, what)
    if x.dtype.kind not in "uif":
        raise InputError(f"{what} holds {x.dtype} values: give uint8 pixels, floats or integers.")
    if x.ndim not in (2, 3, 4):
        raise InputError(
            f"{what} has the shape {x.shape}: give points (n, features), or images "
            "(n, height, width) or (n, channels, height, width)."
        )
    if x.size == 0:
        raise InputError(
            f"{what} has the shape {x.shape}, which is empty: give at least one sample."
        )
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.shape[1] > 4 and x.shape[2] > 4:
        raise InputError(
            f"{what} has the shape {x.shape}, which looks like (n, height, width, channels): "
            "give (n, channels, height, width), that is x.transpose(0, 3, 1, 2)."
        )
    if x.ndim > 2 and x.dtype.kind in "ui" and x.dtype != np.uint8:
        raise InputError(
            f"{what} holds images of {x.dtype}, whose white is unknown: convert them to uint8 "
            "(0 to 255) or to floats."
        )
    if x.ndim == 3:
        x = x[:, None]
    if x.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(x))
    return torch.from_numpy(_floats(x, what, bounds))


def labels(given: object, n: int, what: str) -> tuple[Tensor, int]:
    """The labels in `given`, (n,) int64, and the number of classes, one more than the largest."""
    y = _array(given, what)
    if y.dtype.kind not in "ui":
        raise InputError(f"{what} holds {y.dtype} values: labels are integers 0 to C-1.")
    if y.shape != (n,):
        raise InputError(
            f"{what} has the shape {y.shape} for {n} samples: give one label each, shape ({n},)."
        )
    low, high = int(y.min()), int(y.max())
    # A label beyond every count is an identity number, and an embedding of as many rows a mistake.
    if low < 0 or high >= max(n, 1000):
        raise InputError(
            f"{what} holds the label {low if low < 0 else high}: number the classes 0 to C-1, "
            "for example with np.unique(y, return_inverse=True)[1]."
        )
    return torch.from_numpy(np.ascontiguousarray(y.astype(np.int64))), high + 1


def check_bounds(bounds: Bounds | None) -> None:
    """Refuse bounds that are no interval of float32."""
    if bounds is None:
        return
    low, high = bounds
    # Halfway to the largest float32, so that high - low is finite too.
    if not (math.isfinite(low) and math.isfinite(high)) or max(abs(low), abs(high)) > 1e38:
        raise InputError(
            f"The bounds {bounds} are not finite: give (low, high), such as (-1.0, 1.0)."
        )
    if not np.float32(low) < np.float32(high):
        raise InputError(
            f"The bounds {bounds} hold no interval: give low < high, as in (-1.0, 1.0)."
        )


def _array(given: object, what: str) -> np.ndarray:
    if isinstance(given, Tensor):
        try:
            held = given.detach().cpu()
            return (held.float() if held.dtype == torch.bfloat16 else held).numpy()
        except (TypeError, RuntimeError) as error:
            raise InputError(
                f"{what} is a tensor that NumPy cannot read ({given.dtype}, {given.layout}, "
                f"{given.device}): give a dense one of uint8 or floats."
            ) from error
    if isinstance(given, np.ma.MaskedArray):
        raise InputError(f"{what} is a masked array: fill or drop what is masked.")
    if isinstance(given, np.ndarray):
        return np.asarray(given)
    raise InputError(f"{what} is a {type(given).__name__}: give a NumPy array or a tensor.")


def _floats(x: np.ndarray, what: str, bounds: Bounds | None) -> np.ndarray:
    """`x` as float32, in native byte order, rows contiguous."""
    with np.errstate(over="ignore"):
        y = np.ascontiguousarray(x, dtype=np.float32)
    if not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0, 0])
        if np.isfinite(x[row]).all():
            raise InputError(
                f"{what} holds values too large for float32 (row {row}): rescale them."
            )
        raise InputError(
            f"{what} holds values that are not finite (row {row}): drop or repair them."
        )
    if bounds is not None:
        low, high = float(y.min()), float(y.max())
        if low < np.float32(bounds[0]) or high > np.float32(bounds[1]):
            raise InputError(
                f"{what} holds values from {low:g} to {high:g}, beyond the bounds {bounds}: "
                "rescale the values or widen the bounds."
            )
    return y
