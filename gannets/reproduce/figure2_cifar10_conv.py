"""Figure 2d: CIFAR-10 by convolutional nets, beside the training images nearest to some.

Goodfellow et al. 2014, figure 2d: a maxout convolutional D and a "deconvolutional" G; the settings
are the authors', see `recipes/goodfellow2014_cifar10_conv.py`. They state no number of updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gannets.recipes.goodfellow2014_cifar10_conv import goodfellow2014_cifar10_conv
from gannets.reproduce.common import Bench, Claim, Figure
from gannets.reproduce.common.cifar10 import on_cifar10
from gannets.reproduce.common.nearest_sheet import Panel
from gannets.training import Recipe

SECTION = "5"
TAKES = ("20 h", "1 min")


@dataclass(frozen=True)
class Figure2Cifar10Conv:
    """The panel of CIFAR-10 by convolutional nets."""

    recipe: Recipe = goodfellow2014_cifar10_conv
    steps: int = 20_000
    split: str = "train[:80%]"
    panel: Panel = Panel("convolutional nets on CIFAR-10")

    def quick(self) -> Figure2Cifar10Conv:
        """Narrow nets, fewer updates on some of the images."""
        nets: Any = self.recipe.nets
        d = nets.discriminator
        stages = tuple(replace(stage, channels=8) for stage in d.stages)
        narrow = replace(
            nets,
            generator=replace(nets.generator, hidden=(300,), channels=20),
            discriminator=replace(d, stages=stages, units=(50,)),
        )
        small = replace(self.recipe, nets=narrow, batch=50)
        panel = replace(self.panel, title="narrow convolutional nets on CIFAR-10")
        return replace(self, panel=panel, recipe=small, steps=100, split="train[:2000]")

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train, draw, compare."""
        recipe = on_cifar10(self.recipe, steps=self.steps, split=self.split)
        yield from self.panel.of(bench, bench.train(recipe.name, recipe))


figure2_cifar10_conv = Figure2Cifar10Conv()
