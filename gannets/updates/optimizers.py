"""Optimizers as values, and the stateful twin that a player moves by."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.updates.schedules import Schedule, at

__all__ = ["SGD", "Adam", "Mover", "Optimizer", "RMSprop"]

Rate = float | Schedule


@runtime_checkable
class Optimizer(Protocol):
    """How a player moves along its gradient: a frozen value, built into a `Mover`."""

    def build(self, parameters: Sequence[Tensor]) -> Mover:
        """The stateful twin for these parameters."""
        ...


class Mover:
    """An optimizer at work: torch's, with hyperparameters that follow their schedules."""

    def __init__(self, optimizer: torch.optim.Optimizer, **scheduled: Rate) -> None:
        self._optimizer = optimizer
        # Without the record for torch's profiler and the hooks that torch wraps around it: a
        # quarter of a step's time on a small net.
        self._step = inspect.unwrap(type(optimizer).step)
        self._scheduled = scheduled
        self._group = optimizer.param_groups[0]
        self.parameters: list[Tensor] = self._group["params"]
        self.updates = 0
        self.scale = 1.0
        """A factor of the scheduled learning rate, lowered where a run is rolled back."""
        self._first_skipped: Tensor | None = None

    @torch.no_grad()
    def move(self, gradient: Sequence[Tensor]) -> None:
        """Step along `gradient` with the hyperparameters of this update."""
        self._group.update(self.rates())
        for parameter, g in zip(self.parameters, gradient, strict=True):
            parameter.grad = g
        self._step(self._optimizer)
        self.updates += 1

    def rates(self) -> dict[str, float]:
        """The scheduled hyperparameters of the update to come."""
        rates = {name: at(rate, self.updates) for name, rate in self._scheduled.items()}
        return {**rates, "lr": rates["lr"] * self.scale}

    @property
    def can_skip(self) -> bool:
        """Whether the optimizer can leave a step out on the device, without being waited for."""
        return bool(self._group.get("fused"))

    def skip_unless(self, finite: Tensor) -> None:
        """Let the next step be left out, on the device, unless `finite`."""
        self._optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
        update = torch.where(finite, -1, self.updates)
        first = self._first_skipped
        self._first_skipped = update if first is None else torch.where(first >= 0, first, update)

    def skipped(self) -> int | None:
        """The first update that was left out since the last call; waits for the device."""
        first = -1 if self._first_skipped is None else int(self._first_skipped)
        self._first_skipped = None
        return first if first >= 0 else None

    def tensors(self) -> dict[str, Tensor]:
        """The optimizer's state, named `<index of the parameter>.<name in torch>`."""
        return {
            f"{i}.{name}": value
            for i, parameter in enumerate(self.parameters)
            for name, value in self._optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }

    def load(self, tensors: dict[str, Tensor], updates: int) -> None:
        """Take up where `tensors` and `updates` were left."""
        self.updates = updates
        self._optimizer.state.clear()
        for key, value in tensors.items():
            index, name = key.split(".", 1)
            parameter = self.parameters[int(index)]
            # torch counts steps on the CPU, unless one kernel does all.
            device = "cpu" if name == "step" and not self.can_skip else parameter.device
            self._optimizer.state[parameter][name] = value.to(device, copy=True)


def _positive(name: str, rate: Rate) -> None:
    if not isinstance(rate, Schedule) and not rate >= 0:
        raise InputError(f"{name} takes a learning rate >= 0 or a schedule, not lr={rate}.")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum: u <- momentum u + g, w <- w - lr u."""

    lr: Rate
    momentum: Rate = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _positive("SGD", self.lr)

    def build(self, parameters: Sequence[Tensor]) -> Mover:
        """The stateful twin for these parameters."""
        optimizer = torch.optim.SGD(
            list(parameters),
            lr=at(self.lr, 0),
            momentum=at(self.momentum, 0),
            weight_decay=self.weight_decay,
            fused=_fusable(parameters),
        )
        return Mover(optimizer, lr=self.lr, momentum=self.momentum)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1); `weight_decay` adds that times w to the gradient."""

    lr: Rate = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _positive("Adam", self.lr)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"Adam takes betas in [0, 1), not {self.betas}.")

    def build(self, parameters: Sequence[Tensor]) -> Mover:
        """The stateful twin for these parameters."""
        optimizer = torch.optim.Adam(
            list(parameters),
            lr=at(self.lr, 0),
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=_fusable(parameters),
        )
        return Mover(optimizer, lr=self.lr)


@dataclass(frozen=True)
class RMSprop:
    """RMSprop (Hinton 2012, lecture 6e): g divided by the running root mean square of g."""

    lr: Rate = 5e-5
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _positive("RMSprop", self.lr)
        if not 0 <= self.alpha < 1:
            raise InputError(f"RMSprop takes alpha in [0, 1), not {self.alpha}.")

    def build(self, parameters: Sequence[Tensor]) -> Mover:
        """The stateful twin for these parameters."""
        optimizer = torch.optim.RMSprop(
            list(parameters),
            lr=at(self.lr, 0),
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            foreach=True,
        )
        return Mover(optimizer, lr=self.lr)


def _fusable(parameters: Sequence[Tensor]) -> bool:
    """One kernel for all parameters; on the CPU too, where it is three times as fast."""
    return all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
