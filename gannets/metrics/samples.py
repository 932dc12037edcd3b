"""The two sides of a measurement: sets of samples, in no order.

A set is put into an order of its own, that of its rows' hashes: whatever is measured is then the
same for any order, batch size or sharding in which the samples came, random subsets included.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream

if TYPE_CHECKING:
    import pandas

    from gannets.data.schema import TableSchema

__all__ = ["Samples", "canonical_order"]

LEVELS = 65_280


@dataclass(frozen=True, eq=False)
class Samples:
    """A set of samples x (n, *event), float32: images have values in [0, 1], points any.

    Points are (n, d), images (n, channels, height, width). `y` holds class indices, `frame` the
    table whose encoding x is, row by row, where there are such. Raises `InputError` for numbers
    that are not finite and for fewer than two samples.
    """

    x: Float[Tensor, "n ..."]
    y: Int64[Tensor, " m"] | None = None
    name: str = "the samples"
    """What messages call them."""
    frame: pandas.DataFrame | None = None
    schema: TableSchema | None = None
    """What the table was encoded by: that of all the real rows, of which these may be some."""

    def __post_init__(self) -> None:
        x = self.x
        if x.ndim not in (2, 4):
            raise InputError(
                f"{self.name} have shape {tuple(x.shape)}: give points (n, d) or images "
                "(n, channels, height, width)."
            )
        if len(x) < 2 or x[0].numel() == 0:
            raise InputError(f"{self.name} have shape {tuple(x.shape)}: at least 2 are needed.")
        finite = torch.isfinite(x).flatten(1).all(1)
        if not bool(finite.all()):
            bad = int((~finite).sum())
            raise InputError(
                f"{bad:,} of {len(x):,} in {self.name} hold NaN or infinity (the first "
                f"is number {int((~finite).int().argmax())}): leave them out, or mend their source."
            )
        if self.y is not None and self.y.shape != (len(x),):
            raise InputError(f"{self.name} are {len(x):,}, but have {self.y.numel():,} labels.")
        order, digests = canonical_order(x.float(), self.y)
        object.__setattr__(self, "_digests", digests)
        object.__setattr__(self, "x", x.float()[order])
        if self.y is not None:
            object.__setattr__(self, "y", self.y[order])
        if self.frame is not None:
            object.__setattr__(self, "frame", self.frame.iloc[order.numpy()])

    def __len__(self) -> int:
        return len(self.x)

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x.shape[1:])

    @property
    def are_images(self) -> bool:
        """Whether they are images, with values in [0, 1]."""
        return self.x.ndim == 4

    @property
    def flat(self) -> Float[Tensor, "n d"]:
        """The samples as rows of numbers."""
        return self.x.flatten(1)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 of the set: equal for equal samples in any order."""
        sha = hashlib.sha256(f"{self.event}/".encode())
        sha.update(self._digests.tobytes())  # type: ignore[attr-defined]
        return sha.hexdigest()

    def take(self, rows: Int64[Tensor, " m"]) -> Samples:
        """The samples at `rows`."""
        frame = None if self.frame is None else self.frame.iloc[rows.numpy()]
        return Samples(
            self.x[rows], None if self.y is None else self.y[rows], self.name, frame, self.schema
        )

    def draw(self, n: int, stream: Stream) -> Samples:
        """`n` of them, without repetition, a function of the set and the stream's place."""
        if n > len(self):
            raise InputError(f"There are {len(self):,} in {self.name}, not {n:,}: ask for fewer.")
        return self if n == len(self) else self.take(stream.permutation(len(self))[:n])


def canonical_order(
    x: Float[Tensor, "n ..."], y: Int64[Tensor, " n"] | None = None
) -> tuple[Int64[Tensor, " n"], np.ndarray]:
    """The order of the rows by their 16-byte hashes, and the hashes in that order.

    Images are hashed to 1/65,280, of which 1/255 and 1/16 are multiples: a picture is the same
    whatever units it has been through. Equal rows come together: what needs rows in random order
    has to shuffle them.
    """
    exact = _digests(x.flatten(1), y)
    if x.ndim < 4:
        order = np.lexsort(_words(exact))
        return torch.from_numpy(order), exact[order]
    digests = _digests((x.flatten(1) * LEVELS).round(), y)
    order = np.lexsort([*_words(exact), *_words(digests)])
    return torch.from_numpy(order), digests[order]


def _digests(x: Tensor, y: Tensor | None) -> np.ndarray:
    """A hash of each row and its label."""
    rows = np.ascontiguousarray(x.numpy())
    labels = None if y is None else y.numpy()
    digests = np.empty(len(rows), dtype="V16")
    for i, row in enumerate(rows):
        digest = hashlib.blake2b(row.tobytes(), digest_size=16)
        if labels is not None:
            digest.update(int(labels[i]).to_bytes(8, "big", signed=True))
        digests[i] = digest.digest()
    return digests


def _words(digests: np.ndarray) -> list[np.ndarray]:
    """Hashes as numbers, the least significant first."""
    return list(digests.view(">u8").reshape(-1, 2).T[::-1])
