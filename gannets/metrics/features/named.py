"""From the text of a command line to the features it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from gannets.errors import InputError, unknown
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.features.classifier import Classified
from gannets.metrics.features.inception import Inception
from gannets.metrics.features.module import OwnFeatures
from gannets.metrics.features.pca import PCA
from gannets.metrics.features.pixels import Pixels
from gannets.metrics.features.randconv import SMALLEST, RandConv
from gannets.metrics.features.tabular import Tabular
from gannets.metrics.samples import Samples

__all__ = ["Auto", "Extractor", "extractor"]

FEW = 64
"""Points of as many dimensions or fewer are seen as they are."""


@runtime_checkable
class Extractor(Protocol):
    """Features as a frozen value: fitted to the reference or loaded, they see both sides."""

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """The features, ready to see samples of the shape of `real`. Raises `InputError`."""
        ...


@dataclass(frozen=True)
class Auto:
    """The features for the data at hand, none of which has to be downloaded.

    Tables are seen as tabular:1. Images go through randconv:1, which on handwritten digits tells
    noise and blur from sampling error better than pixels do, and missing classes about as well;
    those smaller than 4x4 are seen as pixels. Points are seen as they are up to 64 dimensions, and
    from there on by 64 principal axes of the reference, for the floor of a Fréchet distance grows
    as dimensions squared.
    """

    def choice(self, real: Samples) -> Extractor:
        """What it comes to."""
        if real.frame is not None:
            return Tabular()
        if real.are_images:
            return RandConv() if min(real.event[1:]) >= SMALLEST else Pixels()
        return Pixels() if real.event[0] <= FEW else PCA(FEW)

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """Build what was chosen."""
        return self.choice(real).build(real, device=device)


def extractor(text: str) -> Extractor:
    """The features that a text names.

    auto, pixels (or values), pca:32, pca:32:whiten, randconv, tabular, classifier:PATH,
    inception:PATH, module:FILE.py:NAME. What is printed of features without a file can be read
    back: randconv:1, tabular:1. Raises `InputError` for any other.
    """
    name, _, rest = text.partition(":")
    if name not in _READERS:
        raise unknown("features", text, _FORMS)
    return _READERS[name](rest)


def _alone(value: Extractor, versions: tuple[str, ...] = ("",)) -> Callable[[str], Extractor]:
    def read(rest: str) -> Extractor:
        if rest not in versions:
            raise InputError(
                f"There are no such features as {type(value).__name__.lower()}:{rest}: "
                f"say {type(value).__name__.lower()}."
            )
        return value

    return read


def _pca(rest: str) -> Extractor:
    k, _, whiten = rest.partition(":")
    if (k and not (k.isascii() and k.isdigit())) or whiten not in ("", "whiten"):
        raise InputError(f"pca:{rest} is not understood: say pca:32 or pca:32:whiten.")
    return PCA(int(k) if k else PCA.k, whiten=bool(whiten))


def _file(kind: Callable[[str], Extractor], form: str) -> Callable[[str], Extractor]:
    def read(rest: str) -> Extractor:
        if not rest:
            raise InputError(f"These features are in a file: say {form}.")
        return kind(rest)

    return read


def _module(rest: str) -> Extractor:
    path, _, name = rest.rpartition(":")
    if not path or not name:
        raise InputError(f"module:{rest} names no function in a file: say module:FILE.py:NAME.")
    return OwnFeatures(path, name)


_READERS: dict[str, Callable[[str], Extractor]] = {
    "auto": _alone(Auto()),
    "pixels": _alone(Pixels()),
    "values": _alone(Pixels()),
    "pca": _pca,
    "randconv": _alone(RandConv(), ("", "1")),
    "tabular": _alone(Tabular(), ("", "1")),
    "classifier": _file(Classified, "classifier:DIR"),
    "inception": _file(Inception, "inception:FILE.pth"),
    "module": _module,
}
_FORMS = (
    "auto",
    "pixels",
    "pca:32",
    "pca:32:whiten",
    "randconv",
    "tabular",
    "classifier:DIR",
    "inception:FILE.pth",
    "module:FILE.py:NAME",
)
