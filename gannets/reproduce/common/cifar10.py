"""CIFAR-10 as the authors trained on it, at their scale or at a smaller one."""

from __future__ import annotations

from dataclasses import replace

from gannets.data import File, GlobalContrast
from gannets.reproduce.common.located import located
from gannets.training import Recipe

__all__ = ["on_cifar10"]

FILE = "cifar10.npz"
ABOUT = "CIFAR-10 as arrays x_train and x_test (docs/data.md makes it of the published archive)"


def on_cifar10(recipe: Recipe, *, steps: int, split: str = "train[:80%]") -> Recipe:
    """The recipe on the user's file; of its 50,000 training images the authors take 40,000."""
    path = located(FILE, about=ABOUT)
    return replace(
        recipe,
        data=GlobalContrast(File(path, split=split), scale=55.0),
        evaluation=None,
        sample_every=max(1, steps // 20),
        checkpoint_every=max(1, steps // 20),
        steps=steps,
    )
