"""Which joint distribution D compares, and what both sides are seen through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.game.views import View, check_views

__all__ = ["Conditional", "Joint", "Marginal", "Packed"]

Inputs = tuple[Tensor, ...]


@runtime_checkable
class Joint(Protocol):
    """Makes D's arguments from a sample and its label."""

    conditional: ClassVar[bool]
    """Whether both players are told the class."""

    def event(self, event: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of D's first argument, one row, for samples of shape `event`.

        Refuses what a view is not for.
        """
        ...

    def real(self, x: Tensor, y: Tensor | None, random: Stream, step: int) -> Inputs:
        """D's arguments for data."""
        ...

    def fake(
        self,
        generator: Callable[..., Tensor],
        z: Tensor,
        y: Tensor | None,
        random: Stream,
        step: int,
    ) -> Inputs:
        """D's arguments for what `generator` makes of z."""
        ...


def _through(views: tuple[View, ...], x: Tensor, random: Stream, step: int) -> Tensor:
    for view in views:
        x = view(x, random, step)
    return x


@dataclass(frozen=True)
class Marginal:
    """p(x): D(x) against D(G(z)). Goodfellow et al. (2014), eq. 1."""

    conditional: ClassVar[bool] = False
    through: tuple[View, ...] = ()

    def event(self, event: tuple[int, ...]) -> tuple[int, ...]:
        """A sample as it is."""
        check_views(self.through, event)
        return event

    def real(self, x: Tensor, y: Tensor | None, random: Stream, step: int) -> Inputs:
        """(x,)."""
        return (_through(self.through, x, random, step),)

    def fake(
        self,
        generator: Callable[..., Tensor],
        z: Tensor,
        y: Tensor | None,
        random: Stream,
        step: int,
    ) -> Inputs:
        """(G(z),)."""
        return (_through(self.through, generator(z), random, step),)


@dataclass(frozen=True)
class Conditional:
    """p(x, y): D(x, y) against D(G(z, y), y), the y of both sides from the data.

    Mirza and Osindero (2014), eq. 2.
    """

    conditional: ClassVar[bool] = True
    through: tuple[View, ...] = ()

    def event(self, event: tuple[int, ...]) -> tuple[int, ...]:
        """A sample as it is."""
        check_views(self.through, event)
        return event

    def real(self, x: Tensor, y: Tensor | None, random: Stream, step: int) -> Inputs:
        """(x, y)."""
        assert y is not None
        return _through(self.through, x, random, step), y

    def fake(
        self,
        generator: Callable[..., Tensor],
        z: Tensor,
        y: Tensor | None,
        random: Stream,
        step: int,
    ) -> Inputs:
        """(G(z, y), y)."""
        assert y is not None
        return _through(self.through, generator(z, y), random, step), y


@dataclass(frozen=True)
class Packed:
    """p(x1, ..., xm): D judges `samples` independent samples at once, joined along the first axis.

    A collapsed G is seen at once: its packs are too alike. Lin et al. (2018), "PacGAN", section 2.
    The batch must be a multiple of `samples`.
    """

    conditional: ClassVar[bool] = False
    samples: int = 2
    through: tuple[View, ...] = ()

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError(f"Packed takes samples >= 1, not {self.samples}.")

    def event(self, event: tuple[int, ...]) -> tuple[int, ...]:
        """`samples` times as many channels (or features)."""
        check_views(self.through, event)
        return self._packed(event)

    def _packed(self, event: tuple[int, ...]) -> tuple[int, ...]:
        return (event[0] * self.samples, *event[1:])

    def real(self, x: Tensor, y: Tensor | None, random: Stream, step: int) -> Inputs:
        """((x1, ..., xm),), m = `samples`."""
        return (self._pack(_through(self.through, x, random, step)),)

    def fake(
        self,
        generator: Callable[..., Tensor],
        z: Tensor,
        y: Tensor | None,
        random: Stream,
        step: int,
    ) -> Inputs:
        """((G(z1), ..., G(zm)),), m = `samples`."""
        return (self._pack(_through(self.through, generator(z), random, step)),)

    def _pack(self, x: Tensor) -> Tensor:
        if len(x) % self.samples:
            raise InputError(
                f"A batch of {len(x)} cannot be packed by {self.samples}: "
                f"choose a batch that is a multiple of {self.samples}."
            )
        return x.reshape(len(x) // self.samples, *self._packed(tuple(x.shape[1:])))
