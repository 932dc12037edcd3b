"""What to say when a number is no number: which player, which item, which layer, which update.

A gradient that is not finite is refused before the optimizer moves by it. Every draw is a function
of its number, so the update that failed can be played once more, watched, to find where it began.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from gannets.errors import StoppedError
from gannets.game import PLAYERS, Losses, Player, Players
from gannets.training.draws import Draw
from gannets.updates import Gradient, Mover

__all__ = ["Guard", "NonFiniteError"]


class NonFiniteError(StoppedError):
    """A loss, gradient, weight or output is not finite; no optimizer has moved by it."""

    def __init__(self, player: Player, *, update: int, where: str, lr: float | None) -> None:
        self.player = player
        self.update = update
        self.where = where
        remedy = "" if lr is None else f", as in --set optimizers.{player}.lr={lr / 2:g}"
        super().__init__(
            f"Update {update} of the {player} met a number that is not finite: {where}. It was not "
            f"made. Lower the learning rate{remedy}, or the weight of a penalty that is named here."
        )


class Guard:
    """Lets no optimizer move by a gradient that is not finite.

    `again(player, draw)` computes the losses of an update once more. An accelerator is not waited
    for (`waits` is False): there the optimizer leaves the step out by itself, and `left_out` finds
    out later.
    """

    def __init__(
        self,
        players: Players[nn.Module],
        movers: Players[Mover],
        again: Callable[[Player, Draw], Losses],
        *,
        waits: bool,
    ) -> None:
        self._players, self._movers, self._again = players, movers, again
        self.waits = waits

    def check(self, player: Player, found: Gradient, losses: Sequence[Tensor], draw: Draw) -> None:
        """Refuse a gradient, or `losses`, before anyone has moved by it."""
        sizes = [*torch._foreach_norm(list(found.gradient)), *losses]
        mover = self._movers[player]
        if mover.can_skip and not self.waits:
            mover.skip_unless(torch.isfinite(torch.stack(sizes).sum()))
        elif not math.isfinite(sum(map(float, sizes))):
            self._stop(player, found, draw)

    def left_out(self) -> None:
        """Raise where a device has left an update out since the last call."""
        for player in PLAYERS:
            if (update := self._movers[player].skipped()) is not None:
                raise self._error(player, update, "found while the device went on")

    def _stop(self, player: Player, found: Gradient, draw: Draw) -> NoReturn:
        """Play the update once more, watching every layer, to say where it began."""
        where = list[str]()
        with _watched(self._players, where):
            self._again(player, draw)
        named = self._players[player].named_parameters()
        names = [name for name, weight in named if weight.requires_grad]
        where += _first_bad(found.losses, zip(names, found.gradient, strict=True))
        raise self._error(player, self._movers[player].updates, ", and so is ".join(where[:2]))

    def _error(self, player: Player, update: int, where: str) -> NonFiniteError:
        lr = self._movers[player].rates().get("lr")
        return NonFiniteError(player, update=update, where=where, lr=lr)


def _first_bad(losses: Losses, named: Iterable[tuple[str, Tensor]]) -> list[str]:
    """The losses that are not finite, and the first gradient or square of one, in words."""
    bad = [
        f"the loss {name!r} ({float(loss)})" for name, loss in losses.items() if not _finite(loss)
    ]
    gradients = dict(named)
    bad += [f"the gradient of {name!r}" for name, g in gradients.items() if not _finite(g)][:1]
    if bad:
        return bad
    sizes = {name: float(g.abs().max()) for name, g in gradients.items() if g.numel()}
    largest = max(sizes, key=sizes.__getitem__)
    return [f"the square of the gradient of {largest!r}, which is as large as {sizes[largest]:.1g}"]


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


@contextmanager
def _watched(players: Players[nn.Module], found: list[str]) -> Iterator[None]:
    """Note, in `found`, the weights and the layers' outputs that are not finite, in their order."""
    handles = []
    for player in PLAYERS:
        for name, weight in players[player].named_parameters():
            if not _finite(weight):
                found.append(f"the {player}'s weight {name!r}")
        for name, layer in players[player].named_modules():
            if not list(layer.children()):
                hook = _note(found, f"the output of the {player}'s layer {name!r}")
                handles.append(layer.register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _note(found: list[str], name: str) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not _finite(output):
            found.append(f"{name} ({type(layer).__name__})")

    return hook
