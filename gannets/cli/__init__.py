"""The command line: one file per verb. Help and refusals never wait for torch."""

from gannets.cli.entry import main, run

__all__ = ["main", "run"]
