"""How G moves between probes: it drifts, it settles, or it swings as a whole.

Fixed latents' outputs are followed along fixed directions, in units in which data have rms 1 about
their mean. A healthy G goes on giving latents other places while p_g stays as it is, so that single
outputs move much; their mean is p_g's own place, and it stands still. A rotating game moves that.

    A = rms over time of the mean output about its own mean,
    net = |last - first| / mean |step|:  1 for a swing seen at times of its own, √m for a random
          walk of m steps, m for a drift.

Both are of the last half of the run, along all directions that are followed; the curve of A is what
it was after each probe, so that its last point is what a rule judges.

Probes are far apart beside a turn of the game: what they see of it is aliased. A and net do not
mind, and periods are not asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

import torch

from gannets.diagnosis.case import Case
from gannets.diagnosis.finding import Evidence
from gannets.diagnosis.probe import DIRECTIONS
from gannets.metrics.trajectory import path_efficiency, rotation

__all__ = [
    "FEWEST",
    "Motion",
    "amplitude_of",
    "course_of",
    "mean_over",
    "means",
    "motion_of",
    "over_half",
    "swinging",
]

FEWEST = 4
"""Probes of a half of a run."""
WARM = 250
"""Updates after which a game is looked at: before, G travels from where it was begun."""
AMPLITUDE = 0.3
"""Healthy games have 0.2 or less, but for augmented Fashion-MNIST (0.35), whose distance to
held-out data is a third of what a swing has to come with; an affine G in a game without a penalty
0.3 to 0.6."""
DIES = 0.6
"""A of the last half over that of the first: two halves of one stationary swing in the plane, nine
probes each, have less once in forty times (F with 16 and 16 degrees of freedom below .36)."""
Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Motion:
    """G's mean output over the last half of a run."""

    amplitude: float
    """A, in units of the data's spread."""
    net: float
    """Way from first to last over the mean step."""
    ratio: float
    """A of the last half over that of the first: below 1 for a swing that dies away."""
    probes: int
    window: tuple[int, int]
    """Steps of the first and the last probe of the half."""

    @property
    def settles(self) -> bool:
        """Whether it goes somewhere, or dies away."""
        return self.net > math.sqrt(self.probes - 1) + 1 or self.ratio < DIES


def motion_of(case: Case, *, raw: bool = False) -> Motion | None:
    """The motion of the generator that is sampled from, or of the last weights (`raw`); None for
    fewer than eight probes, or where these are not averaged.
    """
    steps, places = _places(case, raw=raw)
    return _motion(steps, places) if len(steps) >= 2 * FEWEST else None


def swinging(case: Case, *, by: float = AMPLITUDE, of_late: int | None = None) -> bool:
    """Whether the generator that is sampled from swings as a whole, and goes on to: by the last
    half of the run, or by so many probes `of_late`.
    """
    motion = motion_of(case)
    if motion is not None and motion.amplitude >= by and not motion.settles:
        return True
    _, places = _places(case, raw=False)
    return of_late is not None and len(places) >= of_late and _rms(places[-of_late:]) >= by


def amplitude_of(case: Case, motion: Motion, *, above: float, raw: bool = False) -> Evidence:
    """The amplitude as evidence; one number for half a run, which therefore has lasted."""
    name = "swing of G as a whole over the last half of the run, in the data's spread"
    path = "outputs.track_raw" if raw else "outputs.track"
    found = over_half(name, path, motion.amplitude, motion, above=above)
    if not found.holds:
        return found
    steps, places = _places(case, raw=raw)
    curve = tuple(
        (steps[k - 1], _motion(steps[:k], places[:k]).amplitude)
        for k in range(2 * FEWEST, len(steps) + 1)
    )
    return replace(found, curve=curve)


def mean_over(case: Case, path: str, motion: Motion) -> float | None:
    """The mean of a statistic over that half: something that swings is near at times."""
    values = [v for step, v in case.values(path) if step >= motion.window[0]]
    return mean(values) if len(values) >= FEWEST else None


def means(case: Case, path: str) -> Curve:
    """That mean as it was after each probe."""
    values = [(step, v) for step, v in case.values(path) if step >= WARM]
    return tuple(
        (values[k - 1][0], mean(v for _, v in values[k // 2 : k]))
        for k in range(2 * FEWEST, len(values) + 1)
    )


def over_half(
    name: str,
    path: str,
    value: float,
    motion: Motion,
    *,
    above: float | None = None,
    below: float | None = None,
    curve: Curve = (),
) -> Evidence:
    """A number that was seen over half of a run, against its threshold."""
    threshold = above if above is not None else below
    assert threshold is not None
    holds = value >= threshold if above is not None else value <= threshold
    return Evidence(
        statistic=name,
        path=path,
        value=value,
        threshold=threshold,
        side="above" if above is not None else "below",
        window=motion.window,
        interval=(value, value),
        held=motion.probes if holds else 0,
        needs=FEWEST,
        curve=curve,
    )


def course_of(case: Case, motion: Motion, *, raw: bool = False) -> str:
    """How the latents that are followed have gone over that half: their path efficiency, and by how
    much they turn from probe to probe. Shown, not judged: in a healthy game they wander as well.
    """
    steps, tracks = _tracks(case, raw=raw)
    late = tracks[steps.index(motion.window[0]) :]
    turn, efficiency = math.degrees(rotation(late)), path_efficiency(late)
    return f"Fixed latents turn by {turn:.0f}° a probe, with a path efficiency of {efficiency:.0%}."


def _places(case: Case, *, raw: bool) -> tuple[list[int], torch.Tensor]:
    """Steps, and (probes, directions): the mean over latents of what was followed."""
    steps, tracks = _tracks(case, raw=raw)
    return steps, tracks.mean(1) if steps else tracks


def _tracks(case: Case, *, raw: bool) -> tuple[list[int], torch.Tensor]:
    """Steps, and (probes, latents, directions) of what was followed."""
    seen = [
        (probe.step, probe.outputs.track_raw if raw else probe.outputs.track)
        for probe in case.probes
        if probe.outputs is not None and probe.step >= WARM
    ]
    seen = [(step, track) for step, track in seen if track and all(map(math.isfinite, track))]
    x = torch.tensor([track for _, track in seen], dtype=torch.float64)
    return [step for step, _ in seen], x.view(len(seen), -1, DIRECTIONS) if seen else x


def _motion(steps: Sequence[int], places: torch.Tensor) -> Motion:
    """Of the last half of these probes."""
    half = len(steps) // 2
    first, last = places[:half], places[half:]
    way = (last[1:] - last[:-1]).norm(dim=1).mean()
    net = (last[-1] - last[0]).norm()
    return Motion(
        amplitude=_rms(last),
        net=float(net / way) if way > 0 else 0.0,
        ratio=_rms(last) / max(_rms(first), 1e-12),
        probes=len(last),
        window=(steps[half], steps[-1]),
    )


def _rms(x: torch.Tensor) -> float:
    return float(x.var(0, unbiased=False).mean().sqrt())
