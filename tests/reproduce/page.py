"""The claims that `docs/paper.md` has in its table, beside those that a reproduction makes."""

from __future__ import annotations

import re
from pathlib import Path

from gannets.reproduce.common import Reproduced

__all__ = ["absent"]

PAGE = Path(__file__).parents[2] / "docs" / "paper.md"
NUMBER = re.compile(r"[-+]?\d+(,\d{3})*(\.\d+)?(e[-+]?\d+)?")


def absent(report: Reproduced, *, page: str | None = None) -> list[str]:
    """Names of the report's claims that the page does not have under its command.

    Numbers count for nothing, for those of `--quick` are others: "G of 20 updates" is on the page
    that has "G of 938 updates".
    """
    text = PAGE.read_text(encoding="utf-8") if page is None else page
    there: set[str] = set()
    reproduction = ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) != 7:  # five, and what is left and right of the row
            reproduction = ""
            continue
        if command := re.match(r"`gannets reproduce ([a-z0-9-]+)", cells[1]):
            reproduction = command[1].replace("-", "_")
        if reproduction == report.name:
            there.add(_masked(cells[2].replace("\\|", "|")))
    return [claim.what for claim in report.claims if _masked(claim.what) not in there]


def _masked(words: str) -> str:
    """Each number as #, and as many in a row as one."""
    return re.sub(r"#(, #)+", "#", NUMBER.sub("#", words))
