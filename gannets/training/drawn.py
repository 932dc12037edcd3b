"""The picture of a diagnosis: the curves that carry the evidence, and samples over time.

Each statistic is drawn over the whole run, with its threshold, the side on which the symptom lies,
and the window that the verdict was made from. Of a run that nothing is the matter with: how far it
is from the data, by the referee, and the losses.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gannets.diagnosis import Case, Evidence, Finding
from gannets.errors import InputError
from gannets.files import write_bytes
from gannets.game import PLAYERS
from gannets.training.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "figure_of"]

WIDTH, DPI = 6.0, 150
"""Inches and dots an inch: 900 pixels."""
TALL, OF_TITLE, LARGEST = 1.5, 0.13, 1.15
"""Inches of a row of panels, of a line of its title, and of a picture of samples."""
LETTERS = 17
"""Of a title, an inch."""
MOST = 6
"""Panels, and samples."""
WIDE = 100.0
"""From so many times the least to the greatest value, an axis is logarithmic."""
LINE, BOUND, FLOOR, SHADE = "#1f5fa8", "#c0392b", "#2e8b57", "#f2c94c"
Curve = Sequence[tuple[int, float]]
NARROW = 40
"""Letters of a title in a panel that has room for few numbers below it."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A statistic over the run."""

    title: str
    curves: dict[str, Curve]
    threshold: float | None = None
    above: bool = True
    """On which side of the threshold the symptom lies."""
    window: tuple[int, int] | None = None
    floor: float | None = None
    """What a perfect generator would get."""


def draw(path: Path, run: Run, case: Case, finding: Finding) -> None:
    """Draw a finding into the PNG at `path`. Raises `InputError` where there is nothing to draw."""
    blob = io.BytesIO()
    figure_of(run, case, finding).savefig(blob, format="png", metadata={"Software": None})
    write_bytes(path, blob.getvalue())


def figure_of(run: Run, case: Case, finding: Finding) -> Figure:
    """A finding as a figure of matplotlib, for a page of one's own; raises as `draw` does."""
    panels = [_of(each, case) for each in _apart(finding.evidence)] or _course(run, case)
    panels = [panel for panel in panels if any(map(len, panel.curves.values()))][:MOST]
    pictures = _chosen(run.pictures(), finding.step)
    if not panels and not pictures:
        raise InputError(
            f"{run.path} has neither probes that could be drawn nor pictures of samples: "
            f"leave out --picture."
        )
    return _drawn(_title(run, finding), panels, pictures, run)


def _apart(evidence: Sequence[Evidence]) -> list[Evidence]:
    """One piece of evidence of each curve."""
    return list({(e.path, e.curve): e for e in reversed(evidence)}.values())[::-1]


def _of(evidence: Evidence, case: Case) -> Panel:
    return Panel(
        title=str(evidence) if evidence.trend else evidence.statistic,
        curves={"": evidence.curve or case.values(evidence.path)},
        threshold=None if evidence.trend else evidence.threshold,
        above=evidence.side == "above",
        window=evidence.window,
    )


def _course(run: Run, case: Case) -> list[Panel]:
    """How far a run is whose finding names no statistic, and its losses."""

    def seen(title: str, path: str, floor: float | None) -> Panel:
        return Panel(title=title, curves={"": case.values(path)}, floor=floor)

    lines = run.metrics()
    losses: dict[str, Curve] = {
        p: [(line["step"], sum(line[p].values())) for line in lines] for p in PLAYERS
    }
    return [
        seen("distance to held-out data", "referee.distance", 0.0),
        seen("coverage", "referee.coverage", case.latest("referee.coverage_floor")),
        seen("reals and fakes told apart by neighbours", "referee.c2st", 0.5),
        Panel(title="losses", curves=losses),
    ]


def _title(run: Run, finding: Finding) -> tuple[str, str]:
    where = f"{run.recipe.name}, step {finding.step:,}"
    return f"{where}: {finding.symptom}", finding.sentence


def _chosen(pictures: Sequence[Path], step: int) -> list[Path]:
    """The first, the last, and some in between, evenly, of those up to `step`."""
    there = [path for path in pictures if int(path.stem) <= step] or list(pictures)
    most = MOST - 1  # the data are drawn, too
    if len(there) <= most:
        return there
    return [there[round(i * (len(there) - 1) / (most - 1))] for i in range(most)]


