"""What data are, as text and as batches: `Data` stands in a recipe, `Source` is the data loaded.

Batches are drawn without replacement, epoch by epoch. Epoch e is a permutation, a function of
(seed, e), and batch t of size m is the window [t m, (t + 1) m) of all epochs laid end to end: a
function of (seed, t, m), however it is reached. Resume needs no replay, and the batches 2t and
2t + 1 of size m / 2 are batch t of size m, cut in two.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream

__all__ = ["Bounds", "Data", "Rows", "Source", "TensorSource"]

Bounds = tuple[float, float]
Rows = tuple[Float[Tensor, "m ..."], Int64[Tensor, " m"] | None]


@runtime_checkable
class Source(Protocol):
    """Data on a device: samples x (m, *shape), float32, and with classes labels y (m,), int64."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (features,) or (channels, height, width)."""
        ...

    @property
    def bounds(self) -> Bounds | None:
        """The interval that holds every value by construction (images), or None."""
        ...

    @property
    def classes(self) -> int | None:
        """The number of classes C, labels are 0 .. C-1; None without labels."""
        ...

    @property
    def mean(self) -> Float[Tensor, "*event"]:
        """Mean of the samples, in the units that batches have."""
        ...

    @property
    def fingerprint(self) -> str:
        """A sha256: two sources of one fingerprint have the same samples in the same units."""
        ...

    @property
    def endless(self) -> bool:
        """Whether samples are drawn afresh (a density) rather than held."""
        ...

    def __len__(self) -> int:
        """How many samples there are; `sys.maxsize` where there is no end."""
        ...

    def check(self, m: int) -> None:
        """Raise `InputError` where a batch of m cannot be had."""
        ...

    def batch(self, step: int, m: int) -> Rows:
        """Batch `step` >= 0 of size m, a function of (seed, step, m) alone."""
        ...

    def rows(self, indices: Int[Tensor, " m"]) -> Rows:
        """The samples at `indices` of a fixed order. Raises IndexError beyond the end."""
        ...

    def first(self, n: int) -> Rows:
        """The first n samples of the fixed order."""
        ...

    def all(self) -> Rows:
        """Every sample, in the fixed order; an endless source refuses."""
        ...


@runtime_checkable
class Data(Protocol):
    """A data set as a frozen, printable value: what stands in a recipe."""

    def load(self, *, seed: int, device: torch.device) -> Source:
        """Read the data onto `device`; `seed` orders the batches."""
        ...

    def on(self, split: str) -> Data:
        """The same data, another split: "train", "validation" or "test", or a slice of one."""
        ...


class TensorSource:
    """The samples held as one tensor: uint8 stays uint8 and is scaled to `bounds` after the gather.

    `x` is (n, *shape), uint8 with values 0 .. `peak`, or float32; `y` is (n,), int64, or None. They
    are used as they are: the values in `gannets.data` check before they build one.
    """

    endless = False

    def __init__(
        self,
        x: Tensor,
        y: Tensor | None = None,
        *,
        seed: int,
        bounds: Bounds | None = None,
        peak: int = 255,
        classes: int | None = None,
    ) -> None:
        self.shape = tuple(x.shape[1:])
        self.bounds = bounds
        self.classes = classes
        self._x, self._y, self._peak = x, y, peak
        self._scale: Bounds | None = None
        if x.dtype == torch.uint8 and bounds is not None:
            self._scale = _slope(bounds, peak), bounds[0]
        # On the CPU whatever the device, so that the order is the same on all of them.
        self._stream = Stream(seed, "data")
        self._orders: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._x)

    def check(self, m: int) -> None:
        if not 1 <= m <= len(self):
            raise InputError(
                f"A batch of {m} cannot be drawn from {len(self)} samples: "
                f"choose a batch of 1 to {len(self)}."
            )

    def batch(self, step: int, m: int) -> Rows:
        self.check(m)
        epoch, start = divmod(step * m, len(self))
        indices = self._order(epoch)[start : start + m]
        if left := m - len(indices):  # the batch straddles two epochs
            indices = torch.cat([indices, self._order(epoch + 1)[:left]])
        return self._gather(indices)

    def rows(self, indices: Int[Tensor, " m"]) -> Rows:
        return self._gather(indices.to(self._x.device))

    def first(self, n: int) -> Rows:
        if not 1 <= n <= len(self):
            raise InputError(f"There are {len(self)} samples, not {n}: ask for 1 to {len(self)}.")
        # A copy, as batches are: whoever writes into it writes into no data.
        y = None if self._y is None else self._y[:n].clone()
        return self._units(self._x[:n].clone()), y

    def all(self) -> Rows:
        return self.first(len(self))

    @cached_property
    def mean(self) -> Float[Tensor, "*event"]:
        """Mean of the samples, summed in double precision."""
        total = torch.zeros(self.shape, dtype=torch.float64)
        for part in self._x.split(4096):
            # 4,096 bytes sum to less than 2^24: exact in float32, and faster than in int64.
            exact = part.float() if part.dtype == torch.uint8 else part.cpu().double()
            total += exact.sum(0).cpu()
        mean = total / len(self)
        if self._scale:
            mean = mean * self._scale[0] + self._scale[1]
        return mean.float().to(self._x.device)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over samples and labels (dtype, shape, bytes), bounds and peak."""
        units = f"{self.bounds} {self._peak}" if self._x.dtype == torch.uint8 else f"{self.bounds}"
        return digest(self._x, self._y, units)

    def _order(self, epoch: int) -> Tensor:
        """The permutation of an epoch; the two latest are kept, for batches that straddle."""
        if epoch not in self._orders:
            order = self._stream.at(epoch).permutation(len(self)).to(self._x.device)
            self._orders = {**dict(list(self._orders.items())[-1:]), epoch: order}
        return self._orders[epoch]

    def _gather(self, indices: Tensor) -> Rows:
        # index_select is ten times faster than indexing here.
        x = self._units(self._x.index_select(0, indices))
        return x, None if self._y is None else self._y.index_select(0, indices)

    def _units(self, x: Tensor) -> Tensor:
        if x.dtype != torch.uint8:
            return x
        return (
            x.float()
            if self._scale is None
            else x.float().mul_(self._scale[0]).add_(self._scale[1])
        )


def digest(x: Tensor, y: Tensor | None, units: str = "") -> str:
    """sha256 over the content of samples and labels, and the text `units`."""
    sha = hashlib.sha256(units.encode())
    for tensor in (x, y):
        if tensor is not None:
            sha.update(f"/{tensor.dtype} {tuple(tensor.shape)}/".encode())
            sha.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return sha.hexdigest()


def _slope(bounds: Bounds, peak: int) -> float:
    """The float32 slope that takes 0 .. peak onto the bounds, and by no rounding error beyond."""
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    slope = np.float32((bounds[1] - bounds[0]) / peak)
    while np.float32(peak) * slope + low > high:
        slope = np.nextafter(slope, np.float32(0))
    return float(slope)
