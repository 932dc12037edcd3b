"""What came of a reproduction: its claims and figures, kept beside them in `report.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gannets.errors import InputError
from gannets.files import read_json, write_json
from gannets.reproduce.common.claim import Claim, Figure

__all__ = ["Reproduced", "markdown"]

SCHEMA = 1
NAME = "report.json"


@dataclass(frozen=True)
class Reproduced:
    """A reproduction's claims and figures, and what they were made with."""

    name: str
    settings: str
    """The reproduction as text, with all its fields."""
    quick: bool
    seed: int
    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...]
    seconds: float
    """By the wall, of this time."""
    hours: float
    """Of what it has found trained, before this time."""
    version: str
    """Of gannets."""

    @property
    def command(self) -> str:
        """What gives it."""
        words = ["gannets reproduce", self.name.replace("_", "-")]
        words += ["--quick"] if self.quick else []
        words += [f"--seed {self.seed}"] if self.seed else []
        return " ".join(words)

    @property
    def took(self) -> str:
        """How long all of it was worked on: "40 s", "3 min" or "2 h"."""
        seconds = self.seconds + 3600 * self.hours
        if seconds < 90:
            return f"{max(1, round(seconds))} s"
        if seconds < 90 * 60:
            return f"{round(seconds / 60)} min"
        return f"{seconds / 3600:.2g} h"

    @property
    def holds(self) -> bool:
        """Whether no claim failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that do not hold."""
        return tuple(claim for claim in self.claims if claim.holds is False)

    def save(self, folder: Path) -> Path:
        """Keep it in `folder`, whole or not at all; figures by their names there."""
        figures = [{"path": f.path.name, "caption": f.caption} for f in self.figures]
        write_json(folder / NAME, {"schema": SCHEMA, **self.to_json(), "figures": figures})
        return folder / NAME

    @classmethod
    def read(cls, folder: Path) -> Reproduced:
        """What `save` has kept. Raises `InputError` where it is not there or not whole."""
        kept = read_json(folder / NAME, schema=SCHEMA)
        try:
            return cls(
                name=kept["name"],
                settings=kept["settings"],
                quick=kept["quick"],
                seed=kept["seed"],
                claims=tuple(Claim(**claim) for claim in kept["claims"]),
                figures=tuple(Figure(folder / f["path"], f["caption"]) for f in kept["figures"]),
                seconds=kept["seconds"],
                hours=kept["hours"],
                version=kept["gannets"],
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"{folder / NAME} is no report of a reproduction: {error}.") from None

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON object, with the paths of the figures."""
        return {
            "name": self.name,
            "settings": self.settings,
            "quick": self.quick,
            "seed": self.seed,
            "holds": self.holds,
            "claims": [claim.to_json() for claim in self.claims],
            "figures": [{"path": str(f.path), "caption": f.caption} for f in self.figures],
            "seconds": self.seconds,
            "hours": self.hours,
            "gannets": self.version,
        }


def markdown(reports: Sequence[Reproduced]) -> str:
    """The table of results as Markdown: a row a claim, the command that gives it and its time."""
    lines = ["| command, time | claim | expected | measured | holds |", "|---|---|---|---|---|"]
    for report in reports:
        for i, claim in enumerate(report.claims):
            holds = {None: "", True: "yes", False: "**no**"}[claim.holds]
            expected = claim.expected + (f" ({claim.source})" if claim.source else "")
            first = f"`{report.command}`, {report.took}" if i == 0 else ""
            cells = (first, claim.what, expected.strip(), claim.measured, holds)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
