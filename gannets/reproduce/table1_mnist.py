"""Table 1, MNIST: the Parzen log-likelihood of the authors' nets and settings, 225 ± 2 nats.

Goodfellow et al. 2014, table 1. The game is the authors', see `recipes/goodfellow2014.py`; 50,000
digits are trained on, the width of the window is chosen on the first 1,000 of the other 10,000, and
the test set is scored under 10,000 samples of G. Beside it stand what puts the number in its place:
as many true samples, k-means centroids (Theis et al. 2016, table 1: they beat true samples), and
the same nets trained with what has been learnt since (`recipes/goodfellow2014_today.py`). Rows
are of the checkpoint that was best on validation samples.

The authors' script has no stopping rule, and its learning rate is still two thirds of what it was
when 250 epochs are over: the last weights swing about a point that is much better than they are.
So the row that is held against the paper's is that of the average of G's weights over 50 epochs
more. The game is not changed by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gannets.data import Digits
from gannets.recipes.goodfellow2014 import goodfellow2014
from gannets.recipes.goodfellow2014_today import goodfellow2014_today
from gannets.reproduce.common import Bench, Claim, Figure, at_least, near, shown
from gannets.reproduce.common.parzen_table import (
    ParzenTable,
    Row,
    draw_curves,
    measured_by_parzen,
)
from gannets.reproduce.common.sittings import hours
from gannets.training import Recipe, Run
from gannets.updates import Average

SECTION = "5"
TAKES = ("3 h", "20 s")
PAPER = "Goodfellow et al. 2014, table 1"
RIVALS = (("DBN", 138, 2), ("stacked contractive autoencoder", 121, 1.6), ("deep GSN", 214, 1.1))


@dataclass(frozen=True)
class Table1Mnist:
    """The table's column of MNIST."""

    authors: Recipe = measured_by_parzen(goodfellow2014, every=2_500)
    today: Recipe = measured_by_parzen(goodfellow2014_today, every=2_500)
    averaged: int = 25_000
    """Updates more in which the average of G's weights is taken, which changes nothing else."""
    average: Average = Average(half_life=500_000)
    samples: int = 10_000
    paper: tuple[float, float] | None = (225.0, 2.0)
    """The paper's value and its standard error; None where other data are trained on."""

    def quick(self) -> Table1Mnist:
        """The same games on the 8x8 digits, with narrow nets."""
        return replace(
            self,
            authors=_scaled(self.authors, steps=1_000),
            today=_scaled(self.today, steps=600),
            averaged=250,
            average=Average(half_life=5_000),
            samples=1_000,
            paper=None,
        )

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train all, score all, and what stands beside them."""
        table = ParzenTable.of(self.authors.data)
        authors = bench.train(self.authors.name, self.authors)
        ours = table.row(authors.best_model.sample(self.samples))
        yield _played(authors, "the authors' settings")
        yield shown("their Parzen LL, best by validation, nats", f"{ours.mean:.4g} {ours.words}")
        mean = bench.branch("goodfellow2014-averaged", self.with_average(), parent=authors)
        row = table.row(mean.best_model.sample(self.samples))
        yield self._as_published(row)
        what = "the average of G's weights: nats more than the last weights"
        if self.paper is None:  # so few updates have learnt nothing that could be averaged
            yield shown(what, f"{row.mean - ours.mean:.4g}")
        else:
            yield self._more(what, row, ours)
        today = bench.train(self.today.name, self.today)
        yield _played(today, "today's recipe, the same nets")
        found = table.row(today.best_model.sample(self.samples))
        what = "today's recipe: nats more than the authors'"
        if self.paper is None:  # narrow nets on small digits have hardly begun to learn either way
            yield shown(what, f"{found.mean - ours.mean:.4g}")
        else:
            yield self._more(what, found, ours)
        true = table.row(table.true_samples(self.samples, bench.stream("true").generator))
        yield shown("as many true samples", f"{true.mean:.4g} {true.words}")
        over, error = true.more_than(ours)
        yield at_least("true samples: nats more than the authors' G", over, 2 * error)
        blurred = table.row(table.kmeans(self.samples, bench.seed))
        more, error = blurred.more_than(true)
        what, note = "k-means centroids: nats more than true samples", f"({blurred.mean:.4g})"
        if self.paper is None:  # half as many as the few samples there are
            yield shown(what, f"{more:.3g} ± {error:.2g} {note}")
        else:
            theirs = "Theis et al. 2016, table 1"
            yield at_least(what, more, 2 * error, source=theirs, note=note)
        lines = [("true samples", true.mean), ("k-means", blurred.mean)]
        if self.paper is not None:
            lines.insert(0, ("paper", self.paper[0]))
            for name, value, error in RIVALS:
                yield shown(f"{name}, as published", f"{value} ± {error}", source=PAPER)
        runs = [("authors' settings", authors), ("the average of its weights", mean)]
        runs.append(("today's recipe, the same nets", today))
        path = draw_curves(bench.figure("table1_mnist.png"), runs, lines)
        yield Figure(path, "Parzen log-likelihood of held-out digits over the updates.")

    def with_average(self) -> Recipe:
        """The authors' game gone on with as it was, and the average of G's weights besides."""
        return replace(
            self.authors,
            name="goodfellow2014-averaged",
            averaging=self.average,
            steps=self.authors.steps + self.averaged,
        )

    def _more(self, what: str, row: Row, than: Row) -> Claim:
        """How much better a row is than that of the authors' settings."""
        more, error = row.more_than(than)
        note = f"± {error:.2g} ({row.mean:.4g} {row.words})"
        return at_least(what, more, 2 * error, note=note)

    def _as_published(self, row: Row) -> Claim:
        """The authors' game beside the authors' figure, two standard errors apart at most."""
        if self.paper is None:
            what = "the same gone on with, the average of G's weights, nats"
            return shown(what, f"{row.mean:.4g} {row.words}")
        mean, error = self.paper
        return near(
            "Parzen LL of the authors' nets and game, the average of G's weights, nats",
            row.mean,
            mean,
            within=2 * math.hypot(error, row.error),
            source=PAPER,
            note=row.words,
        )


def _played(run: Run, what: str) -> Claim:
    batch = run.recipe.batch
    return shown(
        f"updates of {what}",
        f"{run.recipe.steps:,} of {batch} samples, in {hours(run):.2g} hours",
    )


def _scaled(recipe: Recipe, *, steps: int) -> Recipe:
    """On 8x8 digits, with hidden layers a fifth as wide."""
    nets: Any = recipe.nets
    generator = replace(nets.generator, hidden=(240, 240))
    discriminator = replace(nets.discriminator, units=(48, 48))
    return measured_by_parzen(
        replace(
            recipe,
            data=Digits(split="train", bounds=(0.0, 1.0)),
            nets=replace(nets, generator=generator, discriminator=discriminator),
            steps=steps,
        ),
        every=steps // 6,
    )


table1_mnist = Table1Mnist()
