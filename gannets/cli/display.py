"""A run as it is played: redrawn in place in a terminal, plain lines everywhere else.

Drawing is given a share of the time, not a rate: what takes long is drawn less often, so that no
terminal, however slow, slows the training by more than `Pace` allows a view.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from gannets.cli.halfblocks import beside, can_show, half_blocks
from gannets.cli.sparkline import sparkline
from gannets.cli.thumbnails import thumbnails
from gannets.cli.timing import Clock, Pace
from gannets.cli.words import itemised, number, speed
from gannets.game import PLAYERS
from gannets.metrics import Estimate
from gannets.metrics.report import figure
from gannets.training import Training
from gannets.training.watch import verdict

__all__ = ["Lines", "Pace", "Quiet", "Terminal", "View"]

WIDEST = 120
NARROWEST_PICTURE = 40
LEAST_ROWS = 4


@runtime_checkable
class View(Protocol):
    """Shows a training: entered before its first step, called after every step, left at the end."""

    def __enter__(self) -> View: ...

    def __call__(self) -> None:
        """A step was made. Must cost next to nothing when there is nothing new to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Quiet:
        return self

    def __call__(self) -> None:
        """Show nothing."""

    def __exit__(self, *_: object) -> None:
        pass


class Lines:
    """Plain lines, one every few seconds, without control characters."""

    def __init__(self, console: Console, training: Training, *, interval: float = 5.0) -> None:
        self._console = console
        self._training = training
        self._clock = Clock(training)
        self._interval = interval
        self._next = 0.0
        self._seen: Any = training.line
        self._measured = len(training.watch.evaluated)
        self._verdict = verdict(training.finding)

    def __enter__(self) -> Lines:
        return self

    def __call__(self) -> None:
        """Print a line where there are new numbers and the last line is a while ago."""
        if len(self._training.watch.evaluated) > self._measured:
            self._measured = len(self._training.watch.evaluated)
            self._print_measured()
        if verdict(self._training.finding) != self._verdict:
            self._verdict = verdict(self._training.finding)
            self._print_found()
        if self._training.line is self._seen:
            return
        self._seen = self._training.line
        now = time.perf_counter()
        if now >= self._next:
            self._print(now)
            self._next = now + self._interval

    def __exit__(self, *_: object) -> None:
        pass

    def _print(self, now: float) -> None:
        self._clock.mark(now)
        line, steps = self._training.line, self._training.recipe.steps
        assert line is not None
        done = f"{line['step']:>{len(f'{steps:,}')},}/{steps:,}"
        losses = "   ".join(f"{player} {itemised(line[player])}" for player in PLAYERS)
        self._console.print(
            f"{done}   {speed(self._clock.rate)}   {self._clock.left}   {losses}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )

    def _print_found(self) -> None:
        """What the probes say now that they did not say before."""
        found = self._training.finding
        assert found is not None
        done = f"{found.step:>{len(f'{self._training.recipe.steps:,}')},}   found      "
        said = f"{found.symptom}: {found.sentence}"
        self._console.print(done + said, soft_wrap=True, highlight=False, markup=False)

    def _print_measured(self) -> None:
        """What was measured last: values, and what a perfect generator would get."""
        step, report = self._training.watch.evaluated[-1]
        done = f"{step:>{len(f'{self._training.recipe.steps:,}')},}   measured   "
        values = ", ".join(
            f"{e.key if i else e.name} {figure(e.value)}"
            + ("" if e.floor is None else f" (perfect: {figure(e.floor)})")
            for i, e in enumerate(report)
        )
        self._console.print(done + values, soft_wrap=True, highlight=False, markup=False)


class Terminal:
    """Progress, losses and pictures, redrawn in place."""

    def __init__(self, console: Console, training: Training) -> None:
        self._console = console
        self._training = training
        self._clock = Clock(training)
        self._numbers, self._pictures = Pace(0.25), Pace(1.0)
        self._picture: RenderableType = ""
        self._seen: Any = None
        self._history: dict[str, deque[float]] = {p: deque(maxlen=1000) for p in PLAYERS}
        for line in training.run.metrics():
            self._remember(line)
        self._live = Live(
            console=console, auto_refresh=False, vertical_overflow="crop", transient=False
        )

    def __enter__(self) -> Terminal:
        # What is drawn makes the collector run, and it would go through all of torch: 0.2 s.
        gc.freeze()
        self._live.start()
        self._draw(time.perf_counter())
        return self

    def __call__(self) -> None:
        """Redraw what is due."""
        now = time.perf_counter()
        if self._numbers.due(now):
            self._draw(now)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._pictures = Pace(0.0)
            self._draw(time.perf_counter())
        self._live.stop()
        gc.unfreeze()

    def _draw(self, start: float) -> None:
        self._clock.mark(start)
        line = self._training.line
        if line is not None and line is not self._seen:
            self._seen = line
            self._remember(line)
        if self._pictures.due(start):
            self._picture = self._paint()
            self._pictures.done(start, time.perf_counter())
        before = time.perf_counter()
        parts = [self._progress(), "", self._losses(), *self._verdict()]
        parts += [*self._estimates(), "", self._picture]
        self._live.update(Group(*parts), refresh=True)
        self._numbers.done(before, time.perf_counter())

    def _remember(self, line: dict[str, Any]) -> None:
        for player in PLAYERS:
            self._history[player].append(sum(line[player].values()))

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDEST)

    def _progress(self) -> RenderableType:
        step, steps = self._training.state.step, self._training.recipe.steps
        row = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(steps, 1), completed=step, width=max(8, self._width - 52))
        cells: list[RenderableType] = [
            bar,
            Text(f"{step:,}/{steps:,}"),
            Text(speed(self._clock.rate), style="dim"),
            Text(self._clock.left if step < steps else "done", style="dim"),
        ]
        row.add_row(*cells[0 if self._width >= 64 else 1 :])
        return row

    def _losses(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        for player in PLAYERS:
            curve = Text(sparkline(self._history[player], 24), style="cyan")
            if self._seen is None:
                table.add_row(Text(player), Text("..."))
                continue
            losses: dict[str, float] = self._seen[player]
            items = Text("  ".join(f"{name} {number(value)}" for name, value in losses.items()))
            total = Text(number(sum(losses.values())), style="bold", justify="right")
            items.stylize("dim")
            cells = [Text(player), total, curve, items]
            table.add_row(*(cells if self._width >= 64 else cells[:2]))
        return table

    def _verdict(self) -> list[RenderableType]:
        """What the probes say, in a line."""
        found = self._training.finding
        if found is None or found.state == "unknown":
            return []
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(found.symptom, style="bold red" if found.serious else "bold")
        line.append(f" at step {found.step:,}: {found.sentence}", style="dim")
        return [line]

    def _estimates(self) -> list[RenderableType]:
        """The estimate that decides, how it came there and what is perfect; the others in a line.

        Two lines: what is left of the screen is for the picture.
        """
        evaluated = [
            (step, report) for step, report in self._training.watch.evaluated if len(report)
        ]
        if not evaluated:
            return []
        step, report = evaluated[-1]
        first = report.get(self._training.watch.decisive) or next(iter(report))
        curve = [e.value for _, each in evaluated if (e := each.get(first.key)) is not None]
        row = Table.grid(padding=(0, 2, 0, 0))
        cells = [
            Text(first.name),
            Text(figure(first.value), style="bold"),
            Text(sparkline(curve, 24), style="green"),
            Text(self._aside(first, step), style="dim"),
        ]
        row.add_row(*(cells if self._width >= 64 else cells[:2]))
        others = "  ".join(f"{e.key} {figure(e.value)}" for e in report if e is not first)
        line = Text(others, style="dim", no_wrap=True, overflow="ellipsis")
        return ["", row, *([line] if others and self._width >= 64 else [])]

    def _aside(self, estimate: Estimate, step: int) -> str:
        perfect = "" if estimate.floor is None else f"perfect {figure(estimate.floor)}, "
        return f"{perfect}at step {step:,}"

    def _paint(self) -> RenderableType:
        """Samples beside data, as large as the terminal has room for."""
        rows = (
            self._console.height
            - 8
            - 3 * bool(self._training.watch.evaluated)
            - len(self._verdict())
        )
        side = (self._width - 2) // 2
        if not can_show(self._console) or self._width < NARROWEST_PICTURE or rows < LEAST_ROWS:
            return ""
        pictures = self._training.pictures
        bounds = self._training.state.space.bounds
        fakes, reals = thumbnails(
            pictures.fakes(), pictures.reals, width=side, height=2 * rows, bounds=bounds
        )
        caption = [Segment("samples".ljust(fakes.shape[1])[: fakes.shape[1]] + "  data")]
        lines = beside(half_blocks(fakes), half_blocks(reals), width=fakes.shape[1])
        return Segments([part for line in (caption, *lines) for part in (*line, Segment.line())])
