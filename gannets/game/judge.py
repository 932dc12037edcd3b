"""One pass through D serves the objective and every penalty that asks for D's slope.

Penalties on the gradient of D are terms of their own, and a term is a pure function of the players
and the batch. Evaluated naively, R1 would run D on the real batch a second time. `Judge` remembers
what D said about which tensors for the length of one evaluation: D is called twice instead of
four times in a game with R1 and R2, and no term knows of another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Judge", "input_gradient"]


class Judge:
    """D, with a memory of its verdicts on the tensors of one batch."""

    def __init__(self, discriminator: Callable[..., Tensor]) -> None:
        self.discriminator = discriminator
        self._seen: dict[tuple[int, ...], tuple[tuple[Tensor, ...], Tensor, Tensor | None]] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        """D's logits, (m,)."""
        key = tuple(map(id, inputs))
        if key not in self._seen:
            self.remember(inputs, self.discriminator(*inputs))
        return self._seen[key][1]

    def __getattr__(self, name: str) -> Any:
        """Whatever else D offers (features of a layer, say)."""
        return getattr(self.discriminator, name)

    def knows(self, inputs: tuple[Tensor, ...]) -> bool:
        """Whether D has judged these very tensors."""
        return tuple(map(id, inputs)) in self._seen

    def remember(
        self, inputs: tuple[Tensor, ...], logits: Tensor, gradient: Tensor | None = None
    ) -> None:
        """Keep a verdict. The inputs are kept with it, so that their identity stays theirs."""
        self._seen[tuple(map(id, inputs))] = (inputs, logits, gradient)

    def gradient(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The gradient of D's logit at each sample, see `input_gradient`."""
        _, _, gradient = self._seen.get(tuple(map(id, inputs)), (None, None, None))
        if gradient is None:
            logits, gradient = _logits_and_gradient(self.discriminator, inputs)
            self.remember(inputs, logits, gradient)
        return gradient


def input_gradient(discriminator: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    """The gradient of D's logit with respect to its first input, one row a sample.

    D judges each sample by itself, so the gradient of the sum of logits holds the gradient of every
    sample's own logit. It is differentiable with respect to D's parameters. Conditions (the second
    input and later ones) are held fixed.
    """
    if isinstance(discriminator, Judge):
        return discriminator.gradient(inputs)
    return _logits_and_gradient(discriminator, inputs)[1]


def _logits_and_gradient(
    discriminator: Callable[..., Tensor], inputs: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    first, *rest = inputs
    if torch.compiler.is_compiling():
        # A compiled graph cannot be differentiated twice by the tape, but it can by torch.func.
        def summed(x: Tensor) -> tuple[Tensor, Tensor]:
            logits = discriminator(x, *rest)
            return logits.sum(), logits

        gradient, logits = torch.func.grad(summed, has_aux=True)(first)
        return logits, gradient
    # A generated sample that still hangs on G keeps doing so: its verdict may serve G's loss as
    # well.
    point = first if first.requires_grad else first.detach().requires_grad_()
    with torch.enable_grad():
        logits = discriminator(point, *rest)
        # Elsewhere the tape is a fifth faster than torch.func on small nets.
        (gradient,) = torch.autograd.grad(logits.sum(), point, create_graph=True)
    return logits, gradient
