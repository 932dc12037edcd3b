"""Figure 2: samples of G, and beside the last column the nearest training example of it.

Goodfellow et al. 2014, figure 2: "to demonstrate that the model has not memorized the training
set". An eye compares a handful; the statistics under it compare all: were G to know its training
samples by heart, its samples would be nearer to them than to samples it never saw (Meehan et al.
2020 and others), or repeat some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gannets.metrics import Estimate, Memorisation
from gannets.metrics.distances import nearest
from gannets.reproduce.common.bench import Bench
from gannets.reproduce.common.claim import Claim, Figure, at_least, at_most, shown
from gannets.reproduce.common.drawing import save_pixels
from gannets.reproduce.common.sittings import hours
from gannets.training import Run, evaluate
from gannets.training.pictures import sheet

__all__ = ["Panel", "nearest_sheet"]

FRAME = (255, 200, 0)
FEW = 400
"""Samples that are independent, as those with one nearest image are not. Of fewer the upper end of
the interval may lie above 0.6 where G repeats nothing: 2 x 1.96 standard errors of 0.5 / sqrt n."""


@dataclass(frozen=True)
class Panel:
    """What is drawn of a run and measured, and of what it is said to be."""

    title: str
    rows: int = 5
    columns: int = 6
    most: float = 0.6
    """What the share of samples that lie nearer to training than to held-out images may be at the
    upper end of its 95 % interval: it is so much where one sample in five repeats a training image
    and the rest know none. Set when the MNIST run of table 1 had been measured (0.538), so that
    there it is a bound on how much is repeated, and no test of whether anything is."""
    level: float = 1e-4
    """Of the test of near-duplicates: one in ten thousand panels fails by chance."""

    def of(self, bench: Bench, run: Run) -> Iterator[Claim | Figure]:
        """Draw the run's samples and compare all with what they were trained on."""
        recipe = run.recipe
        yield shown("updates", f"{recipe.steps:,} of {recipe.batch} samples, in {hours(run):.2g} h")
        data: Any = recipe.data
        train = data.load(seed=0, device=torch.device("cpu"))
        reals = train.first(len(train))[0]
        fakes = run.model.sample(self.rows * self.columns, seed=bench.seed)
        picture = nearest_sheet(fakes, reals, columns=self.columns, bounds=train.bounds)
        path = save_pixels(bench.figure("figure2.png"), picture)
        yield Figure(
            path, f"Samples of {self.title}; framed, the training example nearest to the last."
        )
        report = evaluate(fake=run, metrics=(Memorisation(),), features="pixels", seed=bench.seed)
        share, copies = report["closer_to_train"], report["near_duplicates"]
        yield from self.nearness(share)
        if copies.p is not None:
            what = "p, no more near-duplicates among samples than among held-out images"
            yield at_least(what, copies.p, self.level)

    def nearness(self, share: Estimate) -> Iterator[Claim]:
        """Whether samples are nearer to what G was trained on, and how much of it they may repeat.

        Of a G that collapsed neither can be told.
        """
        what = "share of samples nearer to training than to as many held-out images"
        half = "0.5 of a G that knows neither by heart"
        few = int(share.details["independent"])
        if share.interval is None or few < FEW:
            words = f"{share.value:.3f}, of {few} independent: too few to tell"
            yield shown(what, words, expected=half)
            return
        low, high = share.interval
        p = "" if share.p is None else f", p = {share.p:.2g} of 0.5 or less"
        if low > 0.5:
            verdict = "nearer to training"
        else:
            verdict = "farther from it" if high < 0.5 else "no difference that could be told"
        words = f"{share.value:.3f} ({low:.3f} to {high:.3f}{p}): {verdict}"
        yield shown(what, words, expected=half)
        what = "the same at most, the upper end of its 95 % interval"
        source = (
            f"{self.most:g} where one in {1 / (2 * self.most - 1):.3g} repeats a training image"
        )
        yield at_most(what, high, self.most, source=source)


def nearest_sheet(
    fakes: Float[Tensor, "n c h w"],
    reals: Float[Tensor, "m c h w"],
    *,
    columns: int,
    bounds: tuple[float, float] | None,
) -> UInt8[np.ndarray, "height width 3"]:
    """`columns` samples a row and, in a frame, the real one nearest (L2) to the last of the row."""
    rows = []
    for start in range(0, len(fakes) - columns + 1, columns):
        row = fakes[start : start + columns]
        _, index = nearest(row[-1:].flatten(1).double(), reals.flatten(1).double(), k=1)
        found = sheet(reals[index[0]], bounds=bounds, side=1)
        for edge in (found[:2], found[-2:], found[:, :2], found[:, -2:]):
            edge[...] = FRAME
        rows.append(np.concatenate([sheet(row, bounds=bounds, side=columns), found], axis=1))
    return np.concatenate(rows)
