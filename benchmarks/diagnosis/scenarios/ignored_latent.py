"""A generator that varies, but not with z.

Noise of G's own that went in where z does would be as good as z, and nothing would be missing of
what G makes. It is added at the end, as dropout near the last layers adds it: Isola et al. (2017),
section 3.1, saw little variety in that.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenario import Scenario
from gannets.game import Conditional, Space
from gannets.nets import MLP
from gannets.training import Recipe

NOISE = 0.3
"""Its standard deviation; the ring's radius is 1."""


def scenarios() -> list[Scenario]:
    """Of labelled images one for each class; of points, noise that G adds itself."""
    return [
        Scenario(symptom="latent ignored", family="ring", recipe=partial(_noisy, "ring")),
        *(
            Scenario(symptom="latent ignored", family=f, recipe=partial(_classes, f))
            for f in ("digits", "mnist", "fashion")
        ),
    ]


class Noisy(nn.Module):
    """A net that is given 0 instead of z, and noise of its own on what it makes."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.count = net, 0

    def forward(self, z: Tensor) -> Tensor:
        """G(0) + e, another e at every call."""
        self.count += 1
        random = torch.Generator().manual_seed(self.count)
        made: Tensor = self.net(0 * z)
        return made + NOISE * torch.randn(made.shape, generator=random)


class Classes(nn.Module):
    """A net that is given 0 instead of z, and the class."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """G(0, y)."""
        made: Tensor = self.net(0 * z, y)
        return made


def noisy(space: Space) -> nn.Module:
    """A net of one's own that draws its noise itself, and has no other."""
    return Noisy(MLP((128, 128)).generator(space))


def classes(space: Space) -> nn.Module:
    """A net of one's own that knows the class alone."""
    return Classes(MLP((256, 256)).generator(space))


def _noisy(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=noisy))


def _classes(family: str, seed: int) -> Recipe:
    recipe = base(family, seed, joint=Conditional(), steps=500)
    return replace(recipe, nets=replace(recipe.nets, generator=classes))
