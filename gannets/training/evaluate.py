"""How far p_g is from p_data: the front door of `gannets.metrics`, for whatever is to be measured.

report = evaluate(real=x, fake=y)            arrays, paths, tables, data, a function of n
report = evaluate(fake="runs/00000-digits")  a run, against what its data held out
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import torch

from gannets.errors import InputError
from gannets.metrics import catalogue
from gannets.metrics.comparison import Classifier, Comparison, FeatureMap, Metric
from gannets.metrics.features import (
    DiscriminatorFeatures,
    Extractor,
    extractor,
    load_classifier,
)
from gannets.metrics.report import Report, Reports, measure
from gannets.metrics.samples import Samples
from gannets.training.device import resolve_device
from gannets.training.reading import read
from gannets.training.run import Run
from gannets.training.sides import sides
from gannets.training.stored import against, are_statistics
from gannets.training.subject import is_run, played

__all__ = ["compare", "evaluate", "named"]

Metrics = str | Metric | Sequence[str | Metric]


def evaluate(
    *unnamed: Any,
    fake: Any = None,
    real: Any = None,
    holdout: Any = None,
    metrics: Metrics = "auto",
    features: str | Extractor | FeatureMap = "auto",
    classifier: str | Path | Classifier | None = None,
    n: int | None = None,
    seed: int = 0,
    best: bool = False,
    device: str | torch.device = "cpu",
    split: str | None = None,
    size: int | None = None,
    watch: Callable[[str], None] | None = None,
) -> Report | Reports:
    """Measure `fake` against `real`; the samples G was not trained on are `holdout`.

    Either side may be an array, a tensor, a DataFrame, a path (.npy, .npz, .csv, a folder of
    images), the name of a data set, a density, or a function of n. `fake` may also be a model, a
    run, or the directory of one: a run is measured against what its data held out, and what it was
    trained on serves the metrics of generalisation. A list of fakes gives `Reports`, side by side.

    `real` may also be a file of statistics, from `gannets stats build`, for FD alone.

    `metrics` are "auto" (what is cheap and fits), "all", or names and values, as in
    `"fd,prdc"` or `[Frechet(), PRDC(k=3)]`. `features` is the text of an extractor
    (`docs/metrics.md`) or a value; `n` how many samples of each side (by default all, up to
    10,000); `best` takes a run's best model rather than its last; `split` is the part of the real
    data that is real, as in "test" or "train[:1000]"; `size` makes squares of so many pixels of
    all images; `watch` is told what is being measured. Raises `InputError` where sides, shapes or
    numbers do not fit.
    """
    if unnamed or fake is None:
        raise InputError(
            "evaluate takes its sides by name: write evaluate(fake=samples, real=data), or "
            "evaluate(fake=run)."
        )
    common: dict[str, Any] = {"real": real, "holdout": holdout, "features": features, "n": n}
    common |= {"classifier": classifier, "seed": seed, "best": best, "device": device}
    common |= {"split": split, "size": size}
    if isinstance(fake, (list, tuple)):
        return _side_by_side(
            [evaluate(fake=each, metrics=metrics, watch=watch, **common) for each in fake]
        )
    if are_statistics(real):
        return against(fake=fake, metrics=metrics, **common)
    comparison = compare(fake=fake, **common)
    wanted = _wanted(metrics, comparison)
    if is_run(fake) and any(map(catalogue.needs_game, wanted.values())):
        game = played(fake if isinstance(fake, Run) else Run(fake), device=resolve_device(device))
        comparison = replace(comparison, played=game)
    return measure(comparison, wanted, lenient=metrics in ("all", "auto"), watch=watch)


def named(text: str) -> dict[str, Metric]:
    """The metrics that a text names, by commas: names, or values such as `PRDC(k=3)`."""
    found: dict[str, Metric] = {}
    for part in filter(None, map(str.strip, _parts(text))):
        if "(" not in part:
            found |= catalogue.named([part])
            continue
        value = _with_settings(part)
        if not isinstance(value, Metric):
            raise InputError(f"{part!r} is no metric: give a name such as fd, or PRDC(k=3).")
        found[part] = value
    return found or catalogue.named([])


def _parts(text: str) -> list[str]:
    """What is between commas; one within brackets belongs to a value."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _with_settings(text: str) -> Any:
    """A value such as `PRDC(k=3)`; or `prdc(k=3)`, by a metric's own name: that one, changed."""
    name, _, settings = text.partition("(")
    known = catalogue.METRICS.get(name.strip())
    if known is None:
        return read(text)
    kind: Any = type(known)
    given, plain = read(f"{kind.__name__}({settings}"), kind()
    changed = {
        field.name: value
        for field in fields(kind)
        if (value := getattr(given, field.name)) != getattr(plain, field.name)
    }
    return replace(cast(Any, known), **changed)


