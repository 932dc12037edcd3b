"""`gannets check`: hold what a file of your own defines to the contract of what it is."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from gannets.cli.arguments import option
from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.game.check import Result
    from gannets.training import Recipe
    from gannets.training.notation import Vocabulary

__all__ = ["check"]


def check(file: Annotated[str, Positional, option("FILE.py", "your file, which is run")], /) -> int:
    """Check objectives, terms, nets, metrics and recipes of your own.

    Everything that the file defines is held to its contract; a class that needs arguments is
    checked where the file also makes a value of it. Exit code 1 where a check fails.
    """
    from gannets import recipes
    from gannets.cli.source_text import imported

    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"Give a Python file that is there, not {file!r}.")
    module = recipes.run_file(path)
    names = recipes.vocabulary_of(module)
    failures = checks = 0
    elsewhere = imported(path)
    for name, value in _values(module):
        if name in elsewhere:
            continue
        results = _results(value, names)
        if results is None:
            continue
        _print(name, results)
        checks += len(results)
        failures += sum(not result.passed for result in results)
    if not checks:
        raise InputError(
            f"{file} defines no objective, term, net, metric or recipe (a class that needs "
            "arguments is checked where a value of it is made): define one."
        )
    print(f"{checks} checks, {failures} failed" if failures else f"{checks} checks passed")
    return 1 if failures else 0


def _values(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """What the file defines that could have a contract, by name."""
    own = module.__name__
    made = {type(value) for value in vars(module).values()}
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, type):
            if value.__module__ == own and value not in made and _needs_nothing(value):
                yield name, value()
        elif isinstance(value, types.FunctionType):
            if value.__module__ == own:
                yield name, value
        elif type(value).__module__ == own or type(value).__module__.startswith("gannets."):
            yield name, value


def _needs_nothing(cls: type) -> bool:
    if getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        return False
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return False
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.default is not p.empty or p.kind in starred for p in parameters)


def _results(value: Any, names: Vocabulary) -> list[Result] | None:
    """What the checks find, or None where `value` is none of the things that have a contract."""
    from gannets.game.check import check
    from gannets.metrics.check import check_metric, is_metric
    from gannets.training import Recipe

    if isinstance(value, Recipe):
        return _check_recipe(value, names)
    if is_metric(value):
        return check_metric(value)
    try:
        return check(value)
    except InputError:
        return None


def _check_recipe(recipe: Recipe, names: Vocabulary) -> list[Result]:
    """A recipe is kept as text, and can be played."""
    from gannets.game.check import Result
    from gannets.training import read

    found = []
    try:
        same = read(str(recipe), names) == recipe
        sentence = "It is what its text says." if same else "Read back from its text it is another."
        found.append(Result("is read back from its text", same, sentence))
    except InputError as error:
        found.append(Result("is read back from its text", False, str(error)))
    try:
        found.append(_play(recipe))
    except Exception as error:  # of the caller's own code
        found.append(Result("plays", False, f"{type(error).__name__}: {error}"))
    return found


def _play(recipe: Recipe, steps: int = 3) -> Result:
    import math
    from dataclasses import replace

    from gannets.game.check import Result
    from gannets.training import play

    losses: dict[str, float] = {}
    for step in play(replace(recipe, steps=steps), device="cpu"):
        for player, items in vars(step.losses).items():
            losses |= {f"{player} {name}": float(loss) for name, loss in items.items()}
    wrong = [name for name, loss in losses.items() if not math.isfinite(loss)]
    sentence = f"{', '.join(wrong)} not finite." if wrong else f"{steps} steps, all losses finite."
    return Result("plays", not wrong, sentence)


def _print(name: str, results: list[Result]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for result in results:
        word = Text("  pass", "green") if result.passed else Text("  FAIL", "bold red")
        table.add_row(word, Text(result.name), Text(result.sentence))
    console = Console(highlight=False)
    console.print(name, style="bold", markup=False)
    console.print(table)
    console.print()
