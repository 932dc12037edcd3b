"""Both sides of a comparison, opened and drawn, and whatever more is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

import gannets
from gannets.data import Table, open_source
from gannets.errors import InputError
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.opened import Opened, draw, opened
from gannets.metrics.samples import Samples
from gannets.metrics.squared import squared
from gannets.theory.densities import Density
from gannets.training.run import Run
from gannets.training.standing import held_out
from gannets.training.subject import (
    LatentSpace,
    is_model,
    is_run,
    model_of,
    no_best,
    samples_of,
)

__all__ = ["Sides", "sides"]

HELD_OUT = ("test", "validation")
COPIES = {
    "real": "The fake samples are the real ones themselves",
    "train": "The fake samples are those that G was trained on",
    "holdout": "The fake samples are the held-out ones",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Sides:
    """What a comparison is of, and whatever more is known of it."""

    real: Samples
    fake: Samples
    train: Samples | None = None
    holdout: Samples | None = None
    density: Density | None = None
    generator: LatentSpace | None = None
    step: int | None = None
    """Of the run that the fake samples are of, where they are of one."""
    notes: tuple[str, ...] = ()

    def about(self, seen_through: FeatureMap) -> dict[str, Any]:
        """What a report says of them: in a line each, and as values."""
        given: dict[str, Any] = {"name": self.fake.name}
        values: dict[str, Any] = {}
        for role in ("fake", "real", "train", "holdout"):
            samples = getattr(self, role)
            if samples is None or (role not in ("fake", "real") and samples is self.real):
                continue
            step = self.step if role == "fake" else None
            after = "" if step is None else f", step {step:,}"
            content = samples.fingerprint
            given[role] = f"{samples.name} ({len(samples):,}){after}, {content[:8]}"
            values[role] = {"name": samples.name, "n": len(samples), "sha256": content}
            if step is not None:
                values[role]["step"] = step
        given |= {"features": seen_through.id, "preprocessing": seen_through.preprocessing}
        given |= {"gannets": gannets.__version__, "torch": torch.__version__, "sides": values}
        notes = [*self.notes, *getattr(seen_through, "notes", ())]
        if (copied := self.copied) is not None:
            given["copy_of"] = copied
            notes.append(f"{COPIES[copied]} (their contents are the same): no generator's samples.")
        return {**given, "notes": notes}

    @property
    def copied(self) -> str | None:
        """Of which of the others the fake samples are a copy, whatever the labels."""
        for role in COPIES:
            samples = getattr(self, role)
            if samples is not None and _same(self.fake, samples):
                return role
        return None


def sides(
    fake: Any,
    real: Any,
    holdout: Any,
    *,
    n: int | None,
    seed: int,
    best: bool,
    device: torch.device,
    split: str | None = None,
    size: int | None = None,
) -> Sides:
    """Open and draw from both sides.

    `split` is the part of the data that is real, `size` that of images, of both sides.
    """
    if seed < 0:
        raise InputError(f"The seed is {seed}: give a whole number from 0 on.")
    if size is not None and size < 1:
        raise InputError(f"The size is {size}: give the side of the images, 1 pixel or more.")
    asked = _Asked(n, seed, split, size)
    if is_run(fake) or is_model(fake):
        return _resized(_of_model(fake, real, holdout, asked, best=best, device=device), size)
    if best:
        raise no_best(fake)
    return _resized(_given(fake, real, holdout, asked), size)


@dataclass(frozen=True)
class _Asked:
    """Which samples: how many, by which seed, of which part, in which size."""

    n: int | None
    seed: int
    split: str | None
    size: int | None

    def of(self, thing: Any, name: str, *, split: str | None = None) -> Opened:
        """One side, opened."""
        return opened(thing, name, split=split, size=self.size)


def _of_model(
    fake: Any, real: Any, holdout: Any, asked: _Asked, *, best: bool, device: torch.device
) -> Sides:
    model, name, step = model_of(fake, best=best)
    run = (fake if isinstance(fake, Run) else Run(fake)) if is_run(fake) else None
    model.generator.to(device)
    if run is not None and real is None and holdout is None:
        found = _of_run(run, asked)
    elif real is None:
        raise InputError(
            f"{name} is a model, without data of its own: say what to measure it against."
        )
    else:
        found = _reals(real, holdout, asked)
    n, seed = asked.n or len(found.real), asked.seed
    fakes = samples_of(model, n, seed=seed, name=name, like=found.real)
    found = replace(found, fake=fakes, generator=LatentSpace(model), step=step)
    return found if run is None else _as_rows(found, run.recipe.data)


def _same(a: Samples, b: Samples) -> bool:
    """Whether two sets are of the same samples, with or without labels."""
    if len(a) != len(b) or a.event != b.event:
        return False
    if (a.y is None) == (b.y is None):
        return a.fingerprint == b.fingerprint
    return Samples(a.x).fingerprint == Samples(b.x).fingerprint


def _resized(sides: Sides, size: int | None) -> Sides:
    """All images as squares of `size` pixels: the middle of each, resampled."""
    if size is None:
        return sides
    done: dict[int, Samples] = {}  # real is one of the others, and has to stay it
    notes = []
    for role in ("real", "fake", "train", "holdout"):
        samples = getattr(sides, role)
        if samples is None or id(samples) in done:
            continue
        if not samples.are_images:
            raise InputError(
                f"{samples.name} are no images, which alone have a size: leave it out."
            )
        done[id(samples)] = squared(samples, size)
        if done[id(samples)] is not samples:
            _, height, width = samples.event
            notes.append(
                f"{samples.name}: {height}x{width} pixels resized to {size}x{size}, bicubic."
            )
    changed: dict[str, Any] = {
        role: done[id(samples)]
        for role in ("real", "fake", "train", "holdout")
        if (samples := getattr(sides, role)) is not None
    }
    # Where G's images are resized, G itself makes others.
    generator = sides.generator if changed["fake"] is sides.fake else None
    return replace(sides, **changed, generator=generator, notes=(*sides.notes, *notes))


def _as_rows(sides: Sides, data: Any) -> Sides:
    """Where G makes rows of a table: what all that is encoded decodes to."""
    if not isinstance(data, Table):
        return sides
    schema = data.schema()
    done: dict[int, Samples] = {}  # real is one of the others, and has to stay it

    def rows(samples: Samples | None) -> Samples | None:
        if samples is None:
            return None
        if id(samples) not in done:
            frame = schema.decode(samples.x)
            done[id(samples)] = Samples(samples.x, samples.y, samples.name, frame)
        return done[id(samples)]

    real, fake = rows(sides.real), rows(sides.fake)
    assert real is not None
    assert fake is not None
    return replace(
        sides, real=real, fake=fake, train=rows(sides.train), holdout=rows(sides.holdout)
    )


def _of_run(run: Run, asked: _Asked) -> Sides:
    """The data of a run: what was held out, or `split`, and what it was trained on."""
    recipe, n, seed = run.recipe, asked.n, asked.seed
    text = " ".join(str(recipe.data).split())
    found = held_out(recipe, HELD_OUT, seed=seed) if asked.split is None else None
    if asked.split is not None and not _trained_on(recipe.data, asked.split):
        source = open_source(recipe.data, seed=seed, device="cpu", split=asked.split)
        found = asked.split, source
    if found is None:
        return _of_training(recipe.data, text, asked)
    part, held = found
    density = getattr(held, "density", None)
    reals = draw(Opened(f"{text}, {part}", source=held), n, seed=seed)
    train = None
    if density is None:
        source = open_source(recipe.data, seed=seed, device="cpu")
        train = draw(Opened(f"{text}, trained on", source=source), None, seed=seed)
    return Sides(
        real=reals,
        fake=reals,
        train=train,
        holdout=None if train is None else reals,
        density=density,
    )


def _trained_on(data: Any, split: str) -> bool:
    """Whether a part is of what G was trained on; a density is drawn from anew each time."""
    own = getattr(data, "split", None)
    return own is not None and split.partition("[")[0] == own.partition("[")[0]


def _of_training(data: Any, text: str, asked: _Asked) -> Sides:
    """What G was trained on, or that part of it, where nothing else is there or asked for."""
    source = open_source(data, seed=asked.seed, device="cpu", split=asked.split)
    part = "trained on" if asked.split is None else asked.split
    reals = draw(Opened(f"{text}, {part}", source=source), asked.n, seed=asked.seed)
    what = (
        "These data hold nothing out: distances are"
        if asked.split is None
        else f"{asked.split} is of the part that G was trained on: distances are"
    )
    note = (
        f"{what} to what G was trained on, and do not tell whether it has learned it by heart. "
        "Train on a slice, such as split='train[:90%]'."
    )
    return Sides(real=reals, fake=reals, notes=(note,))


def _given(fake: Any, real: Any, holdout: Any, asked: _Asked) -> Sides:
    """Both sides as they were given."""
    if real is None:
        raise InputError(
            "There is nothing to measure the samples against: give the real samples as well."
        )
    sides = _reals(real, holdout, asked)
    other = asked.of(fake, "fake")
    n, seed = asked.n, asked.seed
    size = len(sides.real) if other.there is None and n is None else n
    return replace(sides, fake=draw(other, size, seed=seed, like=sides.real))


def _reals(real: Any, holdout: Any, asked: _Asked) -> Sides:
    side = asked.of(real, "real", split=asked.split)
    reals = draw(side, asked.n, seed=asked.seed)
    held = None
    if holdout is not None:
        held = draw(asked.of(holdout, "holdout"), None, seed=asked.seed, like=reals)
        if held.fingerprint == reals.fingerprint:
            raise InputError(
                "The real and the held-out samples are the same: hold out ones that G was not "
                "trained on, or leave them out."
            )
    return Sides(
        real=reals,
        fake=reals,
        train=None if held is None else reals,
        holdout=held,
        density=side.density,
    )
