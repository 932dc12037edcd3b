"""`--compile`: a player's gradient as one compiled function of weights, data and random numbers.

The gradient is traced below autograd (`make_fx`): second derivatives, as of R1, are in the trace
like everything else, so that what is compiled need not be differentiated again. The random numbers
are drawn before, from the streams as always, in the order that a rehearsal has noted.

A trace is the same at every update. What is not, a net that keeps statistics or a term that depends
on the number of the update, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple, NoReturn, cast

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from gannets.errors import InputError
from gannets.game import PLAYERS, Group, Players, Stream
from gannets.game.group import ALONE
from gannets.nets.layers import attach
from gannets.updates import Gradient

__all__ = ["Compiled", "scripted"]

Tensors = list[Tensor]
Compute = Callable[[Tensor | None, Tensor | None, int], list[Gradient]]


class Noted(NamedTuple):
    """A draw that was noted: from which stream, how, of which shape."""

    stream: Scripted
    draw: Callable[..., Tensor]
    shape: tuple[int, ...]


class Script:
    """The random numbers of one gradient: noted as they are drawn, or handed out from a list."""

    def __init__(self) -> None:
        self.noted: list[Noted] | None = None
        self.given: Iterator[Tensor] | None = None


class Scripted(Stream):
    """A stream that notes its draws, or gives those that were made before."""

    def __init__(self, stream: Stream, script: Script) -> None:
        vars(self).update(vars(stream))
        self.script = script

    def at(self, index: int, *, share: Group = ALONE) -> Stream:
        """Place the stream; where its numbers are given there is nothing to place."""
        return self if self.script.given is not None else super().at(index, share=share)

    def again(self, noted: Noted) -> Tensor:
        """Draw what was noted."""
        return super()._rows(noted.draw, noted.shape)

    def _rows(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        if self.script.given is not None:
            return next(self.script.given)
        if self.script.noted is not None:
            self.script.noted.append(Noted(self, draw, shape))
        return super()._rows(draw, shape)


class Unread(int):
    """The number of an update, in a trace that is to hold for all of them."""

    def _read(self, *_: object) -> NoReturn:
        raise InputError(
            "A term or view of the game depends on the number of the update, so that one compiled "
            "gradient does not serve all of them: leave --compile out."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _read
    __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __floordiv__ = _read
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _read
    __hash__ = int.__hash__


class Compiled:
    """`compute(x, y, step)`, which gives gradients, traced at its first call and compiled.

    It draws from scripted streams alone, and `players` are all whose weights it reads.
    """

    def __init__(
        self, compute: Compute, players: Players[nn.Module], streams: Mapping[str, Stream]
    ) -> None:
        self._compute, self._players = compute, players
        self._streams = list(streams.values())
        self._script = cast(Scripted, self._streams[0]).script
        self._weights = [w for p in PLAYERS for w in players[p].parameters()]
        self._noted: list[Noted] = []
        self._parts: list[tuple[int, list[str]]] = []
        self._run: Callable[..., Tensors] | None = None

    def __call__(
        self, x: Tensor | None, y: Tensor | None, *, step: int, draw: int
    ) -> list[Gradient]:
        """What `compute` returns, its random numbers those of draw number `draw`."""
        if self._run is None:
            return self._first(x, y, step, draw)
        drawn = self._draw(draw)
        with torch.no_grad():
            tensors = iter(self._run(self._weights, _present(x, y), drawn))
        return [
            Gradient(
                losses={name: next(tensors) for name in names}, gradient=list(islice(tensors, n))
            )
            for n, names in self._parts
        ]

    def _draw(self, number: int) -> Tensors:
        for stream in self._streams:
            stream.at(number)
        return [noted.stream.again(noted) for noted in self._noted]

    def _first(self, x: Tensor | None, y: Tensor | None, step: int, draw: int) -> list[Gradient]:
        """Rehearse: note what is drawn and what changes, then trace and compile."""
        versions = {name: b._version for name, b in self._buffers()}
        self._script.noted = self._noted
        found = self._compute(x, y, step)
        self._script.noted = None
        for name, buffer in self._buffers():
            if buffer._version != versions[name]:
                raise InputError(
                    f"{name} changes whenever its net is asked, as batch and spectral normalisation"
                    " do, which a compiled gradient cannot do: leave --compile out."
                )
        self._parts = [(len(part.gradient), list(part.losses)) for part in found]
        self._run = self._compile(x, y, self._draw(draw))
        return found

    def _compile(
        self, x: Tensor | None, y: Tensor | None, drawn: Tensors
    ) -> Callable[..., Tensors]:
        has_x, has_y = x is not None, y is not None

        def traced(weights: Tensors, rows: Tensors, drawn: Tensors) -> Tensors:
            rest = iter(rows)
            with self._given(drawn):
                parts = self._compute(
                    next(rest) if has_x else None, next(rest) if has_y else None, Unread()
                )
            return [t for part in parts for t in (*part.losses.values(), *part.gradient)]

        example = (self._weights, _present(x, y), drawn)
        graph = make_fx(traced)(*example)
        run: Callable[..., Tensors] = torch.compile(graph, fullgraph=True, dynamic=False)
        try:
            with torch.no_grad():
                run(*example)
        except Exception as error:
            if "compiler" in str(error).lower():
                raise InputError(
                    "--compile needs a C++ compiler (on a GPU: Triton), and torch finds none that "
                    "works: install g++, or leave --compile out."
                ) from error
            raise
        return run

    @contextmanager
    def _given(self, drawn: Tensors) -> Iterator[None]:
        self._script.given = iter(drawn)
        try:
            yield
        finally:
            self._script.given = None

    def _buffers(self) -> Iterator[tuple[str, Tensor]]:
        for player in PLAYERS:
            for name, buffer in self._players[player].named_buffers():
                yield f"The {player}'s {name!r}", buffer


def _present(*tensors: Tensor | None) -> Tensors:
    return [tensor for tensor in tensors if tensor is not None]


def scripted(streams: dict[str, Stream], players: Players[nn.Module]) -> dict[str, Stream]:
    """The same streams, with one script; the players' nets draw from theirs."""
    script = Script()
    changed: dict[str, Stream] = {name: Scripted(s, script) for name, s in streams.items()}
    for player in PLAYERS:
        attach(players[player], changed[player])
    return changed
