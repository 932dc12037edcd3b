"""Changes of what the players are shown: more data, and views of images."""

from __future__ import annotations

import re
from typing import Any

from gannets.data import Arrays, Digits, File, Folder, GlobalContrast, Images, Table
from gannets.diagnosis.case import Case
from gannets.diagnosis.remedies import is_own
from gannets.game import PLAYERS, Conditional, Marginal, Packed
from gannets.nets import DCGAN, MaxoutCNN

__all__ = ["DIGITS", "more_data", "through_views", "views_of"]

DIGITS = 1_197
"""Images in the training part of `Digits`."""


def _held(recipe: Any) -> tuple[Any, str]:
    """The data under what normalises them, and where the recipe has them."""
    data, path = recipe.data, "data"
    while isinstance(data, GlobalContrast):
        data, path = data.data, f"{path}.data"
    return data, path


def _rows(case: Case, data: Any, split: str, now: int) -> int | None:
    """How many samples the part has of which `now` are trained on; None where it is not known."""
    if isinstance(data, Arrays) and data.shape is not None:
        return data.shape[0]
    if isinstance(data, Digits):
        return DIGITS if split.startswith("train[") else None
    if isinstance(data, (Images, File, Table)) and "[:" in split:
        # The held-out samples are those that the slice leaves over.
        return now + case.last.apart if case.last.apart else None
    return None


def more_data(case: Case) -> str | None:
    """The change that trains on all but a tenth of a part; None where that is not known to be more
    than now.
    """
    data, path = _held(case.recipe)
    split = str(getattr(data, "split", ""))
    found = re.fullmatch(r"(\w+)\[0*:(\d+)\]", split)
    if found is None:
        return None
    rows = _rows(case, data, split, int(found[2]))
    if rows is None or rows * 90 // 100 <= int(found[2]):
        return None
    return f'{path}.split="{found[1]}[:90%]"'


def views_of(recipe: Any) -> tuple[Any, ...]:
    """The views through which D sees samples, where a change can name them."""
    return tuple(recipe.joint.through) if _sees(recipe) else ()


def through_views(recipe: Any) -> str | None:
    """The change by which D never sees an image twice; None where it sees through views already,
    or no images.
    """
    bounds = getattr(recipe.data, "bounds", None)
    if not _sees(recipe) or views_of(recipe) or bounds is None or not _images(recipe):
        return None
    return f"joint.through=(Translation(fill={float(bounds[0])!r}),)"


def _sees(recipe: Any) -> bool:
    """Whether D sees samples in a way of gannets, which takes views."""
    joint = recipe.joint
    return isinstance(joint, (Marginal, Conditional, Packed)) and not is_own(joint)


def _images(recipe: Any) -> bool:
    """Whether samples are known to be (channels, height, width)."""
    data = recipe.data
    if isinstance(data, Arrays):
        return data.shape is not None and len(data.shape) == 4
    if isinstance(data, File):
        return any(isinstance(recipe.nets[p], (DCGAN, MaxoutCNN)) for p in PLAYERS)
    return isinstance(data, (Images, Folder, Digits, GlobalContrast))
