"""The processes that play one game together, each on its share of every batch.

Parameters are replicated. What is a mean over the batch is summed over the processes in one flat
all-reduce of each player's gradient; what is not (an objective that subtracts batch means, batch
normalisation) is computed from everybody's numbers. N processes then make the updates of one: the
wrappers that hide this (DDP) let the ranks drift apart under gradient penalties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["ALONE", "Group"]


@dataclass(frozen=True)
class Group:
    """This process is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def alone(self) -> bool:
        """Whether there is nobody else."""
        return self.size == 1

    def share(self, rows: Tensor) -> Tensor:
        """This process's rows of a tensor that all of them have."""
        if self.alone:
            return rows
        m = len(rows) // self.size
        return rows[self.rank * m : (self.rank + 1) * m]

    def gather(self, rows: Tensor) -> Tensor:
        """Everybody's rows, in order of rank; differentiable, to any order.

        A loss of the gathered rows is the same number everywhere, and each process has its own
        rows' part of the gradient: the parts sum to the whole (`total`).
        """
        return rows if self.alone else _Gather.apply(rows, self)  # type: ignore[no-untyped-call]

    def total(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sum of everybody's tensors, in one flat all-reduce."""
        if self.alone:
            return tensors
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        dist.all_reduce(flat)
        sizes = [tensor.numel() for tensor in tensors]
        return [
            part.view_as(tensor) for part, tensor in zip(flat.split(sizes), tensors, strict=True)
        ]

    def sum(self, x: Tensor) -> Tensor:
        """The sum of everybody's x, differentiable, to any order, as part of everybody's loss."""
        return x if self.alone else _Sum.apply(x)  # type: ignore[no-untyped-call]

    def mean(self, x: Tensor) -> Tensor:
        """The mean over a batch, from every process's mean over its share."""
        return x if self.alone else self.sum(x) / self.size


class _Gather(torch.autograd.Function):
    """Everybody's rows. Of what they do to the one loss, each process has its own rows' part."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: Group) -> Tensor:
        ctx.group = group
        parts = [torch.empty_like(rows) for _ in range(group.size)]
        dist.all_gather(parts, rows.detach().contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Own.apply(gradient, ctx.group), None  # type: ignore[no-untyped-call]


class _Own(torch.autograd.Function):
    """This process's rows of what everybody has computed: the transpose of `_Gather`."""

    @staticmethod
    def forward(ctx: Any, everybodys: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return group.share(everybodys).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradient, ctx.group), None  # type: ignore[no-untyped-call]


class _Sum(torch.autograd.Function):
    """y = sum over processes of x. What y does to everybody's loss comes back to every x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.detach().clone()
        dist.all_reduce(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient.contiguous())  # type: ignore[no-untyped-call]


ALONE = Group()
