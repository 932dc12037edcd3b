"""Explicit streams of random numbers: every draw is a function of (seed, name, index).

Nothing in gannets draws from torch's global generator. A stream is placed at an index before it is
read, so that no random state has to be stored: draw 4,000 of a run is the same whether or not draws
0 to 3,999 were made in this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from gannets.game.group import ALONE, Group

__all__ = ["Stream", "seeded"]

_MASK = 0xFFFFFFFF


def _scramble(value: int) -> int:
    """A bijection of 32-bit integers (the finalizer of MurmurHash3): no two indices collide."""
    value ^= value >> 16
    value = (value * 0x85EBCA6B) & _MASK
    value ^= value >> 13
    value = (value * 0xC2B2AE35) & _MASK
    return value ^ (value >> 16)


class Stream:
    """Random numbers named `name` of the experiment `seed`, drawn on `device`.

    Torch's CPU generator reads 32 bits of its seed, so index `i` is seeded by a bijection of
    `base(seed, name) + i`: within one stream no two of the first 2^32 indices coincide.

    Where a batch is shared, among processes or in pieces one after the other, each share asks for
    its own rows (the first axis) and gets those that it has of the whole draw.
    """

    def __init__(self, seed: int, name: str, device: torch.device | str = "cpu") -> None:
        digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=4).digest()
        self._base = int.from_bytes(digest, "big")
        self.device = torch.device(device)
        self._generator = torch.Generator(self.device)
        self.at(0)

    def at(self, index: int, *, share: Group = ALONE) -> Stream:
        """Place the stream at `index`, an integer >= 0, for one share of the rows; return it."""
        self._share = share
        # Most streams are placed at every draw and read at few: they are seeded when read.
        self._index: int | None = index
        return self

    @property
    def generator(self) -> torch.Generator:
        """Torch's generator, at the place the stream has come to."""
        if self._index is not None:
            self._generator.manual_seed(_scramble((self._base + self._index) & _MASK))
            self._index = None
        return self._generator

    def normal(self, *shape: int) -> Tensor:
        """Independent N(0, 1)."""
        return self._rows(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Independent U(0, 1)."""
        return self._rows(torch.rand, shape)

    def permutation(self, n: int) -> Tensor:
        """A random order of 0 .. n-1, the same for all processes."""
        return torch.randperm(n, generator=self.generator, device=self.device)

    def integers(self, high: int, n: int) -> Tensor:
        """`n` independent integers, uniform on 0 .. high-1."""
        return self._rows(partial(torch.randint, high), (n,))

    def _rows(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        whole = (shape[0] * self._share.size, *shape[1:])
        return self._share.share(draw(whole, generator=self.generator, device=self.device))


@contextmanager
def seeded(stream: Stream) -> Iterator[None]:
    """Lend torch's global generator to code that knows no other (initialisers), then restore it."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which reaches into every accelerator as well.
        torch.default_generator.manual_seed(stream.generator.initial_seed())
        yield
