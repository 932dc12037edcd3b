"""`gannets recipes`: what can be asked for by name. The files are read, not run."""

from __future__ import annotations

from pathlib import Path

__all__ = ["recipes"]


def recipes() -> int:
    """List the recipes.

    `gannets show NAME` prints one with all its settings.
    """
    from rich.console import Console
    from rich.table import Table

    from gannets import recipes as known
    from gannets.cli.source_text import data_of

    folder = Path(known.__path__[0])
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("data", style="cyan")
    table.add_column("what it is")
    for name in known.names():
        data = data_of(folder / f"{name}.py")
        table.add_row(name, data, known.summary(name))
    Console(highlight=False).print(table)
    return 0
