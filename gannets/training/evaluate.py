"""How far p_g is from p_data: the front door of `gannets.metrics`, for whatever is to be measured.

report = evaluate(real=x, fake=y)            arrays, paths, tables, data, a function of n
report = evaluate(fake="runs/00000-digits")  a run, against what its data held out
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import gannets
from gannets.data import Table, open_source
from gannets.errors import InputError
from gannets.metrics import catalogue
from gannets.metrics.comparison import Classifier, Comparison, FeatureMap, Metric
from gannets.metrics.features import (
    DiscriminatorFeatures,
    Extractor,
    extractor,
    load_classifier,
)
from gannets.metrics.opened import Opened, draw, opened
from gannets.metrics.report import Report, Reports, measure
from gannets.metrics.samples import Samples
from gannets.theory.densities import Density
from gannets.training.device import resolve_device
from gannets.training.model import Model
from gannets.training.reading import read
from gannets.training.run import Run
from gannets.training.stored import against, are_statistics
from gannets.training.subject import LatentSpace, held_out, is_model, is_run, played, samples_of

__all__ = ["compare", "evaluate", "named"]

HELD_OUT = ("test", "validation")
Metrics = str | Metric | Sequence[str | Metric]


def evaluate(
    *,
    fake: Any,
    real: Any = None,
    holdout: Any = None,
    metrics: Metrics = "auto",
    features: str | Extractor | FeatureMap = "auto",
    classifier: str | Path | Classifier | None = None,
    n: int | None = None,
    seed: int = 0,
    best: bool = False,
    device: str | torch.device = "cpu",
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
    10,000); `best` takes a run's best model rather than its last; `watch` is told what is being
    measured. Raises `InputError` where sides, shapes or numbers do not fit.
    """
    if isinstance(fake, (list, tuple)):
        common: dict[str, Any] = {"holdout": holdout, "metrics": metrics, "features": features}
        common |= {"classifier": classifier, "n": n, "seed": seed, "best": best}
        common |= {"device": device, "watch": watch}
        return _side_by_side([evaluate(fake=each, real=real, **common) for each in fake])
    if are_statistics(real):
        given: dict[str, Any] = {"metrics": metrics, "features": features, "n": n, "seed": seed}
        given |= {"holdout": holdout, "classifier": classifier, "best": best, "device": device}
        return against(real, fake=fake, **given)
    comparison = compare(
        fake=fake,
        real=real,
        holdout=holdout,
        features=features,
        classifier=classifier,
        n=n,
        seed=seed,
        best=best,
        device=device,
    )
    wanted = _wanted(metrics, comparison)
    if is_run(fake) and any(map(catalogue.needs_game, wanted.values())):
        game = played(fake if isinstance(fake, Run) else Run(fake), device=resolve_device(device))
        comparison = replace(comparison, played=game)
    return measure(comparison, wanted, lenient=metrics in ("all", "auto"), watch=watch)


