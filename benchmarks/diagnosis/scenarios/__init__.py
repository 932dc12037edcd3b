"""Runs with a known fault, one failure a file; and healthy ones."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.diagnosis.bases import there
from benchmarks.diagnosis.scenario import Scenario

__all__ = ["everything"]


def everything() -> list[Scenario]:
    """All scenarios whose data are on this machine, the healthy ones first."""
    found: list[Scenario] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        found += importlib.import_module(f"{__name__}.{module}").scenarios()
    return sorted(
        (each for each in found if there(each.family)),
        key=lambda each: (bool(each.symptom), each.symptom, each.family),
    )
