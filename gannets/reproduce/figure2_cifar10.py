"""Figure 2c: CIFAR-10 by fully connected nets, beside the training images nearest to some.

Goodfellow et al. 2014, figure 2c; the settings are the authors', see
`recipes/goodfellow2014_cifar10.py`. They state no number of updates, and neither does the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gannets.recipes.goodfellow2014_cifar10 import goodfellow2014_cifar10
from gannets.reproduce.common import Bench, Claim, Figure
from gannets.reproduce.common.cifar10 import on_cifar10
from gannets.reproduce.common.nearest_sheet import Panel
from gannets.training import Recipe

SECTION = "5"
TAKES = ("10 h", "30 s")


@dataclass(frozen=True)
class Figure2Cifar10:
    """The panel of CIFAR-10 by fully connected nets."""

    recipe: Recipe = goodfellow2014_cifar10
    steps: int = 20_000
    split: str = "train[:80%]"
    panel: Panel = Panel("fully connected nets on CIFAR-10")

    def quick(self) -> Figure2Cifar10:
        """Narrow nets, a few hundred updates on some of the images."""
        nets: Any = self.recipe.nets
        narrow = replace(
            nets,
            generator=replace(nets.generator, hidden=(300, 300)),
            discriminator=replace(nets.discriminator, units=(60, 60)),
        )
        small = replace(self.recipe, nets=narrow)
        panel = replace(self.panel, title="narrow fully connected nets on CIFAR-10")
        return replace(self, panel=panel, recipe=small, steps=300, split="train[:2000]")

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train, draw, compare."""
        recipe = on_cifar10(self.recipe, steps=self.steps, split=self.split)
        yield from self.panel.of(bench, bench.train(recipe.name, recipe))


figure2_cifar10 = Figure2Cifar10()
