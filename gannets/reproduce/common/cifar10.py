"""Figures 2c and 2d: CIFAR-10 as the authors trained on it, at their scale or at a smaller one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gannets.data import File, GlobalContrast
from gannets.reproduce.common.bench import Bench
from gannets.reproduce.common.claim import Claim, Figure
from gannets.reproduce.common.located import located
from gannets.reproduce.common.nearest_sheet import Panel
from gannets.training import Recipe

__all__ = ["Cifar10"]

FILE = "cifar10.npz"
ABOUT = "CIFAR-10 as arrays x_train and x_test (docs/data.md makes it of the published archive)"


@dataclass(frozen=True)
class Cifar10:
    """A panel of CIFAR-10: the authors' recipe, and one of narrow nets for the quick version."""

    recipe: Recipe
    narrow: Recipe
    panel: Panel
    steps: int = 20_000
    """50 epochs. The authors state no number for CIFAR-10; that of faces, their other pictures of
    about this size, is 50."""
    quick_steps: int = 300
    split: str = "train[:80%]"
    """Of the file's 50,000 training images the authors take 40,000."""

    def quick(self) -> Cifar10:
        """Narrow nets, a few hundred updates on some of the images."""
        panel = replace(self.panel, title=f"narrow {self.panel.title}")
        return replace(
            self, recipe=self.narrow, panel=panel, steps=self.quick_steps, split="train[:2000]"
        )

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train, draw, compare."""
        every = max(1, self.steps // 20)
        recipe = replace(
            self.recipe,
            data=GlobalContrast(File(located(FILE, about=ABOUT), split=self.split), scale=55.0),
            evaluation=None,
            sample_every=every,
            checkpoint_every=every,
            steps=self.steps,
        )
        yield from self.panel.of(bench, bench.train(recipe.name, recipe))
