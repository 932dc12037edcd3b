"""Recipes: one experiment of the literature a file. A file that is added here is a recipe by that.

Each file defines a `Recipe` of its own name, and its docstring says where it comes from and what to
expect of it.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import pkgutil
import sys
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gannets.errors import InputError, unknown

if TYPE_CHECKING:
    from gannets.training import Recipe
    from gannets.training.notation import Vocabulary

__all__ = ["default_for", "from_file", "get", "names", "summary"]

SMALLEST_FOR_CONVOLUTIONS = 16


def names() -> list[str]:
    """The names of all recipes."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def summary(name: str) -> str:
    """The first line of a recipe's docstring; its file is read, not run."""
    return (docstring(name).splitlines() or [""])[0]


def docstring(name: str) -> str:
    """A recipe's docstring: source, settings, what to expect."""
    _require(name)
    text = (Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


def get(name: str) -> Recipe:
    """The recipe of that name."""
    _require(name)
    recipe: Recipe = getattr(importlib.import_module(f"gannets.recipes.{name}"), name)
    return recipe


def _require(name: str) -> None:
    if name not in names():
        raise unknown("recipe", name, names())


def default_for(data: str, shape: tuple[int, ...]) -> Recipe:
    """The recipe for data nobody chose one for: its namesake, or by the shape of a sample."""
    if data in names():
        return get(data)
    if len(shape) != 3:
        return get("ring")
    return get("dcgan" if min(shape[1:]) >= SMALLEST_FOR_CONVOLUTIONS else "digits")


def from_file(path: str | Path) -> tuple[Recipe, Vocabulary]:
    """The recipe in a file of the caller's own, and the names it adds to the notation.

    A `.py` file is the caller's program and is run; it defines one `Recipe`, or one named `recipe`
    or like the file. Any other file is text in the notation of recipes and is never run.
    """
    from gannets.training import Recipe, read

    file = Path(path)
    if not file.is_file():
        raise InputError(f"There is no recipe file {str(file)!r}.")
    if file.suffix != ".py":
        try:
            recipe = read(file.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, OSError) as error:
            raise InputError(f"{file} cannot be read as text: {error}.") from None
        if not isinstance(recipe, Recipe):
            raise InputError(f"{file} holds no Recipe(...).")
        return recipe, {}
    module = run_file(file)
    recipes = {name: value for name, value in vars(module).items() if isinstance(value, Recipe)}
    own = {value.name: value for value in recipes.values()}
    for name in ("recipe", file.stem):
        if name in recipes:
            return recipes[name], vocabulary_of(module)
    if len(own) != 1:
        raise InputError(
            f"{file} defines {len(own) or 'no'} recipes: define one, named recipe = Recipe(...)."
        )
    return next(iter(own.values())), vocabulary_of(module)


def run_file(file: Path) -> types.ModuleType:
    """Run a Python file of the caller's own and return its module."""
    name = f"gannets_user_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        own = str(file.absolute())
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        where = f"{file}, line {line}" if line else str(file)
        raise InputError(f"{where}: {type(error).__name__}: {error}") from error
    return module


def vocabulary_of(module: types.ModuleType) -> dict[str, Any]:
    """The dataclasses and functions that a file defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        and ((dataclasses.is_dataclass(value) and isinstance(value, type)) or callable(value))
    }
