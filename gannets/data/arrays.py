"""Arrays in memory, as data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch

from gannets.data import splits
from gannets.data.checks import PIXELS, check_bounds, labels, samples
from gannets.data.source import Bounds, TensorSource, digest
from gannets.errors import InputError

__all__ = ["Arrays"]

_PARTS = ("train",)


@dataclass(frozen=True, repr=False)
class Arrays:
    """Samples `x` and labels `y` in memory: NumPy arrays or tensors, checked and copied.

    Points are (n, features); images (n, height, width) or (n, channels, height, width); uint8 means
    pixels, scaled to `bounds`, (-1, 1) unless others are given. Bounds of floats only declare an
    interval that holds every value.

    A recipe says which arrays they were, by shape, dtype and sha256, but does not hold them. Read
    back from text it has no samples until `x` and `y` are given again, and they must be the same.
    """

    x: Any = field(default=None, repr=False, compare=False)
    y: Any = field(default=None, repr=False, compare=False)
    bounds: Bounds | None = None
    split: str = "train"
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        check_bounds(self.bounds)
        splits.parse(self.split, _PARTS)
        if self.x is None:
            if self.sha256 is None:
                raise InputError("Arrays needs the samples: give Arrays(x) or Arrays(x, y).")
            return
        # A copy: what the caller does to the array later changes no recipe.
        x = samples(self.x, "x", self.bounds).clone()
        y = None if self.y is None else labels(self.y, len(x), "y")[0].clone()
        found = digest(x, y)
        if self.sha256 not in (None, found):
            raise InputError(
                f"These are not the arrays of the recipe: their sha256 is {found}, "
                f"not {self.sha256}; give the same x and y."
            )
        values = {"x": x, "y": y, "shape": tuple(x.shape), "dtype": str(x.dtype)[6:]}
        for name, value in {**values, "sha256": found}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """All fields but the arrays themselves: which they were, not what is in them."""
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr]
        return f"Arrays({', '.join(shown)})"

    def load(self, *, seed: int, device: torch.device) -> TensorSource:
        """The samples on `device`."""
        if self.x is None:
            raise InputError(
                f"The data were arrays in memory (x of shape {self.shape}, sha256 {self.sha256}), "
                "which a recipe does not hold: give them again, data=Arrays(x, y)."
            )
        split = splits.parse(self.split, _PARTS)
        return tensor_source(
            self.x, self.y, bounds=self.bounds, split=split, seed=seed, device=device
        )

    def on(self, split: str) -> Arrays:
        """Another slice of the same rows; "validation" is what the training slice leaves over."""
        return replace(self, split=splits.other(self.split, split, _PARTS))


def tensor_source(
    x: object,
    y: object | None,
    *,
    bounds: Bounds | None,
    split: splits.Split,
    seed: int,
    device: torch.device,
    name: str = "",
    classes: int | None = None,
) -> TensorSource:
    """The rows that `split` selects of x and y, checked, on `device`.

    `classes` is known, or else one more than the largest label.
    """
    where = f" of {name}" if name else ""
    checked = samples(x, f"x{where}", bounds)
    rows = split.of(len(checked))
    # The classes of the whole part: a slice may miss one.
    numbers, found = labels(y, len(checked), f"y{where}") if y is not None else (None, None)
    if bounds is None and checked.dtype == torch.uint8:
        bounds = PIXELS
    return TensorSource(
        checked[rows].to(device),
        None if numbers is None else numbers[rows].to(device),
        seed=seed,
        bounds=bounds,
        classes=classes or found,
    )
