"""Which recipe, which run: from what was typed to the values it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gannets.cli.measuring import measured
from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.training import Recipe, Run
    from gannets.training.notation import Vocabulary

__all__ = ["Chosen", "changed", "choose", "is_file", "named", "names_of", "open_run"]

SHORT = {"fp32": "float32", "fp64": "float64", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Chosen:
    """A recipe, and the names that a file of the caller's own adds to its notation."""

    recipe: Recipe
    names: Vocabulary = field(default_factory=dict)
    file: str | None = None
    """That file, where there is one."""


def choose(
    chosen: Chosen,
    *,
    numbers: dict[str, int | None],
    precision: str | None,
    evaluation: dict[str, Any],
    changes: Sequence[str],
) -> Chosen:
    """The recipe that a command line asks for; what is not given is as the recipe has it."""
    value = chosen.recipe
    if precision is not None:
        value = replace(value, precision=SHORT.get(precision, precision))
    value = measured(value, **evaluation)
    return changed(value, numbers=numbers, changes=changes, names=chosen.names, file=chosen.file)


def changed(
    recipe: Recipe,
    *,
    numbers: dict[str, int | None],
    changes: Sequence[str],
    names: Vocabulary | None,
    file: str | None,
) -> Chosen:
    """`recipe` with what was given replaced: the numbers first, then every --set in turn."""
    from gannets.training import change

    given: dict[str, Any] = {name: n for name, n in numbers.items() if n is not None}
    value = replace(recipe, **given)
    for assignment in changes:
        value = change(value, assignment, names)
    return Chosen(value, names or {}, file)


def named(data: str | None, recipe: str | None) -> Chosen:
    """The recipe of that name, on those data; one of them may be left out."""
    from gannets import recipes

    if data is None and recipe is None:
        raise InputError(
            "Say what to train on, as in `gannets train digits` (`gannets data` lists the names), "
            "or name a recipe, which has its data, as in `gannets train --recipe ring`."
        )
    if recipe is None:
        assert data is not None
        return _for(data)
    if is_file(recipe):
        value, names = recipes.from_file(recipe)
        chosen = Chosen(value, names, recipe if names else None)
    else:
        chosen = Chosen(recipes.get(recipe))
    return chosen if data is None else replace(chosen, recipe=_on(chosen.recipe, data))


def _for(data: str) -> Chosen:
    """The recipe for data that no recipe was named for."""
    from gannets import recipes
    from gannets.data import find, open_source

    if data in recipes.names():  # it has its data
        return Chosen(recipes.get(data))
    shape = open_source(find(data), seed=0, device="cpu").shape
    return Chosen(_on(recipes.default_for(data, shape), data))


def _on(recipe: Recipe, data: str) -> Recipe:
    """`recipe` with other data, in the units that its nets were chosen for, and split alike."""
    from gannets.data import Folder, GlobalContrast, find

    own = recipe.data
    inner: Any = own.data if isinstance(own, GlobalContrast) else own
    value: Any = find(data)
    if isinstance(value, Folder) and isinstance(inner, Folder):
        value = replace(inner, path=value.path)  # of the size and the colours asked for
    elif type(value) is type(inner) and hasattr(value, "split"):
        value = replace(value, split=inner.split)
    if getattr(value, "bounds", None) and getattr(inner, "bounds", None):
        value = replace(value, bounds=inner.bounds)
    if inner is not own:
        value = replace(own, data=value)
    if value == own or (type(value) is type(own) and data == recipe.name):
        return recipe
    stem = re.sub(r"[^\w.-]+", "-", Path(data).stem)
    return replace(recipe, data=value, name=f"{stem}-{recipe.name}")


def is_file(text: str) -> bool:
    """Whether it names a file rather than a recipe."""
    return Path(text).suffix in (".py", ".txt") or "/" in text or Path(text).is_file()


def names_of(recipe: str | None) -> Vocabulary | None:
    """The names that a file of the caller's own adds to the notation of a run."""
    from gannets import recipes

    if recipe is None:
        return None
    if Path(recipe).suffix != ".py":
        raise InputError(
            "A run has its recipe in it: here --recipe takes the .py file that defines classes of "
            f"your own, not {recipe!r}."
        )
    return recipes.vocabulary_of(recipes.run_file(Path(recipe)))


def open_run(path: str, names: Vocabulary | None = None) -> Run:
    """The run in the directory `path`, its recipe read; `names` as from `names_of`."""
    from gannets.training import load

    run = load(path, names=names)
    try:
        _ = run.recipe
        return run
    except InputError as error:
        if names is None and str(error).startswith("Unknown name in a recipe"):
            raise InputError(
                f"{str(error).partition('.')[0]}: if it is of your own, give its file, "
                f"as in --recipe FILE.py."
            ) from None
        raise
