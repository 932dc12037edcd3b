"""Table 1, faces: the Parzen log-likelihood of the authors' nets on faces of 48 x 48.

Goodfellow et al. 2014, table 1: 2057 ± 26 on the Toronto Face Database, which is not public. Here
the nets, the settings and the protocol are the authors' and the faces are not: 5,000 grey faces of
FER-2013's size and kind in `faces48.zip`, so that the paper's figure is shown and not judged. G is
trained in two stages, see `recipes/goodfellow2014_faces.py`; all that is left of the training part
chooses the width of the window, as the authors' script has it for these data.

Judged is what a G that has learnt something must be better than: a normal of each pixel's mean and
variance, which knows of no two pixels, and which G is about as good as before training; and the
mean face, which no constant output can beat, see `ParzenTable.mean_sample`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gannets.data import Folder
from gannets.nets import Stacked
from gannets.recipes.goodfellow2014_faces import goodfellow2014_faces
from gannets.recipes.goodfellow2014_faces_deep import goodfellow2014_faces_deep
from gannets.reproduce.common import Bench, Claim, Figure, at_least, shown
from gannets.reproduce.common.located import located
from gannets.reproduce.common.parzen_table import (
    ParzenTable,
    Row,
    draw_curves,
    measured_by_parzen,
)
from gannets.reproduce.common.sittings import hours
from gannets.training import Recipe, Run, WarmStart

SECTION = "5"
TAKES = ("2 h", "1 min")
FILE = "faces48.zip"
ABOUT = "grey faces of 48 x 48 in folders train/ and test/ (the Toronto faces are not public)"
FIRST, DEEP = "goodfellow2014_faces", "goodfellow2014_faces_deep"
PAPER = "Goodfellow et al. 2014, table 1, on the Toronto Face Database"
RIVALS = (
    ("DBN", "1909 ± 66"),
    ("stacked contractive autoencoder", "2110 ± 50"),
    ("deep GSN", "1890 ± 29"),
    ("adversarial nets", "2057 ± 26"),
)


@dataclass(frozen=True)
class Faces:
    """The two stages of training on faces."""

    steps: tuple[int, int] = (2_500, 1_100)
    """Of 100 faces: the authors' 50 and 22 epochs, of 5,000 faces."""
    width: int = 8_000
    """Units of G's hidden layers."""
    units: int = 1_200
    """Maxout units of D's."""
    train: str = "train[:5000]"
    every: int = 250
    """Updates between two measurements."""

    def first(self) -> Recipe:
        """The first stage."""
        recipe = goodfellow2014_faces
        nets: Any = recipe.nets
        path = located(FILE, about=ABOUT)
        data = Folder(path, size=48, channels=1, split=self.train, bounds=(0.0, 1.0))
        nets = replace(
            nets,
            generator=replace(nets.generator, hidden=(self.width,) * 2),
            discriminator=replace(nets.discriminator, units=(self.units,) * 2),
        )
        recipe = replace(recipe, data=data, nets=nets, steps=self.steps[0])
        return measured_by_parzen(recipe, every=self.every)

    def deep(self, before: Run) -> Recipe:
        """The second stage, on the generator of the run `before`."""
        first: Any = self.first()
        nets: Any = goodfellow2014_faces_deep.nets
        stacked = nets.generator
        assert isinstance(stacked, Stacked)
        bottom: Any = stacked.bottom
        generator = replace(
            stacked, bottom=replace(bottom, hidden=(self.width,)), top=first.nets.generator
        )
        return replace(
            first,
            name=DEEP,
            nets=replace(first.nets, generator=generator),
            warm_start=WarmStart(str(before.path), generator="top"),
            steps=self.steps[1],
        )


@dataclass(frozen=True)
class Table1Faces:
    """The table's column of faces."""

    faces: Faces = Faces()
    samples: int = 10_000
    learns: bool = True
    """Whether so many updates should bring G beyond the best of all constant outputs."""

    def quick(self) -> Table1Faces:
        """Narrow nets, a few hundred updates, fewer faces: G hardly leaves a constant output."""
        few = Faces(steps=(400, 200), width=300, units=60, train="train[:2000]", every=100)
        return replace(self, faces=few, samples=1_000, learns=False)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train both stages, score both, and what stands beside them."""
        first = bench.train(FIRST, self.faces.first())
        table = ParzenTable.of(first.recipe.data, validation=None)
        yield shown(
            "updates of the first stage",
            f"{first.recipe.steps:,} of {first.recipe.batch} faces, in {hours(first):.2g} hours",
        )
        stage = table.row(first.best_model.sample(self.samples))
        yield shown("Parzen LL of the first stage, nats", f"{stage.mean:.5g} {stage.words}")
        constant = table.row(table.mean_sample())
        yield from self._simple(bench, table, stage, constant)
        deep = bench.train(DEEP, self.faces.deep(first))
        yield shown(
            "updates of the second stage",
            f"{deep.recipe.steps:,} of {deep.recipe.batch} faces, in {hours(deep):.2g} hours",
        )
        both = table.row(deep.best_model.sample(self.samples))
        yield shown("Parzen LL after both stages, nats", f"{both.mean:.5g} {both.words}")
        true = table.row(table.true_samples(self.samples, bench.stream("true").generator))
        yield shown("as many true samples, or all there are", f"{true.mean:.5g} {true.words}")
        over, error = true.more_than(both)
        yield at_least("true samples: nats more than both stages", over, 2 * error)
        blurred = table.row(table.kmeans(self.samples, bench.seed))
        yield shown("k-means centroids, half as many", f"{blurred.mean:.5g} {blurred.words}")
        for name, value in RIVALS:
            yield shown(f"{name}, as published, of other faces", value, source=PAPER)
        path = draw_curves(
            bench.figure("table1_faces.png"),
            [("first stage", first), ("second stage", deep)],
            [("true samples", true.mean), ("k-means", blurred.mean), ("mean face", constant.mean)],
            end_to_end=True,
        )
        yield Figure(path, "Parzen log-likelihood of held-out faces over the updates.")

    def _simple(
        self, bench: Bench, table: ParzenTable, stage: Row, constant: Row
    ) -> Iterator[Claim]:
        """The first stage beside what knows no face: every pixel by itself, and one picture.

        Two standard errors of the mean difference over the test faces, which both rows score.
        """
        pixels = table.row(table.normal(self.samples, bench.stream("normal").generator))
        over, error = stage.more_than(pixels)
        what = "the first stage: nats more than a normal of each pixel's mean and variance"
        yield at_least(what, over, 2 * error, note=f"({pixels.mean:.5g} {pixels.words})")
        over, error = stage.more_than(constant)
        what = "the first stage: nats more than the mean face, the best constant output"
        note = f"({constant.mean:.5g} {constant.words})"
        if self.learns:
            yield at_least(what, over, 2 * error, note=note)
        else:
            yield shown(what, f"{over:.4g} ± {error:.2g} {note}")


table1_faces = Table1Faces()
