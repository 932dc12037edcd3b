"""The notation of recipes: what is printed reads back equal; what is read is never run."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gannets import recipes
from gannets.data import Digits
from gannets.errors import InputError
from gannets.game import Batch, Net, Players
from gannets.terms import R1, R2, Lazy
from gannets.training import Recipe, change, read, show
from gannets.training.reading import ROOMS, vocabulary
from gannets.updates import Adam, Cosine, Linear

RECIPES = {name: recipes.get(name) for name in recipes.names()}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_back_equal(name: str) -> None:
    recipe = RECIPES[name]
    text = show(recipe)
    assert read(text) == recipe
    assert show(read(text)) == text
    assert eval(text, dict(vocabulary())) == recipe  # a Python expression, as promised


@pytest.mark.parametrize("name", RECIPES)
def test_every_field_is_printed(name: str) -> None:
    """Nothing is left to a default that a later version may change."""

    def fields_of(value: object) -> list[str]:
        if dataclasses.is_dataclass(value):
            own = [f.name for f in dataclasses.fields(value) if f.init]
            return own + [x for f in own for x in fields_of(getattr(value, f))]
        if isinstance(value, tuple):
            return [x for item in value for x in fields_of(item)]
        return []

    text = show(RECIPES[name])
    expected = fields_of(RECIPES[name])
    assert len(expected) > 30
    for field in set(expected):
        assert text.count(f"{field}=") >= expected.count(field)


def test_no_two_things_of_the_notation_share_a_name() -> None:
    """Were there two, the later would silently shadow the earlier."""
    seen: dict[str, object] = {}
    for room in ROOMS:
        for name in room.__all__:
            value = getattr(room, name)
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                assert seen.setdefault(name, value) is value, name
    assert seen.keys() - vocabulary().keys() == {"Batch", "Space"}
    assert len(seen) > 50


numbers = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False, width=64)
)
values = st.recursive(
    st.one_of(numbers, st.booleans(), st.none(), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


@settings(max_examples=200)
@given(values)
def test_literals_and_tuples_read_back_equal(value: object) -> None:
    again = read(show(value))
    assert again == value
    assert type(again) is type(value)


HOSTILE = [
    "__import__('os').system('touch hacked')",
    "Recipe.__class__",
    "[x for x in (1, 2)]",
    "(lambda: 1)()",
    "open('hacked', 'w')",
    "R1(gamma=__import__('os'))",
    "R1(gamma=1.0).gamma",
    "f'{open}'",
    "R1(**{'gamma': 1.0})",
    "1 if True else 2",
    "R1(gamma := 1.0)",
    "print",
    "2 ** 99999999",
    "b'bytes'",
    "1j",
    "...",
    "x = 1",
    "import os",
    "",
    "R1(gamma=1.0",
    "\x00",
    "(" * 5_000,
    "-" * 50_000 + "1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:24] or "empty")
def test_nothing_is_executed(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        read(text)
    assert not list(tmp_path.iterdir())
    assert len(str(caught.value)) < 1_500


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        read(text)


@settings(max_examples=200)
@given(st.data())
def test_a_mutated_recipe_is_read_or_refused(data: st.DataObject) -> None:
    text = show(RECIPES["ring"])
    at = data.draw(st.integers(0, len(text) - 1))
    new = data.draw(st.characters(codec="utf-8"))
    with suppress(InputError):
        assert isinstance(read(text[:at] + new + text[at + 1 :]), Recipe)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hindge()", "Did you mean 'Hinge'"),
        ("R1(gama=1.0)", "Did you mean 'gamma'"),
        ("R1('much')", "R1.gamma takes float"),
        ("R1(gamma=-1.0)", "-1"),
        ("R1(1.0, 2.0)", "1 fields"),
        ("R1(1.0, gamma=2.0)", "twice"),
        ("Alternating(k=0)", "k >= 1"),
        ("Alternating(k=1.5)", "Alternating.k takes int"),
        ("Alternating(k=True)", "Alternating.k takes int"),
        ("Adam(betas=(0.5,))", "Adam.betas"),
        ("Adam(lr=R1(1.0))", "Adam.lr takes"),
        ("Players(generator=1.0)", "needs discriminator"),
        ("Recipe(steps=3)", "needs data"),
    ],
)
def test_errors_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert said in str(caught.value)


def test_change_replaces_one_part() -> None:
    ring = RECIPES["ring"]
    changed = change(ring, "game.discriminator_terms[0].gamma=1")
    assert changed.game.discriminator_terms == (R1(1.0), R2(0.1))
    assert replace(changed, game=ring.game) == ring
    assert change(ring, "optimizers.generator.lr=1e-4").optimizers.generator == replace(
        ring.optimizers.generator, lr=1e-4
    )
    assert change(ring, "optimizers.generator.lr=Cosine(0.1, 0, 10)").optimizers.generator.lr == (
        Cosine(0.1, 0.0, 10)
    )
    assert change(ring, "nets.generator.hidden=(32,)").nets.generator.hidden == (32,)
    assert change(ring, "data=Digits()").data == Digits()
    assert change(ring, "precision=bfloat16").precision == "bfloat16"
    assert change(ring, "averaging=None").averaging is None
    terms = change(ring, "game.discriminator_terms=(Lazy(R1(0.1), every=4),)")
    assert terms.game.discriminator_terms == (Lazy(R1(0.1), every=4),)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("batch", "path=value"),
        ("=3", "path=value"),
        ("batsch=3", "Did you mean 'batch'"),
        ("batch=0", "at least 1"),
        ("batch=big", "Recipe.batch takes int"),
        ("steps=-1", "negative"),
        ("steps.more=1", "no field"),
        ("game.discriminator_terms[2].gamma=1", "2 entries"),
        ("game.discriminator_terms[x].gamma=1", "path=value"),
        ("game.objective.gamma=1", "field of recipe.game.objective"),
        ("game.objective=R1(1.0)", "Game.objective takes Objective"),
        ("update=R1(1.0)", "Recipe.update takes Update"),
        ("optimizers.generator=1", "Optimizer"),
        ("batch=__import__('os')", "Unknown name"),
        ("batch=open.read", "takes int"),
        ("precision=fp64", "float32, float64, bfloat16"),
    ],
)
def test_a_bad_change_is_refused(assignment: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        change(RECIPES["ring"], assignment)
    assert said in str(caught.value)


def penalty(players: Players[Net], batch: Batch) -> object:
    """A term of a file of one's own may be a plain function."""
    raise NotImplementedError


@dataclass(frozen=True)
class Mine:
    """A value of a file of one's own."""

    weight: float = 1.0


def test_a_callers_own_names_extend_the_notation() -> None:
    names = {"penalty": penalty, "Mine": Mine}
    assert read("(penalty, Mine(weight=2))", names) == (penalty, Mine(2.0))
    assert show((penalty, Mine(2.0))) == "(penalty, Mine(weight=2.0))"
    with pytest.raises(InputError):
        read("Mine()")
    with pytest.raises(InputError, match="function"):
        read("penalty(1)", names)


def test_integers_are_floats_where_floats_are_meant() -> None:
    """So that `lr=1` and `lr=1.0` are one recipe, printed one way."""
    assert show(read("Adam(lr=1, betas=(0, 0))")) == show(Adam(lr=1.0, betas=(0.0, 0.0)))
    assert show(read("Linear(1, 0, steps=10)")) == show(Linear(1.0, 0.0, steps=10))