def _wanted(metrics: Metrics, comparison: Comparison) -> dict[str, Metric]:
    if metrics == "auto":
        return catalogue.automatic(comparison)
    if metrics == "all":
        return catalogue.METRICS
    if isinstance(metrics, str):
        return named(metrics)
    found: dict[str, Metric] = {}
    for each in metrics if isinstance(metrics, Sequence) else [metrics]:
        found |= named(each) if isinstance(each, str) else {repr(each): each}
    for metric in found.values():
        if not isinstance(metric, Metric):
            raise InputError(
                f"{metric!r:.80} is no metric: give a name, or a value such as PRDC()."
            )
    return found


def compare(
    *,
    fake: Any,
    real: Any = None,
    holdout: Any = None,
    features: str | Extractor | FeatureMap = "auto",
    classifier: str | Path | Classifier | None = None,
    n: int | None = None,
    seed: int = 0,
    best: bool = False,
    device: str | torch.device = "cpu",
    split: str | None = None,
    size: int | None = None,
) -> Comparison:
    """Both sides, drawn and ready to be seen: what a metric is called with. As in `evaluate`."""
    if are_statistics(real):
        raise InputError(f"{real!s:.200} holds no samples to look at: give the data themselves.")
    where = resolve_device(device)
    asked: dict[str, Any] = {"n": n, "seed": seed, "split": split, "size": size}
    both = sides(fake, real, holdout, best=best, device=where, **asked)
    seen_through = _features(features, both.real, where)
    return Comparison(
        real=both.real,
        fake=both.fake,
        map=seen_through,
        train=both.train,
        holdout=both.holdout,
        density=both.density,
        classifier=_classifier(classifier, seen_through),
        generator=both.generator,
        about={**both.about(seen_through), "seed": seed},
        seed=seed,
    )


def _features(features: Any, real: Samples, device: torch.device) -> FeatureMap:
    """How both sides are seen: the text of an extractor, one as a value, or one that is built."""
    if isinstance(features, str):
        if features.startswith("discriminator:"):
            return _discriminator(features.removeprefix("discriminator:"), device)
        features = extractor(features)
    if isinstance(features, Extractor):
        return features.build(real, device=device)
    if isinstance(features, FeatureMap):
        return features
    raise InputError(
        f"{features!r:.80} are no features: give a text such as 'pca:32', or a value such as "
        "PCA(32)."
    )


def _discriminator(path: str, device: torch.device) -> FeatureMap:
    """What the discriminator of a run makes of samples, just before its verdict."""
    if not is_run(path):
        raise InputError(f"discriminator:{path} takes the directory of a run, which that is not.")
    run = Run(path)
    players = played(run, device=device).players
    return DiscriminatorFeatures(
        players.discriminator, bounds=run.model.space.bounds, device=device
    )


def _classifier(given: Any, seen_through: FeatureMap) -> Classifier | None:
    if given is None:
        return seen_through if isinstance(seen_through, Classifier) else None
    return load_classifier(given) if isinstance(given, (str, Path)) else given


def _side_by_side(reports: list[Report | Reports]) -> Reports:
    if not reports:
        raise InputError("fake is an empty list: give what is to be measured.")
    return Reports(tuple(report for report in reports if isinstance(report, Report)))
