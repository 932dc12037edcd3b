"""Batch normalisation over the batches of several processes. Ioffe and Szegedy (2015), algorithm 1.

mu and sigma^2 are those of everybody's rows, so that N processes normalise as one does. (torch's
SyncBatchNorm does this on GPUs alone.)
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gannets.game import Group

__all__ = ["GroupBatchNorm", "synchronise"]


class GroupBatchNorm(nn.Module):
    """A batch normalisation, with its parameters and buffers, that takes its statistics of a group.

    It is differentiable to any order, across the processes too.
    """

    def __init__(self, norm: _BatchNorm, group: Group) -> None:
        super().__init__()
        self.group = group
        self.eps, self.momentum = norm.eps, cast(float, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.train(norm.training)

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise over all axes but the second, (m, channels, ...)."""
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        if self.training:
            mean = self.group.mean(x.mean(axes))
            centred = x - mean.view(shape)
            # Two passes: the mean of squares less the squared mean would lose half the digits.
            variance = self.group.mean(centred.square().mean(axes))
            self._remember(mean, variance, x.numel() // x.shape[1] * self.group.size)
        else:
            variance = self.running_var
            centred = x - self.running_mean.view(shape)
        y = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is None:
            return y
        return y * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, n: int) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        unbiased = variance * (n / max(n - 1, 1))
        self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)


def synchronise(net: nn.Module, group: Group) -> None:
    """Let every batch normalisation of `net` take its statistics of `group`."""
    if group.alone:
        return
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, GroupBatchNorm(child, group))
