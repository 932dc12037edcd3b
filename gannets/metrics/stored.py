"""FD of samples against moments in a file: |μ_r - μ_g|² + tr(S_r + S_g - 2 (S_r S_g)^{1/2}).

For data that are too many, or not at hand, to be seen anew for every generator. What a file cannot
give is refused: it holds no samples, so that nothing but FD can be measured and nothing be split;
the floor is the closed form of `frechet_floor`, for Gaussian features, and the interval is over the
fake samples alone: the reference is what it is.

A file is used where it is named, never found by itself (`gannets.metrics.statistics`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import CHUNK, FeatureMap
from gannets.metrics.estimate import Estimate
from gannets.metrics.features import Extractor, extractor
from gannets.metrics.frechet import frechet_floor, frechet_of_moments
from gannets.metrics.moments import SampleMoments
from gannets.metrics.resampling import Z, jackknife
from gannets.metrics.samples import Samples
from gannets.metrics.statistics import Statistics
from gannets.metrics.wording import meaning

__all__ = ["PROTOCOL", "against_statistics", "extractor_of"]

PROTOCOL = "Frechet(against=statistics)"
BLOCKS = ((256, 20), (1024, 10))
"""Up to so many features, so many blocks of the jackknife; beyond, each distance takes seconds."""
FEWEST_BLOCKS = 5
REBUILT = ("pixels", "values", "randconv:1")
"""Features that are known by their name alone."""


def against_statistics(
    statistics: Statistics, fake: Samples, map: FeatureMap, seed: int
) -> Estimate:
    """FD between stored moments and those of `fake` as `map` sees it.

    Raises `InputError` where the map is not the one that saw the reference, or the samples have
    another shape.
    """
    _check(statistics, fake, map)
    with torch.no_grad():
        features = torch.cat([map(part).double().cpu() for part in fake.x.split(CHUNK)])
    real, rows = statistics.moments, Stream(seed, "metrics/stored").permutation(len(fake))
    features = features[rows]  # equal samples are neighbours until they are shuffled
    value = frechet_of_moments(real=real, fake=SampleMoments.of(features))
    floor = frechet_floor(real.covariance, n_real=real.n, n_fake=len(fake))
    interval, blocks = _interval(value, real, features)
    few = min(real.n, len(fake)) < 2 * features.shape[1]
    nothing = "Nothing is seen for certain by which p_g differs from p_data, at this n."
    label = map.titles.get("FD") or f"FD[{map.id}]"
    return Estimate(
        key="fd",
        name=label,
        value=value,
        interval=interval,
        floor=floor,
        meaning="Too few samples for so many features: neither floor nor interval can be relied on."
        if few
        else meaning(
            value,
            floor=floor,
            interval=interval,
            level=nothing,
            worse=f"{value / (floor or 1.0):.3g} times what real samples get: p_g differs from "
            "p_data.",
            beyond=nothing,
        ),
        notes=_notes(statistics, len(fake), features.shape[1], blocks),
        n=(real.n, len(fake)),
        features=map.id,
        preprocessing=map.preprocessing,
        protocol=PROTOCOL,
        reference=statistics.origin.reference,
        seed=seed,
        details={"floor_closed": floor, "blocks": blocks, "split": statistics.origin.split},
    )


def extractor_of(statistics: Statistics) -> Extractor:
    """The extractor that a file names. Raises `InputError` where its name is not all of it."""
    name = statistics.origin.features
    if name in REBUILT:
        return extractor(name)
    if name.startswith(("pca:", "tabular:")):
        raise InputError(
            f"These statistics are of {name}, which was fitted to the reference and is not in the "
            "file: measure against the data themselves, or build statistics of "
            f"{', '.join(REBUILT)}."
        )
    raise InputError(
        f"These statistics are of {name}, whose weights are elsewhere: name the features, as "
        "in classifier:DIR or inception:FILE.pth."
    )


def _check(statistics: Statistics, fake: Samples, map: FeatureMap) -> None:
    origin = statistics.origin
    for what, mine, theirs in (
        ("features", map.id, origin.features),
        ("preprocessing", map.preprocessing, origin.preprocessing),
    ):
        if mine != theirs:
            raise InputError(
                f"The statistics have the {what} {theirs!r:.80}, not {mine!r:.80}: see both sides "
                "alike, or build the statistics again."
            )
    if statistics.event and fake.event != statistics.event:
        raise InputError(
            f"{fake.name} have shape {fake.event}, and the statistics are of samples of shape "
            f"{statistics.event}: both sides must be of one shape."
        )


def _interval(
    value: float, real: SampleMoments, features: Tensor
) -> tuple[tuple[float, float] | None, int]:
    """95 % interval by leaving out a block of fakes at a time, and the number of blocks."""
    n, d = features.shape
    blocks = next((number for width, number in BLOCKS if d <= width), FEWEST_BLOCKS)
    blocks = min(blocks, n // 2)
    if blocks < FEWEST_BLOCKS:
        return None, 0

    def left(rows: Tensor) -> float:
        return frechet_of_moments(real=real, fake=SampleMoments.of(features[rows]))

    half = _student(blocks - 1) * jackknife(left, n, blocks=blocks)
    return (max(0.0, value - half), value + half), blocks


def _student(degrees: int) -> float:
    """The 97.5 % quantile of Student's t (Fisher and Cornish 1960): to 0.5 % from 4 degrees on."""
    return (
        Z
        + (Z**3 + Z) / (4 * degrees)
        + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * degrees**2)
        + (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / (384 * degrees**3)
    )


def _notes(statistics: Statistics, n: int, d: int, blocks: int) -> tuple[str, ...]:
    notes = ["Against statistics in a file: the floor is that of Gaussian features, there is no p."]
    if blocks:
        notes.append(f"The interval is over the fake samples alone, from {blocks} blocks of them.")
    else:
        notes.append(f"{n} samples are too few for an interval: give at least {2 * FEWEST_BLOCKS}.")
    least = min(n, statistics.moments.n)
    if least < 2 * d:
        notes.append(
            f"{least:,} samples are few for {d} features (fewer than {2 * d:,}): most of FD is the "
            "error of estimating covariances, and the floor is too high."
        )
    return tuple(notes)
