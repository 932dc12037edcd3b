"""Figure 2b: faces that G has made, beside the training faces that are nearest to some of them.

Goodfellow et al. 2014, figure 2b, there on the Toronto Face Database; the runs are those of
`table1_faces.py`, both stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gannets.reproduce.common import Bench, Claim, Figure
from gannets.reproduce.common.nearest_sheet import Panel
from gannets.reproduce.table1_faces import DEEP, FIRST, Faces, table1_faces

SECTION = "5"
TAKES = ("2 h", "1 min")


@dataclass(frozen=True)
class Figure2Faces:
    """The panel of faces."""

    faces: Faces = table1_faces.faces
    panel: Panel = Panel("both stages of the authors' nets on faces of 48 x 48")

    def quick(self) -> Figure2Faces:
        """The scaled runs of table 1."""
        panel = replace(self.panel, title="both stages of narrow nets on faces of 48 x 48")
        return Figure2Faces(table1_faces.quick().faces, panel)

    def __call__(self, bench: Bench) -> Iterator[Claim | Figure]:
        """Train both stages, draw, compare."""
        first = bench.train(FIRST, self.faces.first())
        yield from self.panel.of(bench, bench.train(DEEP, self.faces.deep(first)))


figure2_faces = Figure2Faces()
