"""What a discriminator sees before it judges: its last layer's input.

The features of a run's own D tell how its G looks to it. They are not those of another run's D,
and G was trained against them: never compare runs by them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.metrics.features.weights import weights_hash

__all__ = ["DiscriminatorFeatures"]

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class DiscriminatorFeatures:
    """The input of the last linear or convolutional layer that D computes, averaged over places.

    `bounds` are the units of D's images, onto which [0, 1] is taken; None leaves samples as they
    are. D is copied, in evaluation mode. One that needs labels is refused.
    """

    module: nn.Module
    bounds: tuple[float, float] | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    titles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = copy.deepcopy(self.module).to(self.device).eval().requires_grad_(False)
        object.__setattr__(self, "module", own)
        object.__setattr__(self, "_hash", weights_hash(own.state_dict())[:8])

    @property
    def id(self) -> str:
        """The first 8 digits of the hash of D's weights."""
        return f"discriminator:{self._hash}"  # type: ignore[attr-defined]

    @property
    def preprocessing(self) -> str:
        """Onto which interval [0, 1] is taken."""
        if self.bounds is None:
            return "as given"
        return f"[0,1] to [{self.bounds[0]:g},{self.bounds[1]:g}]"

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m d"]:
        """The features of samples in the units of `Samples`."""
        if self.bounds is not None:
            low, high = self.bounds
            x = x * (high - low) + low
        return torch.cat([self._penultimate(part) for part in x.split(AT_ONCE)])

    def _penultimate(self, x: Tensor) -> Tensor:
        seen: list[Tensor] = []

        def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen[:] = [inputs[0].detach()]

        hooks = [
            layer.register_forward_pre_hook(note)
            for layer in self.module.modules()
            if isinstance(layer, LAYERS)
        ]
        try:
            with torch.no_grad():
                self.module(x.to(self.device))
        except TypeError as error:
            raise InputError(
                f"This discriminator cannot judge samples alone ({error}): its features need a "
                "net that takes x and nothing else."
            ) from None
        finally:
            for hook in hooks:
                hook.remove()
        if not seen or len(seen[0]) != len(x):
            raise InputError(
                "This discriminator has no linear or convolutional layer that sees one row a "
                "sample: choose other features."
            )
        h = seen[0].double().cpu()
        return h.flatten(2).mean(2) if h.ndim > 2 else h
