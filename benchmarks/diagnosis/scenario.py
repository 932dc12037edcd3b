"""A run with a known fault, or with none: what a diagnosis is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gannets.training import Recipe

HEALTHY = ("healthy", "healthy, improving", "converged", "plateau", "watch")
"""What may be said of a run that nothing is the matter with, though not all of it at its end."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a failure is provoked on one kind of data."""

    symptom: str
    """What has to be found; "" for nothing."""
    family: str
    """ring, grid, digits, mnist, fashion, faces."""
    recipe: Callable[[int], Recipe]
    """The recipe that fails so, by seed."""
    title: str = ""
    """Which of several of one family."""
    also: tuple[str, ...] = ()
    """Other findings that are right too, and why is said beside the scenario."""
    long: int | None = None
    """Updates by which it is judged whether advice has helped, where the usual number will not
    do."""

    @property
    def name(self) -> str:
        """mnist/mode collapse."""
        title = f", {self.title}" if self.title else ""
        return f"{self.family}/{self.symptom or 'healthy'}{title}"

    def right(self, symptom: str) -> bool:
        """Whether a verdict is right."""
        if not self.symptom:
            return symptom in HEALTHY
        return symptom in (self.symptom, *self.also)
