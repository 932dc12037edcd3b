"""The last step of a generator: into the interval that holds the data.

G's support should be the data's: a G that leaves it gives itself away, and one that cannot fill it
never reaches p_data.
"""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.errors import InputError, unknown

__all__ = ["OUTPUTS", "Output", "check_logit", "check_output"]

Squash = Literal["linear", "tanh", "sigmoid"]
RANGES: dict[Squash, tuple[float, float]] = {
    "linear": (-math.inf, math.inf),
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
}
OUTPUTS = ("auto", *RANGES)

# The clip of a mean at the edge of the interval, as a fraction of it: the 2014 authors' library
# takes the logit of the mean clipped to [1e-7, 1 - 1e-7].
EDGE = 1e-7


def check_output(output: str) -> None:
    """Refuse an unknown output."""
    if output not in OUTPUTS:
        raise unknown("output", output, OUTPUTS)


def check_logit(output: str, net: str) -> None:
    """Refuse a squashed output for a discriminator: objectives take logits."""
    if output in ("tanh", "sigmoid"):
        raise InputError(
            f"{net}(output={output!r}) cannot be a discriminator, whose answer is a logit that the "
            'objective squashes: leave its output at "auto", and state one for the generator only.'
        )


class Output(nn.Module):
    """a, tanh(a) or sigmoid(a); "auto" follows the data's bounds.

    "auto" is linear for data without bounds, sigmoid for [0, 1], tanh for [-1, 1], and
    (low + high) / 2 + (high - low) / 2 tanh(a) for [low, high]. A stated output whose range does
    not hold the bounds is refused.
    """

    def __init__(self, output: str, bounds: tuple[float, float] | None, *, net: str) -> None:
        super().__init__()
        check_output(output)
        if bounds is not None and not bounds[0] < bounds[1]:
            raise InputError(f"{net} needs bounds (low, high) with low < high, not {bounds}.")
        self.squash, (self.low, self.high) = _resolve(output, bounds)
        if bounds is not None and not (self.low <= bounds[0] and bounds[1] <= self.high):
            raise InputError(
                f"{net}(output={output!r}) reaches from {self.low:g} to {self.high:g}, but the "
                f'data lie between {bounds[0]:g} and {bounds[1]:g}: use output="auto".'
            )

    def forward(self, a: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The sample from the net's last pre-activation."""
        if self.squash == "linear":
            return a
        if self.squash == "sigmoid":
            return torch.sigmoid(a)
        if (self.low, self.high) == (-1.0, 1.0):
            return torch.tanh(a)
        return (self.low + self.high) / 2 + (self.high - self.low) / 2 * torch.tanh(a)

    def inverse(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The pre-activation that gives `x`; what lies on an edge is moved inwards by 1e-7."""
        if self.squash == "linear":
            return x
        share = ((x.double() - self.low) / (self.high - self.low)).clamp(EDGE, 1 - EDGE)
        # tanh(a) = 2 sigmoid(2 a) - 1
        a = torch.logit(share) / (1 if self.squash == "sigmoid" else 2)
        return a.to(x.dtype)


def _resolve(output: str, bounds: tuple[float, float] | None) -> tuple[Squash, tuple[float, float]]:
    if output != "auto":
        squash = cast(Squash, output)
        return squash, RANGES[squash]
    if bounds is None:
        return "linear", RANGES["linear"]
    low, high = map(float, bounds)
    return ("sigmoid" if (low, high) == RANGES["sigmoid"] else "tanh"), (low, high)
