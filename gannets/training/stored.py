"""The front door for reference statistics: `evaluate(fake=..., real="stats.safetensors")`.

The one number that can be measured so is FD (`gannets.metrics.stored`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import gannets
from gannets.errors import InputError
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.features import PCA, Auto, Extractor, Tabular, extractor
from gannets.metrics.frechet import Frechet
from gannets.metrics.opened import draw, opened
from gannets.metrics.report import Report
from gannets.metrics.samples import Samples
from gannets.metrics.statistics import Statistics, load_statistics
from gannets.metrics.stored import against_statistics, extractor_of
from gannets.training.device import resolve_device
from gannets.training.subject import is_model, is_run, model_of, no_best, samples_of

__all__ = ["against", "are_statistics"]


def are_statistics(real: Any) -> bool:
    """Whether they are statistics, or the path of some."""
    return isinstance(real, Statistics) or (
        isinstance(real, (str, Path)) and Path(real).suffix.lower() == ".safetensors"
    )


def against(
    real: Statistics | str | Path,
    *,
    fake: Any,
    metrics: Any,
    features: str | Extractor | FeatureMap,
    holdout: Any,
    classifier: Any,
    n: int | None,
    seed: int,
    best: bool,
    device: str | torch.device,
    split: str | None = None,
    size: int | None = None,
) -> Report:
    """A report of FD alone. Raises `InputError` for whatever needs the samples themselves."""
    only_fd(metrics)
    unused = {"held-out samples": holdout, "a classifier": classifier, "a split": split}
    for name, given in {**unused, "a size": size}.items():
        if given is not None:
            raise InputError(
                f"FD against a file of statistics has no use for {name}: leave that out, or give "
                "the data themselves."
            )
    statistics = real if isinstance(real, Statistics) else load_statistics(Path(real))
    where = resolve_device(device)
    fakes, step = _fakes(fake, n or statistics.moments.n, n, seed=seed, best=best, device=where)
    seen_through = _map(features, statistics, fakes, where)
    estimate = against_statistics(statistics, fakes, seen_through, seed)
    name = "statistics" if isinstance(real, Statistics) else str(real)
    after = "" if step is None else f", step {step:,}"
    about = {
        "name": fakes.name,
        "fake": f"{fakes.name} ({len(fakes):,}){after}, {fakes.fingerprint[:8]}",
        "real": f"{name} ({statistics.moments.n:,}, {statistics.origin.split})",
        "features": seen_through.id,
        "preprocessing": seen_through.preprocessing,
        "gannets": gannets.__version__,
        "torch": torch.__version__,
        "notes": [],
        "seed": seed,
    }
    if statistics.version != gannets.__version__:
        about["notes"] = [f"The statistics were computed by gannets {statistics.version}."]
    return Report((estimate,), (), about)


def only_fd(metrics: Any) -> None:
    """Refuse metrics that need samples."""
    if isinstance(metrics, str):
        wanted: list[Any] = [name.strip() for name in metrics.split(",") if name.strip()]
    else:
        wanted = list(metrics) if isinstance(metrics, Sequence) else [metrics]
    if wanted == ["auto"]:
        return
    for each in wanted:
        if each != "fd" and each != Frechet():
            raise InputError(
                f"A file of statistics holds no samples, and {each!r:.60} needs some: give the "
                "data themselves, or measure fd."
            )
    if not wanted:
        raise InputError("No metric is named: against a file of statistics say fd, or auto.")


def _map(features: Any, statistics: Statistics, fakes: Samples, device: torch.device) -> FeatureMap:
    if isinstance(features, str):
        if features.startswith("discriminator:"):
            raise InputError(
                f"{features} is of one run, and statistics of it are of no use to another: choose "
                "other features."
            )
        features = extractor(features)
    if isinstance(features, FeatureMap):
        return features
    if not isinstance(features, Extractor):
        raise InputError(f"{features!r:.80} are no features: give a text such as 'randconv'.")
    if isinstance(features, Auto):
        features = extractor_of(statistics)
    if isinstance(features, (PCA, Tabular)):
        raise InputError(
            f"{features!r} is fitted to the reference, which a file of statistics does not hold: "
            "measure against the data themselves, or choose other features."
        )
    return features.build(fakes, device=device)


def _fakes(
    fake: Any, there: int, n: int | None, *, seed: int, best: bool, device: torch.device
) -> tuple[Samples, int | None]:
    """`there` samples of what has no end, of others `n`, by default all; and a run's step."""
    if is_run(fake) or is_model(fake):
        model, name, step = model_of(fake, best=best)
        model.generator.to(device)
        return samples_of(model, there, seed=seed, name=name, like=None), step
    if best:
        raise no_best(fake)
    side = opened(fake, "fake")
    return draw(side, there if side.there is None and n is None else n, seed=seed), None
