"""What a metric is given: both sides, how they are seen, and what else is known of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.estimate import Better, Estimate
from gannets.metrics.played import Played
from gannets.metrics.samples import Samples
from gannets.metrics.wording import used
from gannets.theory.densities import Density

__all__ = ["Classifier", "Comparison", "FeatureMap", "Generator", "Metric", "Unmeasurable"]

T = TypeVar("T")
CHUNK = 500
"""Samples that an extractor sees at a time: always as many, so that results do not depend on it."""


class Unmeasurable(InputError):
    """A metric needs something that this comparison has not; the message says what."""


@runtime_checkable
class FeatureMap(Protocol):
    """Sees samples as rows of features, the same way for both sides."""

    @property
    def id(self) -> str:
        """Which features these are, weights and all: "pca:32", "classifier:3f2a90c1"."""
        ...

    @property
    def preprocessing(self) -> str:
        """What is done to samples before: "as given", "[0,1], 8x8 to 32x32, bilinear"."""
        ...

    @property
    def titles(self) -> Mapping[str, str]:
        """The names that a metric has through these features only: {"FD": "FID"}."""
        ...

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m d"]: ...


@runtime_checkable
class Classifier(Protocol):
    """Says which of C classes a sample is of."""

    @property
    def id(self) -> str:
        """Which classifier this is, weights and all."""
        ...

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        ...

    def probabilities(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m classes"]:
        """p(y | x), rows sum to 1."""
        ...


@runtime_checkable
class Generator(Protocol):
    """A generator that can be asked for the sample at a point of its latent space."""

    def latent(self, n: int, stream: Stream) -> Float[Tensor, "n latent"]:
        """Draw n points from the prior."""
        ...

    def __call__(self, z: Float[Tensor, "m latent"]) -> Float[Tensor, "m ..."]:
        """G(z) in the units of `Samples`, differentiable."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """p_g, of which `fake` is a sample, against p_data, of which `real` is one."""

    real: Samples
    fake: Samples
    map: FeatureMap
    train: Samples | None = None
    """What G was trained on, and"""
    holdout: Samples | None = None
    """what it never saw. One of the two is `real`, where both are known."""
    density: Density | None = None
    """p_data, where it is known."""
    classifier: Classifier | None = None
    generator: Generator | None = None
    played: Played | None = None
    """The game that G is of, for what is measured on the game itself."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What a report says of the sides: names, sizes, versions, notes."""
    seed: int = 0

    def __post_init__(self) -> None:
        for other in (self.fake, self.train, self.holdout):
            if other is not None and other.event != self.real.event:
                raise InputError(
                    f"The samples of {other.name} are of shape {other.event}, those of "
                    f"{self.real.name} of {self.real.event}: both sides must be of one shape."
                )
        self.__dict__["_seen"] = {}
        self.__dict__["_known"] = {}

    def facing(self, fake: Samples, *, about: Mapping[str, Any]) -> Comparison:
        """The same real samples against other fake ones; what was seen of the real is kept."""
        other = replace(self, fake=fake, about=about)
        other.__dict__["_seen"].update(
            {key: kept for key, kept in self.__dict__["_seen"].items() if kept[0] is not self.fake}
        )
        other.__dict__["_known"] = self.__dict__["_known"]
        return other

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """What depends on the real samples and the seed alone, computed once however many fakes
        they face; `what` says all that it depends on besides.
        """
        known: dict[Hashable, T] = self.__dict__["_known"]
        if what not in known:
            known[what] = compute()
        return known[what]

    def see(self, samples: Samples) -> Float[Tensor, "n d"]:
        """The features of samples, float64, computed once."""
        seen: dict[int, tuple[Samples, Tensor]] = self.__dict__["_seen"]
        if id(samples) not in seen:
            with torch.no_grad():
                parts = [self.map(part).double().cpu() for part in samples.x.split(CHUNK)]
            features = torch.cat(parts)
            if not bool(torch.isfinite(features).all()):
                raise InputError(
                    f"{self.map.id} makes numbers that are not finite of {samples.name}: "
                    "choose other features."
                )
            seen[id(samples)] = samples, features
        return seen[id(samples)][1]

    @cached_property
    def real_features(self) -> Float[Tensor, "n d"]:
        """The real samples as features."""
        return self.see(self.real)

    @cached_property
    def fake_features(self) -> Float[Tensor, "m d"]:
        """The fake samples as features."""
        return self.see(self.fake)

    def stream(self, name: str) -> Stream:
        """Random numbers of a metric's own, on the CPU."""
        return Stream(self.seed, f"metrics/{name}")

    def equally_many(self, stream: Stream, most: int | None = None) -> tuple[Tensor, Tensor]:
        """As many features of one side as of the other, at most `most`, each side shuffled."""
        real, fake = self.real_features, self.fake_features
        n = min(len(real), len(fake), most or len(real))
        real = real[stream.permutation(len(real))[:n]]
        return real, fake[stream.permutation(len(fake))[:n]]

    def note_of(self, n: int) -> tuple[str, ...]:
        """What there is to be said where n samples of each side were drawn."""
        return used({"real": (n, len(self.real)), "fake": (n, len(self.fake))})

    def need_generalisation(self, what: str, *, least: int = 2) -> tuple[Samples, Samples]:
        """The training samples and the held-out ones, or a sentence on what is missing."""
        if self.train is None or self.holdout is None:
            raise Unmeasurable(
                f"{what} compares the samples G was trained on with samples it never saw: give "
                "the first as the real samples and the others as the held-out ones."
            )
        if min(len(self.train), len(self.holdout)) < least:
            raise InputError(
                f"{len(self.train):,} training and {len(self.holdout):,} held-out samples are too "
                f"few for {what}: give at least {least} of each."
            )
        # Rows that are encoded alike may still be others: a table is compared as it is.
        table, other = self.train.frame, self.holdout.frame
        alike = table is None or other is None or table.equals(other)
        if alike and self.train.fingerprint == self.holdout.fingerprint:
            raise InputError(
                "The training and the held-out samples are the same: give held-out samples that G "
                "was not trained on."
            )
        return self.train, self.holdout

    def estimate(
        self,
        metric: object,
        key: str,
        label: str,
        value: float,
        *,
        through: str | None = None,
        preprocessing: str | None = None,
        n: tuple[int, int] | None = None,
        interval: tuple[float, float] | None = None,
        floor: float | None = None,
        p: float | None = None,
        better: Better = "lower",
        meaning: str = "",
        notes: tuple[str, ...] = (),
        details: Mapping[str, Any] | None = None,
    ) -> Estimate:
        """An estimate with the provenance of this comparison.

        `label` is printed as `label[features]`; `through` names what was looked at where that is
        not the comparison's features ("samples": the values themselves).
        """
        if through is None:
            name = self.map.titles.get(label) or f"{label}[{self.map.id}]"
        else:
            name = label if through == "samples" else f"{label}[{through}]"
        return Estimate(
            key=key,
            name=name,
            value=float(value),
            interval=interval,
            floor=floor,
            p=p,
            better=better,
            meaning=meaning,
            notes=notes,
            n=n or (len(self.real), len(self.fake)),
            features=through or self.map.id,
            preprocessing=preprocessing
            or (self.map.preprocessing if through is None else "as given"),
            protocol=repr(metric),
            reference=self.real.fingerprint,
            seed=self.seed,
            details=details or {},
        )


@runtime_checkable
class Metric(Protocol):
    """A way to measure, as a frozen value with its settings: `PRDC(k=5)`.

    Called, it gives one estimate or several. Raises `Unmeasurable` where the comparison lacks what
    it needs, `InputError` where the samples are too few or otherwise none for it.
    """

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]: ...
