"""Probes made of numbers, for tests of the rules alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.diagnosis.bases import base
from gannets import change
from gannets.diagnosis import (
    Case,
    Clones,
    Finding,
    Learned,
    Outputs,
    Probe,
    Referee,
    Remedy,
    Verdicts,
)
from gannets.training import Recipe, Training
from gannets.training.probing import Probing

__all__ = ["applied", "case", "healthy", "probe", "symptom_of"]

EVEN = Referee(
    distance=0.0,
    distance_p=0.5,
    c2st=0.5,
    coverage=0.97,
    coverage_floor=0.97,
    precision=0.95,
    nearest_real=0.5,
    nearest_fake=0.5,
    spread=1.0,
)
UNDECIDED = Verdicts(
    accuracy=0.5,
    auc=0.5,
    auc_train=0.5,
    auc_train_p=0.5,
    train=0.0,
    held=0.0,
    fake=0.0,
    factor=0.5,
    loss=1.386,
    loss_undecided=1.386,
)
MOVING = Outputs(move=0.1, moved={"generator": 0.02, "discriminator": 0.02})
NEW = Learned(share=0.5, share_p=0.5, duplicates=0.02, duplicates_p=0.5, copying=0.0)
EQUAL = Clones(steps=100, reference=0.0, own=0.0, accuracy=0.5)


def probe(step: int, **parts: Mapping[str, Any] | None) -> Probe:
    """A probe of a game in balance, but for the fields given of its parts; None: no such part."""
    whole = {
        "referee": EVEN,
        "verdicts": UNDECIDED,
        "outputs": MOVING,
        "learned": NEW,
        "clones": EQUAL,
    }
    made = {
        name: replace(whole[name], **fields)  # type: ignore[type-var]
        for name, fields in parts.items()
        if fields is not None
    }
    for name in ("referee", "verdicts", "outputs"):
        if name not in parts:
            made[name] = whole[name]
    return Probe(step=step, n=256, **made)  # type: ignore[arg-type]


def case(recipe: Recipe, parts: Sequence[Mapping[str, Any]], *, endless: bool = False) -> Case:
    """A run whose probes, 250 updates apart, have these parts."""
    probes = tuple(probe(250 * (i + 1), **each) for i, each in enumerate(parts))
    return Case(probes=probes, recipe=recipe, endless=endless)


def applied(recipe: Recipe, remedies: Sequence[Remedy]) -> list[Recipe]:
    """The recipe under each remedy; each has to parse and to change something."""
    found = []
    for remedy in remedies:
        changed = recipe
        for text in remedy.changes:
            changed = change(changed, text)
        assert changed != recipe, remedy
        assert remedy.why.endswith(".")
        assert remedy.source
        found.append(changed)
    return found


def symptom_of(recipe: Recipe, out: Path, **more: Any) -> Finding:
    """What the probes of a run say, as it is played, of its first failure; else at its end."""
    training = Training.start(recipe, out=out, device="cpu", **more)
    for _ in training:
        if training.finding is not None and training.finding.serious:
            break
    training.close()
    assert training.finding is not None
    return training.finding


@cache
def healthy() -> tuple[Case, ...]:
    """A game of which nothing is the matter, after each of its probes. Played once a process."""
    recipe = base("digits", 52, steps=400, probing=Probing(every=100, n=128))
    with TemporaryDirectory() as folder:
        training = Training.start(recipe, out=Path(folder) / "run", device="cpu")
        for _ in training:
            pass
        probes = training.run.probes()
    return tuple(Case(probes=tuple(probes[:k]), recipe=recipe) for k in range(1, len(probes) + 1))
