"""Dropout: y = r * x / keep,  r ~ Bernoulli(keep) in training;  y = x in evaluation.

Srivastava et al. (2014), section 4, with the scaling in training (section 10): E[y] = x in both.
The mask comes from an explicit stream, never from torch's global generator.
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Stream

__all__ = ["Dropout", "attach", "check_keep"]


def check_keep(keep: float, field: str) -> None:
    """Refuse a probability outside (0, 1]."""
    if not 0 < keep <= 1:
        raise InputError(
            f"{field} is the probability of keeping a value, above 0 and at most 1, not {keep}."
        )


class Dropout(nn.Module):
    """Keep each value with probability `keep`, divided by it; the others become 0.

    In training it draws from `random`, which `attach` sets. Nothing is drawn where `keep` is 1.
    """

    draws_random: ClassVar[bool] = True

    def __init__(self, keep: float) -> None:
        super().__init__()
        check_keep(keep, "Dropout.keep")
        self.keep = keep
        self.random: Stream | None = None

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """A fresh mask at every call."""
        if not self.training or self.keep == 1:
            return x
        if self.random is None:
            raise InputError(
                "Dropout draws its mask from a stream and has none: call "
                "attach(net, stream) before training, or net.eval()."
            )
        mask = self.random.uniform(*x.shape) < self.keep
        return x * (mask.to(x.dtype) / self.keep)

    def extra_repr(self) -> str:
        return f"keep={self.keep}"


def attach(net: nn.Module, stream: Stream) -> None:
    """Let every module of `net` that has `draws_random = True` draw from `stream`.

    Random numbers are no state of the net: whoever trains places the stream before every draw.
    """
    for module in net.modules():
        if getattr(module, "draws_random", False):
            module.random = stream  # type: ignore[assignment]
