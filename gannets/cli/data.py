"""`gannets data`: the data sets that have a name."""

from __future__ import annotations

__all__ = ["data"]


def data() -> int:
    """List the data sets.

    Data of your own need no name: `gannets train` takes a .npy, a .npz or a folder of IDX files.
    """
    from rich.console import Console
    from rich.table import Table

    from gannets.data import NAMES

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, about in NAMES.items():
        table.add_row(name, about)
    Console(highlight=False).print(table)
    return 0
