"""Table 1: log-likelihood of test samples under a Parzen window of G's samples, by its protocol.

Goodfellow et al. 2014, section 5: a Gaussian window around each of 10,000 samples of G, its width
chosen on validation samples, the mean log-likelihood of the test set in nats with its standard
error. The settings are those of the authors' script: ten widths from .1 to 1, the first 1,000
validation samples, at most 10,000 test samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.data import Data
from gannets.metrics import Parzen
from gannets.metrics.parzen import (
    GRID,
    MOST,
    VALIDATION,
    centroids,
    choose_sigma,
    parzen_log_likelihood,
)
from gannets.reproduce.common.drawing import drawing, save_drawing
from gannets.training import Evaluation, Recipe, Run

__all__ = ["ParzenTable", "Row", "curve", "draw_curves", "measured_by_parzen", "part"]


LOWEST = -150.0
"""Nats at which the picture of learning curves ends: below lies G as it begins."""


@dataclass(frozen=True, eq=False)
class Row:
    """One row of the table."""

    mean: float
    """Nats."""
    error: float
    """Standard error over the test samples, as the paper gives it; G is the same for all."""
    sigma: float
    values: Float[Tensor, " m"] = field(repr=False)
    """Log-likelihood of each test sample."""

    def more_than(self, other: Row) -> tuple[float, float]:
        """By how much on average, and the standard error: both rows score the same samples."""
        difference = self.values - other.values
        return float(difference.mean()), float(difference.std()) / math.sqrt(len(difference))

    @property
    def words(self) -> str:
        """225 ± 2, sigma .17; and whether the width is at the edge of the grid."""
        edge = ", the edge of the grid" if self.sigma in (GRID[0], GRID[-1]) else ""
        return f"± {self.error:.2g} (sigma {self.sigma:.3g}{edge})"


@dataclass(frozen=True, eq=False)
class ParzenTable:
    """The sets that rows are scored on. They are disjoint: what is chosen is not tested on."""

    train: Float[Tensor, "n d"]
    validation: Float[Tensor, "v d"]
    test: Float[Tensor, "m d"]

    @classmethod
    def of(cls, data: Data, *, validation: int | None = VALIDATION) -> ParzenTable:
        """The parts of `data`: trained on, the first of what is left over, and the test part."""
        left, test = part(data.on("validation")), part(data.on("test"))
        return cls(part(data), left[:validation], test[:MOST])

    def row(self, samples: Float[Tensor, "n ..."]) -> Row:
        """The row of samples: sigma by validation, then the mean over the test samples."""
        samples = samples.flatten(1)
        sigma, _ = choose_sigma(samples=samples, points=self.validation, sigmas=GRID)
        values = parzen_log_likelihood(samples=samples, points=self.test, sigma=sigma)
        error = float(values.std()) / math.sqrt(len(values))
        return Row(float(values.mean()), error, sigma, values)

    def true_samples(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """`n` training samples at random: what a perfect generator would give."""
        order = torch.randperm(len(self.train), generator=generator)
        return self.train[order[:n]]

    def kmeans(self, n: int, seed: int) -> Float[Tensor, "k d"]:
        """k-means centroids of the training samples, n of them or half as many as there are."""
        return centroids(self.train, min(n, len(self.train) // 2), seed=seed)

    def normal(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """`n` samples of a normal with the mean and the variance of each pixel."""
        noise = torch.randn(n, self.train.shape[1], generator=generator)
        return self.train.mean(0) + self.train.std(0) * noise

    def mean_sample(self) -> Float[Tensor, "1 d"]:
        """The mean of the training samples: the best of all constant outputs.

        The window of one point c has log-likelihood -E||x - c||^2 / (2 sigma^2) and what is the
        same for all c; the mean has the least E||x - c||^2. So many copies of c make no difference.
        """
        return self.train.mean(0, keepdim=True)


def measured_by_parzen(recipe: Recipe, *, every: int) -> Recipe:
    """The recipe with the Parzen value of held-out samples as its measure, every so many updates.

    The best checkpoint is then the best by validation samples; the table scores test samples.
    """
    parzen = Evaluation(
        every=every, metrics=(Parzen(centroids=False),), features="pixels", n=10_000
    )
    return replace(
        recipe, evaluation=parzen, record_every=500, sample_every=every, checkpoint_every=every
    )


def part(data: Data) -> Float[Tensor, "n d"]:
    """All samples of data, in order, a row each."""
    source = data.load(seed=0, device=torch.device("cpu"))
    return source.first(len(source))[0].flatten(1)


def curve(run: Run) -> list[tuple[int, float]]:
    """Parzen log-likelihood of held-out samples over the updates of a run."""
    return [
        (step, estimate.value)
        for step, report in run.evaluations()
        if (estimate := report.get("parzen")) is not None
    ]


def draw_curves(
    path: Path,
    runs: Sequence[tuple[str, Run]],
    lines: Sequence[tuple[str, float]],
    *,
    end_to_end: bool = False,
) -> Path:
    """The Parzen value of validation samples over the updates, beside horizontal `lines`.

    Each run counts its updates from 0, or, `end_to_end`, from where the one before it has ended.
    """
    figure = drawing(7.0, 4.2)
    axes = figure.subplots()
    before = 0
    for name, run in runs:
        found = [(before + step, value) for step, value in curve(run) if step]
        axes.plot(*zip(*found, strict=True), marker=".", label=name)
        before += run.recipe.steps if end_to_end else 0
    for (name, value), style in zip(lines, ("--", "-.", ":", (0, (1, 4))), strict=False):
        axes.axhline(
            value, color="0.35", linestyle=style, linewidth=1, label=f"{name}: {value:.0f}"
        )
    low = min(value for _, run in runs for step, value in curve(run) if step)
    axes.set_ylim(bottom=max(low, LOWEST))
    axes.set_xlabel("updates of the game")
    axes.set_ylabel("Parzen log-likelihood, nats")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.25)
    return save_drawing(path, figure)
