"""Resizing pixel by pixel, as TensorFlow 1 does it, in float32 scalars."""

from __future__ import annotations

import numpy as np


def tf1_bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """image (h, w): one loop a pixel; the order of operations is that of TensorFlow's kernel."""
    f = np.float32
    h, w = image.shape
    result = np.empty((height, width), dtype=f)
    scale_y, scale_x = f(h) / f(height), f(w) / f(width)
    for i in range(height):
        y = f(i) * scale_y
        top, dy = int(y), f(y - f(int(y)))
        bottom = min(top + 1, h - 1)
        for j in range(width):
            x = f(j) * scale_x
            left, dx = int(x), f(x - f(int(x)))
            right = min(left + 1, w - 1)
            a = f(image[top, left] + f(f(image[top, right] - image[top, left]) * dx))
            b = f(image[bottom, left] + f(f(image[bottom, right] - image[bottom, left]) * dx))
            result[i, j] = f(a + f(f(b - a) * dy))
    return result