def named(text: str) -> dict[str, Metric]:
    """The metrics that a text names, by commas: names, or values such as `PRDC(k=3)`."""
    found: dict[str, Metric] = {}
    # A comma within brackets belongs to a value.
    for part in filter(None, map(str.strip, re.split(r",(?![^(\[]*[)\]])", text))):
        if "(" not in part:
            found |= catalogue.named([part])
            continue
        value = read(part)
        if not isinstance(value, Metric):
            raise InputError(f"{part!r} is no metric: give a name such as fd, or PRDC(k=3).")
        found[part] = value
    return found or catalogue.named([])


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
) -> Comparison:
    """Both sides, drawn and ready to be seen: what a metric is called with. As in `evaluate`."""
    if are_statistics(real):
        raise InputError(f"{real!s:.200} holds no samples to look at: give the data themselves.")
    where = resolve_device(device)
    sides = _sides(fake, real, holdout, n=n, seed=seed, best=best, device=where)
    seen_through = _features(features, sides.real, where)
    return Comparison(
        real=sides.real,
        fake=sides.fake,
        map=seen_through,
        train=sides.train,
        holdout=sides.holdout,
        density=sides.density,
        classifier=_classifier(classifier, seen_through),
        generator=sides.generator,
        about={**sides.about(seen_through), "seed": seed},
        seed=seed,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Sides:
    """What a comparison is of, and whatever more is known of it."""

    real: Samples
    fake: Samples
    train: Samples | None = None
    holdout: Samples | None = None
    density: Density | None = None
    generator: LatentSpace | None = None
    notes: tuple[str, ...] = ()

    def about(self, seen_through: FeatureMap) -> dict[str, Any]:
        """What a report says of them."""
        given: dict[str, Any] = {
            "fake": f"{self.fake.name} ({len(self.fake):,})",
            "real": f"{self.real.name} ({len(self.real):,})",
        }
        for role in ("train", "holdout"):
            samples = getattr(self, role)
            if samples is not None and samples is not self.real:
                given[role] = f"{samples.name} ({len(samples):,})"
        given |= {"features": seen_through.id, "preprocessing": seen_through.preprocessing}
        versions = {"gannets": gannets.__version__, "torch": torch.__version__}
        return {**given, **versions, "notes": list(self.notes)}


def _sides(
    fake: Any,
    real: Any,
    holdout: Any,
    *,
    n: int | None,
    seed: int,
    best: bool,
    device: torch.device,
) -> Sides:
    """Open and draw from both sides."""
    if not (is_run(fake) or is_model(fake)):
        return _given(fake, real, holdout, n=n, seed=seed)
    run = (fake if isinstance(fake, Run) else Run(fake)) if is_run(fake) else None
    if run is not None:
        model, name = run.best_model if best else run.model, str(run.path)
    else:
        model = fake if isinstance(fake, Model) else Model.from_pretrained(fake)
        name = "the model" if isinstance(fake, Model) else str(fake)
    model.generator.to(device)
    if run is not None and real is None and holdout is None:
        sides = _of_run(run, n=n, seed=seed)
    elif real is None:
        raise InputError(f"{name} is a model, without data of its own: give real=... as well.")
    else:
        sides = _reals(real, holdout, n=n, seed=seed)
    fakes = samples_of(model, n or len(sides.real), seed=seed, name=name, like=sides.real)
    sides = replace(sides, fake=fakes, generator=LatentSpace(model))
    return sides if run is None else _as_rows(sides, run.recipe.data)


def _as_rows(sides: Sides, data: Any) -> Sides:
    """Where G makes rows of a table: what all that is encoded decodes to."""
    if not isinstance(data, Table):
        return sides
    schema = data.schema()
    done: dict[int, Samples] = {}  # real is one of the others, and has to stay it

    def rows(samples: Samples | None) -> Samples | None:
        if samples is None:
            return None
        if id(samples) not in done:
            frame = schema.decode(samples.x)
            done[id(samples)] = Samples(samples.x, samples.y, samples.name, frame)
        return done[id(samples)]

    real, fake = rows(sides.real), rows(sides.fake)
    assert real is not None
    assert fake is not None
    return replace(
        sides, real=real, fake=fake, train=rows(sides.train), holdout=rows(sides.holdout)
    )


def _of_run(run: Run, *, n: int | None, seed: int) -> Sides:
    """The data of a run: what was held out, and what it was trained on."""
    recipe = run.recipe
    text = " ".join(str(recipe.data).split())
    found = held_out(recipe, HELD_OUT, seed=seed)
    source = open_source(recipe.data, seed=seed, device="cpu")
    density = getattr(source, "density", None)
    train = None if density is not None else Opened(f"{text}, trained on", source=source)
    if found is None:
        assert train is not None
        note = (
            "These data hold nothing out: distances are to what G was trained on, and do not tell "
            "whether it has learned it by heart. Train on a slice, such as split='train[:90%]'."
        )
        reals = draw(train, n, seed=seed)
        return Sides(real=reals, fake=reals, notes=(note,))
    part, held = found
    reals = draw(Opened(f"{text}, {part}", source=held), n, seed=seed)
    trained_on = None if train is None else draw(train, None, seed=seed)
    return Sides(
        real=reals,
        fake=reals,
        train=trained_on,
        holdout=None if trained_on is None else reals,
        density=density,
    )


def _given(fake: Any, real: Any, holdout: Any, *, n: int | None, seed: int) -> Sides:
    """Both sides as they were given."""
    if real is None:
        raise InputError("There is nothing to measure the samples against: give real=... as well.")
    sides = _reals(real, holdout, n=n, seed=seed)
    other = opened(fake, "fake")
    size = len(sides.real) if other.there is None and n is None else n
    return replace(sides, fake=draw(other, size, seed=seed, like=sides.real))


def _reals(real: Any, holdout: Any, *, n: int | None, seed: int) -> Sides:
    side = opened(real, "real")
    reals = draw(side, n, seed=seed)
    held = None
    if holdout is not None:
        held = draw(opened(holdout, "holdout"), None, seed=seed, like=reals)
        if held.fingerprint == reals.fingerprint:
            raise InputError(
                "real and holdout are the same samples: give holdout= ones that G was not trained "
                "on, or leave it out."
            )
    return Sides(
        real=reals,
        fake=reals,
        train=None if held is None else reals,
        holdout=held,
        density=side.density,
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