def _drawn(
    title: tuple[str, str], panels: Sequence[Panel], pictures: Sequence[Path], run: Run
) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    said = textwrap.wrap(title[1], 95)
    across = 3 if len(panels) in (3, 5, 6) else min(2, len(panels))
    rows = math.ceil(len(panels) / max(across, 1))
    tile = min(LARGEST, 0.96 * WIDTH / (len(pictures) + 1))
    letters = round(LETTERS * WIDTH * (0.26 if across == 3 else 0.42))
    lines = max([1, *(len(textwrap.wrap(panel.title, letters)) for panel in panels)])
    head, strip = 0.42 + 0.16 * len(said), (tile + 0.3) * bool(pictures)
    height = head + (TALL + OF_TITLE * lines) * rows + strip
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.text(0.02, 1 - 0.1 / height, title[0], size=10.5, weight="bold", va="top")
    figure.text(0.02, 1 - 0.34 / height, "\n".join(said), size=8, va="top", color="0.25")
    if panels:
        grid = figure.add_gridspec(
            rows,
            across,
            left=0.085,
            right=0.98,
            top=1 - (head + 0.06 + OF_TITLE * lines) / height,
            bottom=(strip + 0.36) / height,
            wspace=0.3 if across == 3 else 0.22,
            hspace=0.42 + 0.13 * lines,
        )
        for number, panel in enumerate(panels):
            last = number >= len(panels) - across
            axes = figure.add_subplot(grid[divmod(number, across)])
            _panel(axes, panel, last=last, letters=letters)
    if pictures:
        _samples(figure, pictures, run, tile=tile, height=height)
    return figure


def _panel(axes: Axes, panel: Panel, *, last: bool, letters: int) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    values = [v for curve in panel.curves.values() for _, v in curve]
    bounds = [v for v in (panel.threshold, panel.floor) if v is not None]
    if panel.window is not None:
        first, end = panel.window
        axes.axvspan(first, end, color=SHADE, alpha=0.35, linewidth=0, label="window")
    styles: list[dict[str, Any]] = [{"color": LINE}, {"color": "0.45", "linestyle": "--"}]
    for (name, curve), style in zip(panel.curves.items(), styles, strict=False):
        steps, numbers = [step for step, _ in curve], [v for _, v in curve]
        marker = "o" if len(curve) <= 40 else None
        axes.plot(steps, numbers, marker=marker, markersize=2.2, linewidth=1.1, label=name, **style)
    if _logarithmic([*values, *(b for b in bounds if b)]):
        axes.set_yscale("log")
        bounds = [b for b in bounds if b]  # a logarithm has no place for a floor of 0
    _limits(axes, values, bounds)
    if panel.floor in bounds:
        axes.axhline(panel.floor, color=FLOOR, linewidth=1.0, linestyle=":", label="perfect")
    if panel.threshold is not None:
        _threshold(axes, panel.threshold, above=panel.above)
    axes.set_title("\n".join(textwrap.wrap(panel.title, letters)), size=8, loc="left", pad=3)
    axes.xaxis.set_major_locator(MaxNLocator(5 if letters > NARROW else 3, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7, length=2.5, pad=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
    if last:
        axes.set_xlabel("updates", size=7, labelpad=1)
    if len(panel.curves) > 1 or panel.floor in bounds:
        axes.legend(fontsize=6.5, frameon=False, loc="best", handlelength=1.6)


def _threshold(axes: Axes, at: float, *, above: bool) -> None:
    """A line, and the side of it on which the symptom lies."""
    low, high = axes.get_ylim()
    axes.axhline(at, color=BOUND, linewidth=1.0)
    axes.axhspan(at, high if above else low, color=BOUND, alpha=0.07, linewidth=0)
    axes.annotate(
        f"{'≥' if above else '≤'} {at:.3g}",
        (1, at),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 2 if above else -2),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        size=7,
        color=BOUND,
    )


def _logarithmic(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > WIDE


def _limits(axes: Axes, values: Sequence[float], bounds: Sequence[float]) -> None:
    """Room for the curve and its threshold, and for what lies beyond the threshold."""
    low, high = float(min([*values, *bounds])), float(max([*values, *bounds]))
    if axes.get_yscale() == "log":
        room = (high / low) ** 0.12
        axes.set_ylim(low / room, high * room)
        return
    if high == low:  # a number is seen best from 0
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.12 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)


def _samples(
    figure: Figure, pictures: Sequence[Path], run: Run, *, tile: float, height: float
) -> None:
    """A strip of pictures as they were stored, the data at its end."""
    from PIL import Image, UnidentifiedImageError

    named = [(f"{int(path.stem):,}", path) for path in pictures]
    named.append(("data", run.path / "samples" / "reals.png"))
    for number, (name, path) in enumerate(named):
        try:
            with Image.open(path) as file:
                image = file.convert("RGB").resize((300, 300), Image.Resampling.LANCZOS)
        except (OSError, UnidentifiedImageError):  # a picture that is gone is no reason to stop
            continue
        left = 0.02 + number * tile / WIDTH
        axes = figure.add_axes((left, 0.06 / height, 0.95 * tile / WIDTH, 0.95 * tile / height))
        axes.imshow(image)
        axes.set_title(name, size=7, pad=2)
        axes.set_axis_off()
