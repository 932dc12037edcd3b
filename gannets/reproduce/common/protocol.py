"""What a file of reproductions defines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from gannets.reproduce.common.bench import Bench
from gannets.reproduce.common.claim import Claim, Figure

__all__ = ["Reproduction"]


@runtime_checkable
class Reproduction(Protocol):
    """A theorem, figure or table of the paper: a frozen dataclass whose fields are its settings.

    Calling it does the work and yields each claim and figure as it is found. All of it is a
    function of the fields and the bench's seed. It raises `InputError` where data are missing.
    """

    def quick(self) -> Reproduction:
        """The same at a scale of at most two minutes on a free core."""
        ...

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Do the work at `bench`."""
        ...
