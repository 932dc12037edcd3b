"""Comparisons of raw tensors: the features are the values as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from gannets.metrics.comparison import Classifier, Comparison, FeatureMap, Generator
from gannets.metrics.samples import Samples
from gannets.theory.densities import Density


@dataclass(frozen=True)
class Values:
    id: str = "values"
    preprocessing: str = "as given"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def compare(
    real: Tensor,
    fake: Tensor,
    *,
    train: Tensor | None = None,
    holdout: Tensor | None = None,
    density: Density | None = None,
    classifier: Classifier | None = None,
    generator: Generator | None = None,
    seed: int = 0,
    map: FeatureMap | None = None,
    **more: Any,
) -> Comparison:
    """`train` or `holdout` alone is completed by `real`, as `evaluate` does."""
    reals = Samples(real, name="real")
    trains = None if train is None else Samples(train, name="train")
    holdouts = None if holdout is None else Samples(holdout, name="holdout")
    if (trains is None) != (holdouts is None):
        trains, holdouts = trains or reals, holdouts or reals
    return Comparison(
        real=reals,
        fake=Samples(fake, name="fake"),
        map=map or Values(),
        train=trains,
        holdout=holdouts,
        density=density,
        classifier=classifier,
        generator=generator,
        seed=seed,
        **more,
    )
