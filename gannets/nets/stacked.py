"""A generator on top of another: G(z) = top(bottom(z)).

Goodfellow et al. (2014) trained theirs of faces in two stages: first `top` alone, on noise, then
both, with two new layers in front of it whose output takes the place of the noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.description import GeneratorNet
from gannets.nets.inputs import check_space
from gannets.nets.mlp import MLP

__all__ = ["Stacked", "StackedGenerator"]


@dataclass(frozen=True)
class Stacked:
    """The generator `top`, whose latent vector is what `bottom` makes of z."""

    bottom: GeneratorNet = MLP()
    top: GeneratorNet = MLP()
    width: int = 100
    """Of the vector between them."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"Stacked.width must be at least 1, not {self.width}.")
        for part in ("bottom", "top"):
            if not isinstance(getattr(self, part), GeneratorNet):
                name = type(getattr(self, part)).__name__
                raise InputError(f"Stacked.{part} is a generator, such as MLP(), not a {name}.")

    def generator(self, space: Space) -> StackedGenerator:
        """G: z, (m, latent), to (m, *event)."""
        return StackedGenerator(self, space)


class StackedGenerator(nn.Module):
    """The generator that a `Stacked` describes; `top` has the names that it has by itself."""

    def __init__(self, net: Stacked, space: Space) -> None:
        super().__init__()
        check_space(space, "Stacked")
        between = Space(event=(net.width,), latent=space.latent)
        self.bottom = net.bottom.generator(between)
        self.top = net.top.generator(replace(space, latent=net.width))

    def forward(
        self, z: Float[Tensor, "m latent"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, " m *event"]:
        """Samples made of z; of classes y only `top` is told."""
        h = self.bottom(z)
        x: Tensor = self.top(h) if y is None else self.top(h, y)
        return x
