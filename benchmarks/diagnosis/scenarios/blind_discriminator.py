"""Blind discriminator: D is shown a part of each sample, and G makes the rest as it likes.

On toys D sees the first coordinate alone, on images the upper half.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.diagnosis.bases import FAMILIES, TOYS, base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Space
from gannets.nets import MLP
from gannets.training import Nets, Recipe

__all__ = ["NAMES", "Blinkers", "scenarios"]


@dataclass(frozen=True)
class Blinkers:
    """A discriminator that is shown the first `share` of a sample: coordinates, rows of images."""

    net: MLP = MLP()
    share: float = 0.5

    def discriminator(self, space: Space) -> nn.Module:
        """D: the first rows of x to logits."""
        axis = 1 if len(space.event) == 3 else 0
        seen = list(space.event)
        seen[axis] = max(1, int(seen[axis] * self.share))
        net = self.net.discriminator(replace(space, event=tuple(seen), mean=None))
        return _Shown(net, axis + 1, seen[axis])


class _Shown(nn.Module):
    """A net that sees `x.narrow(axis, 0, n)`."""

    judges_alone = True

    def __init__(self, net: nn.Module, axis: int, n: int) -> None:
        super().__init__()
        self.net, self.axis, self.n = net, axis, n

    def forward(self, x: Float[Tensor, " m *event"]) -> Float[Tensor, " m"]:
        logits: Tensor = self.net(x.narrow(self.axis, 0, self.n))
        return logits


NAMES = {"Blinkers": Blinkers}
"""What a reader of such a run's recipe has to be told."""


def scenarios() -> list[Scenario]:
    """All families."""
    return [
        Scenario(
            symptom="blind discriminator",
            family=family,
            recipe=lambda seed, f=family: _recipe(f, seed),
        )
        for family in FAMILIES
    ]


def _recipe(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=1_000 if family in (*TOYS, "digits") else 1_500)
    nets = Nets(recipe.nets.generator, Blinkers(recipe.nets.discriminator))
    return replace(recipe, nets=nets)
