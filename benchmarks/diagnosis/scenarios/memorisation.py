"""Memorisation: a G that holds its training samples, and adds a little of its own to them.

What a game makes of a hundred samples, when it is played for long, is the fault of a D that has
them by heart, and is found as that: see `discriminator_overfitting`. Here D has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Space, Stream
from gannets.nets import MLP
from gannets.training import Nets, Recipe

__all__ = ["NAMES", "Copyist", "scenarios"]


@dataclass(frozen=True)
class Copyist:
    """A generator whose samples are those of `data`, moved a little by a net that learns."""

    data: Any
    net: MLP = MLP()
    stray: float = 0.2
    """How much of a sample is the net's own."""

    def generator(self, space: Space) -> nn.Module:
        """G: z to the sample that z points to, and the net's part."""
        source = self.data.load(seed=0, device=torch.device("cpu"))
        held, _ = source.rows(torch.arange(len(source)))
        return _Copies(self.net.generator(space), held.float(), self.stray)


class _Copies(nn.Module):
    """(1 - s) x_k + s net(z), k the direction among fixed ones that z points to most."""

    held: Tensor
    directions: Tensor

    def __init__(self, net: nn.Module, held: Tensor, stray: float) -> None:
        super().__init__()
        self.net, self.stray = net, stray
        latent = int(getattr(net, "latent", 0))
        directions = Stream(0, "benchmarks/copyist").normal(latent, len(held))
        self.register_buffer("held", held)
        self.register_buffer("directions", directions / directions.norm(dim=0))

    def forward(self, z: Float[Tensor, "m latent"]) -> Float[Tensor, " m *event"]:
        chosen = (z @ self.directions.to(z)).argmax(1)
        own: Tensor = self.net(z)
        return (1 - self.stray) * self.held.to(own)[chosen] + self.stray * own


NAMES = {"Copyist": Copyist}
"""What a reader of such a run's recipe has to be told."""
FAMILIES = ("digits", "mnist", "fashion")


def scenarios() -> list[Scenario]:
    """Images of 500 samples."""
    return [
        Scenario(
            symptom="memorisation",
            family=family,
            recipe=lambda seed, f=family: _recipe(f, seed),
        )
        for family in FAMILIES
    ]


def _recipe(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=750)
    data = replace(recipe.data, split="train[:500]")
    nets = Nets(Copyist(data, recipe.nets.generator), recipe.nets.discriminator)
    return replace(recipe, data=data, nets=nets)
