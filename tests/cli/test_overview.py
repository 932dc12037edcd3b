"""`gannets`, `gannets recipes`, `gannets data`, `gannets show RECIPE`."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from gannets import read, recipes
from gannets.cli.entry import VERBS
from gannets.data import NAMES


def test_the_overview_names_every_verb(gannets: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = gannets()
    assert code == 0
    assert not err
    assert all(verb in out for verb in VERBS)
    assert gannets("--help") == gannets()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_what_the_overview_says(
    verb: str, gannets: Callable[..., tuple[int, str, str]]
) -> None:
    name = verb.replace("-", "_")
    function = getattr(importlib.import_module(f"gannets.cli.{name}"), name)
    assert (function.__doc__ or "").splitlines()[0] == VERBS[verb]
    code, out, _ = gannets(verb, "--help")
    assert code == 0
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert f"--{name.strip('_').replace('_', '-')}" in out


def test_recipes_are_all_listed_with_their_data(
    gannets: Callable[..., tuple[int, str, str]],
) -> None:
    _, out, _ = gannets("recipes")
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines()[1:] if line[0] != " "}
    assert list(rows) == recipes.names()
    assert rows["goodfellow2014"] == "mnist"
    assert rows["digits"] == "digits"
    assert rows["ring"] == "ring"


def test_data_are_all_listed(gannets: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = gannets("data")
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(NAMES)


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_shown_as_text_that_makes_it(
    name: str, gannets: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = gannets("show", name)
    assert code == 0
    assert recipes.summary(name) in out
    assert read(out[out.index("Recipe(") :]) == recipes.get(name)


def test_a_file_of_ones_own_is_shown(
    gannets: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    own = tmp_path / "mine.py"
    own.write_text('"""Mine."""\nfrom gannets.recipes.ring import ring\nrecipe = ring\n')
    _, out, _ = gannets("show", own)
    assert out.startswith("Mine.\n\nRecipe(")
    text = tmp_path / "mine.txt"
    text.write_text(out.removeprefix("Mine.\n\n"))
    assert gannets("show", text)[1] == text.read_text()
    assert ast.parse(text.read_text())
