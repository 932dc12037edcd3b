"""`gannets show`: a recipe with all its settings, or how a run has gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from tyro.conf import Positional

from gannets.cli.arguments import option

if TYPE_CHECKING:
    from rich.console import Console

    from gannets.training import Run
    from gannets.training.evaluation import Evaluated

__all__ = ["show"]


def show(
    what: Annotated[
        str, Positional, option("WHAT", "a recipe's name, a run's directory, or a .py or .txt file")
    ],
    /,
    *,
    recipe: Annotated[str | None, option("FILE.py", "where a run's own classes are")] = None,
) -> int:
    """Show a recipe, a run or a file."""
    from rich.console import Console

    from gannets import recipes
    from gannets.cli.choice import is_file, names_of, open_run
    from gannets.cli.source_text import docstring

    console = Console(highlight=False)
    if Path(what).is_dir():
        _show_run(console, open_run(what, names_of(recipe)))
    elif is_file(what):
        value, _ = recipes.from_file(what)
        _show_recipe(console, docstring(Path(what)) if what.endswith(".py") else "", str(value))
    else:
        value = recipes.get(what)
        _show_recipe(console, recipes.docstring(what), str(value))
    return 0


def _show_recipe(console: Console, about: str, text: str) -> None:
    if about:
        print(f"{about}\n")
    if not console.is_terminal or console.no_color:
        print(text)
        return
    from rich.syntax import Syntax

    console.print(Syntax(text, "python", theme="ansi_dark", background_color="default"))


def _show_run(console: Console, run: Run) -> None:
    recipe, metrics = run.recipe, run.metrics()
    saved = [int(path.name) for path in run.checkpoints()]
    step = max([line["step"] for line in metrics] + saved, default=0)
    share = f" ({step / recipe.steps:.0%})" if recipe.steps else ""
    print(f"{run.path}: {recipe.name}, step {step:,} of {recipe.steps:,}{share}\n")
    if metrics:
        _show_metrics(console, metrics)
        print()
    if evaluated := run.evaluations():
        _show_evaluations(console, evaluated)
        print()
    pictures = sorted(p for p in (run.path / "samples").glob("*.png") if p.stem.isdigit())
    if pictures:
        _show_picture(console, pictures[-1])
    rows = {
        "recipe": run.path / "recipe.txt",
        "metrics": run.path / "metrics.jsonl",
        "samples": pictures[-1] if pictures else None,
        "model": run.path / "model",
        "best model": run.path / "model-best",
        "last checkpoint": run.checkpoints()[-1] if saved else None,
    }
    for name, path in rows.items():
        if path is not None and path.exists():
            print(f"{name:<15}  {path}")


def _show_metrics(console: Console, metrics: list[dict[str, Any]]) -> None:
    """The last line of metrics as a table, and how each number came there."""
    from rich.table import Table

    from gannets.cli.sparkline import sparkline
    from gannets.cli.words import number
    from gannets.game import PLAYERS

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("player")
    table.add_column("loss")
    table.add_column(f"at {metrics[-1]['step']:,}", justify="right", style="bold")
    width = max(8, min(40, console.width - 40))
    table.add_column(f"since {metrics[0]['step']:,}", style="cyan", no_wrap=True)
    for player in PLAYERS:
        for name, value in metrics[-1][player].items():
            curve = [line[player][name] for line in metrics if name in line[player]]
            table.add_row(player, name, number(value), sparkline(curve, width))
    console.print(table)


def _show_evaluations(console: Console, evaluated: list[Evaluated]) -> None:
    """What was measured last, and how each number came there."""
    from rich.table import Table

    from gannets.cli.sparkline import sparkline
    from gannets.metrics.report import figure

    step, report = evaluated[-1]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("measured")
    table.add_column(f"at {step:,}", justify="right", style="bold")
    table.add_column("floor", justify="right")
    table.add_column(f"since {evaluated[0][0]:,}", style="cyan", no_wrap=True)
    for e in report:
        curve = [each.value for _, r in evaluated if (each := r.get(e.key)) is not None]
        floor = "" if e.floor is None else figure(e.floor)
        table.add_row(escape(e.name), figure(e.value), floor, sparkline(curve, 32))
    console.print(table)


def _show_picture(console: Console, path: Path) -> None:
    from gannets.cli.halfblocks import can_show, half_blocks

    if not can_show(console):
        return
    import numpy as np
    from PIL import Image
    from rich.segment import Segment, Segments

    picture = Image.open(path).convert("RGB")
    width = min(picture.width, console.width, 80)
    size = (width, max(1, picture.height * width // picture.width))
    lines = half_blocks(np.asarray(picture.resize(size, Image.Resampling.BOX)))
    console.print(Segments([part for line in lines for part in (*line, Segment.line())]))
    print()
