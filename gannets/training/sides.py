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
from gannets.theory.densities import Density
from gannets.training.model import Model
from gannets.training.run import Run
from gannets.training.subject import LatentSpace, held_out, is_model, is_run, samples_of

__all__ = ["Sides", "sides"]

HELD_OUT = ("test", "validation")


@dataclass(frozen=True, eq=False, kw_only=True)
class Sides:
    """What a comparison is of, and whatever more is known of it."""

    real: Samples
    fake: Samples
    train: Samples | None = None
    holdout: Samples | None = None
    density: Density | None = None
    generator: LatentSpace | None = None
    notes: tuple[str, ...] = ()

    def about(self, seen_through: FeatureMap) -> dict[str, Any]:
        """What a report says of them."""
        given: dict[str, Any] = {
            "fake": f"{self.fake.name} ({len(self.fake):,})",
            "real": f"{self.real.name} ({len(self.real):,})",
        }
        for role in ("train", "holdout"):
            samples = getattr(self, role)
            if samples is not None and samples is not self.real:
                given[role] = f"{samples.name} ({len(samples):,})"
        given |= {"features": seen_through.id, "preprocessing": seen_through.preprocessing}
        versions = {"gannets": gannets.__version__, "torch": torch.__version__}
        return {**given, **versions, "notes": list(self.notes)}


def sides(
    fake: Any,
    real: Any,
    holdout: Any,
    *,
    n: int | None,
    seed: int,
    best: bool,
    device: torch.device,
) -> Sides:
    """Open and draw from both sides."""
    if not (is_run(fake) or is_model(fake)):
        return _given(fake, real, holdout, n=n, seed=seed)
    run = (fake if isinstance(fake, Run) else Run(fake)) if is_run(fake) else None
    if run is not None:
        model, name = run.best_model if best else run.model, str(run.path)
    else:
        model = fake if isinstance(fake, Model) else Model.from_pretrained(fake)
        name = "the model" if isinstance(fake, Model) else str(fake)
    model.generator.to(device)
    if run is not None and real is None and holdout is None:
        found = _of_run(run, n=n, seed=seed)
    elif real is None:
        raise InputError(f"{name} is a model, without data of its own: give real=... as well.")
    else:
        found = _reals(real, holdout, n=n, seed=seed)
    fakes = samples_of(model, n or len(found.real), seed=seed, name=name, like=found.real)
    found = replace(found, fake=fakes, generator=LatentSpace(model))
    return found if run is None else _as_rows(found, run.recipe.data)


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


def _of_run(run: Run, *, n: int | None, seed: int) -> Sides:
    """The data of a run: what was held out, and what it was trained on."""
    recipe = run.recipe
    text = " ".join(str(recipe.data).split())
    found = held_out(recipe, HELD_OUT, seed=seed)
    source = open_source(recipe.data, seed=seed, device="cpu")
    density = getattr(source, "density", None)
    train = None if density is not None else Opened(f"{text}, trained on", source=source)
    if found is None:
        assert train is not None
        note = (
            "These data hold nothing out: distances are to what G was trained on, and do not tell "
            "whether it has learned it by heart. Train on a slice, such as split='train[:90%]'."
        )
        reals = draw(train, n, seed=seed)
        return Sides(real=reals, fake=reals, notes=(note,))
    part, held = found
    reals = draw(Opened(f"{text}, {part}", source=held), n, seed=seed)
    trained_on = None if train is None else draw(train, None, seed=seed)
    return Sides(
        real=reals,
        fake=reals,
        train=trained_on,
        holdout=None if trained_on is None else reals,
        density=density,
    )


def _given(fake: Any, real: Any, holdout: Any, *, n: int | None, seed: int) -> Sides:
    """Both sides as they were given."""
    if real is None:
        raise InputError("There is nothing to measure the samples against: give real=... as well.")
    sides = _reals(real, holdout, n=n, seed=seed)
    other = opened(fake, "fake")
    size = len(sides.real) if other.there is None and n is None else n
    return replace(sides, fake=draw(other, size, seed=seed, like=sides.real))


def _reals(real: Any, holdout: Any, *, n: int | None, seed: int) -> Sides:
    side = opened(real, "real")
    reals = draw(side, n, seed=seed)
    held = None
    if holdout is not None:
        held = draw(opened(holdout, "holdout"), None, seed=seed, like=reals)
        if held.fingerprint == reals.fingerprint:
            raise InputError(
                "real and holdout are the same samples: give holdout= ones that G was not trained "
                "on, or leave it out."
            )
    return Sides(
        real=reals,
        fake=reals,
        train=None if held is None else reals,
        holdout=held,
        density=side.density,
    )
