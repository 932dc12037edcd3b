"""Figure 2a: digits that G has made, beside the training digits that are nearest to some of them.

Goodfellow et al. 2014, figure 2a; the run is the one of table 1, see `table1_mnist.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gannets.reproduce.common import Bench, Claim, Figure
from gannets.reproduce.common.nearest_sheet import Panel
from gannets.reproduce.table1_mnist import table1_mnist
from gannets.training import Recipe

SECTION = "5"
TAKES = ("2 h", "10 s")


@dataclass(frozen=True)
class Figure2Mnist:
    """The panel of digits."""

    recipe: Recipe = table1_mnist.authors
    panel: Panel = Panel("the authors' nets on MNIST")

    def quick(self) -> Figure2Mnist:
        """Digits of 8 x 8, by today's recipe of table 1, which learns sooner."""
        panel = replace(self.panel, title="today's recipe on digits of 8 x 8")
        return replace(self, recipe=table1_mnist.quick().today, panel=panel)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train, draw, compare."""
        yield from self.panel.of(bench, bench.train(self.recipe.name, self.recipe))


figure2_mnist = Figure2Mnist()
