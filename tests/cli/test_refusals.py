"""Bad input: one sentence, exit code 2, no traceback, nothing half-written."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Done = tuple[int, str, str]


def refused(done: Done, *parts: str) -> None:
    """Said in one line, and nothing is left behind in this folder but what the test put there."""
    code, out, err = done
    assert code == 2, err
    assert out == ""
    assert err.startswith("gannets: ")
    assert len(err.splitlines()) == 1
    for part in parts:
        assert part in err
    assert not Path("runs").exists()
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("trian digits", ["Unknown verb 'trian'. Did you mean 'train'?"]),
        ("--versoin", ["Unknown option '--versoin'. Did you mean '--version'?"]),
        ("train --stepps 3", ["Unknown option '--stepps'. Did you mean '--steps'?"]),
        ("train digits -q", ["Unknown option '-q'"]),
        ("train digits --steps", ["--steps", "gannets train --help"]),
        ("train digits --steps many", ["--steps", "whole number", "'many'"]),
        ("train digits mnist", ["mnist", "gannets train --help"]),
        ("train", ["gannets train digits"]),
        ("train digts", ["Unknown data 'digts'. Did you mean 'digits'?"]),
        ("train digits --recipe wgan_pg", ["Unknown recipe 'wgan_pg'. Did you mean 'wgan_gp'?"]),
        ("train digits --recipe none.py", ["none.py"]),
        ("train digits --set optimisers.generator.lr=1", ["Did you mean 'optimizers'?"]),
        ("train digits --set optimizers.generator.rl=1", ["field", "'rl'"]),
        ("train digits --set game.generator_terms[0].gamma=1", ["generator_terms", "[0]"]),
        ("train digits --set steps", ["path=value", "'steps'"]),
        ("train digits --set batch=big", ["Recipe.batch takes int", "big"]),
        ("train digits --device cpuu", ["'cpuu'", "auto"]),
        ("train digits --device cuda:77", ["cuda:77"]),
        ("train digits --steps -3", ["steps", "-3"]),
        ("train digits --batch 0", ["batch", "0"]),
        ("train digits --seed -1", ["seed", "-1"]),
        ("train digits --precision fp16", ["'fp16'", "bfloat16"]),
        ("train digits --batch 5000", ["5000", "1"]),
        ("train ring --recipe dcgan --out out", ["(2,)"]),
        ("train ring --recipe conditional", ["labels"]),
        ("train --resume nothing", ["nothing is no run directory"]),
        ("train --resume .", ["is no run directory"]),
        ("train mnist --data-dir nowhere/at/all", ["nowhere/at/all"]),
        ("sample nothing", ["nothing is no run directory"]),
        ("sample", ["RUN"]),
        ("show", ["WHAT"]),
        ("show nothing", ["Unknown recipe 'nothing'"]),
        ("show .", ["no run directory"]),
        ("check", ["FILE.py"]),
        ("recipes all", ["all"]),
    ],
)  # fmt: skip
def test_what_is_typed_wrong(words: str, parts: list[str], gannets: Callable[..., Done]) -> None:
    refused(gannets(*words.split()), *parts)


def test_a_directory_that_is_taken(gannets: Callable[..., Done]) -> None:
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("mine")
    refused(gannets(*["train", "digits", "--steps", "1", "--out", "taken"]), "--resume taken")
    assert [path.name for path in Path("taken").iterdir()] == ["notes.txt"]


def test_a_directory_that_cannot_be_made(gannets: Callable[..., Done]) -> None:
    # A file where a folder would have to be: refused to the superuser too.
    Path("file").write_text("mine")
    refused(
        gannets(*["train", "digits", "--steps", "1", "--out", "file/run"]), "file/run", "cannot be"
    )
    assert Path("file").read_text() == "mine"


def test_what_only_the_first_step_finds_out(gannets: Callable[..., Done]) -> None:
    code, _, err = gannets(*["train", "digits", "--steps", "1", "--set", "joint=Packed(samples=3)"])
    assert (code, len(err.splitlines())) == (2, 1)
    assert "multiple of 3" in err
    assert not list(Path("runs").iterdir())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("import nothing_like_it\n", ["mine.py, line 1", "ModuleNotFoundError"]),
        ("x = 1\nraise RuntimeError('no luck')\n", ["mine.py, line 2", "no luck"]),
        ("recipe = (\n", ["mine.py, line 1", "SyntaxError"]),
        ("x = 1\n", ["mine.py", "no recipes"]),
    ],
)
def test_a_recipe_of_ones_own_that_fails(
    text: str, parts: list[str], gannets: Callable[..., Done]
) -> None:
    Path("mine.py").write_text(text)
    refused(gannets("train", "digits", "--recipe", "mine.py"), *parts)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch executed')",
        "Recipe(prior=__import__('os').system('touch executed'))",
        "[open('executed', 'w') for _ in (1,)]",
        "(lambda: open('executed', 'w'))()",
        "Recipe(**open('executed', 'w'))",
        "import os\nos.system('touch executed')",
        "Gaussian(2)",
        "",
        "(" * 10_000,
    ],
)
def test_a_recipe_as_text_is_never_executed(text: str, gannets: Callable[..., Done]) -> None:
    Path("mine.txt").write_text(text)
    refused(gannets("train", "digits", "--recipe", "mine.txt"))
    if not text.startswith("Gaussian"):
        refused(gannets("train", "digits", "--set", f"prior={text}"))
    assert not Path("executed").exists()


def test_a_file_of_images_that_is_cut_off(gannets: Callable[..., Done]) -> None:
    header = b"\0\0\x08\x03" + struct.pack(">3I", 100, 8, 8)
    Path("images").mkdir()
    Path("images/train-images-idx3-ubyte").write_bytes(header + bytes(100 * 64 - 1))
    refused(gannets("train", "images", "--out", "out"), "train-images-idx3-ubyte", "6,400 bytes")


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.array([[0.0, 1.0], [np.nan, 2.0]]), "not finite (row 1)"),
        (np.zeros((0, 2)), "empty"),
        (np.array([["a", "b"]]), "<U1"),
        (np.zeros((4, 2), dtype=complex), "complex128"),
        (np.zeros(7), "(7,)"),
        (np.zeros((4, 8, 8, 3)), "height, width, channels"),
        (np.zeros((4, 8, 8), dtype=np.int32), "int32"),
    ],
)
def test_data_that_cannot_be_learned_from(
    array: NDArray[Any],
    part: str,
    gannets: Callable[..., Done],
) -> None:
    np.save("x.npy", array)
    refused(gannets("train", "x.npy"), part)


def test_objects_in_a_file_are_not_unpickled(gannets: Callable[..., Done]) -> None:
    np.save("x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(gannets("train", "x.npy"), "x.npy")


def test_a_stopped_run_is_told_from_bad_input(gannets: Callable[..., Done]) -> None:
    words = [
        "--steps",
        "40",
        "--batch",
        "16",
        "--set",
        "record_every=5",
        "--set",
        "optimizers.generator.lr=1e30",
    ]
    code, _, err = gannets("train", "--recipe", "ring", *words, "--quiet")
    assert code == 1
    assert err.startswith("gannets: ")
    assert len(err.splitlines()) == 1
    assert "learning rate" in err


def test_a_defect_is_shown_with_its_traceback(
    gannets: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> list[str]:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("gannets.recipes.names", fail)
    code, _, err = gannets("recipes")
    assert code == 1
    assert "Traceback" in err
    assert "RuntimeError: on purpose" in err
    assert err.splitlines()[-1].startswith("gannets: This is a defect")
