"""Files that somebody, or a failing disk, has changed: read as they are, or refused in a sentence.

By default some hundred; `pytest -m slow tests/reliability/test_fuzz.py` tries over ten thousand.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gannets import Model, files, load, recipes
from gannets.data import Images
from gannets.errors import InputError
from gannets.training import Recipe, State, read, train
from gannets.training.layout import check
from gannets.training.run import Run
from tests.small import small

FEW = 110
MANY = 2_600
LONGEST = 20.0
"""Seconds for one file."""
GROWTH = 300 * 2**20
"""Bytes of memory for all files of a kind."""
WORDS = (
    b"NaN -Infinity null 1e999 9999999999999999999999 -1 [] {} \xff\xfe ../../../etc/passwd "
    b"__import__('os').system('touch executed') \x00\x00 true 1.5 18446744073709551615 (2**70)"
).split()


def mutated(blob: bytes, random_: random.Random) -> bytes:
    """The bytes with bits flipped, ends cut off, parts doubled, or hostile words put in."""
    data = bytearray(blob)
    for _ in range(random_.choice([1, 1, 1, 2, 5])):
        at = random_.randrange(len(data) + 1)
        match random_.randrange(8):
            case 0 | 1 if at < len(data):
                data[at] ^= 1 << random_.randrange(8)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + random_.randrange(1, 40)]
            case 4:
                data[at:at] = data[at : at + random_.randrange(1, 200)]
            case 5:
                data[at : at + random_.randrange(0, 9)] = random_.choice(WORDS)
            case 6:
                data[at : at + 8] = struct.pack("<Q", random_.choice([0, 2**31, 2**62, 2**64 - 1]))
            case 7 if random_.random() < 0.1:
                data[at:at] = random_.choice([b"[", b'{"a":', b"(", b"-"]) * 60_000
    return bytes(data)


def changed(value: Any, random_: random.Random) -> Any:
    """A JSON value with one part of it, at any depth, replaced."""
    if isinstance(value, dict) and value and random_.random() < 0.9:
        key = random_.choice(sorted(value))
        if random_.random() < 0.1:
            return {**{k: v for k, v in value.items() if k != key}, "../" + key: value[key]}
        return {**value, key: changed(value[key], random_)}
    if isinstance(value, list) and value and random_.random() < 0.9:
        at = random_.randrange(len(value))
        return [*value[:at], changed(value[at], random_), *value[at + 1 :]]
    hostile = [None, -1, 2**40, 2**80, 1.5, True, "", "../..", [], {}, [1, 2], {"a": 1}, "x" * 9000]
    return random_.choice(hostile)


def tried(path: Path, blob: bytes, use: Callable[[], object], inside: Path) -> bool:
    """Whether the file is still read with `blob` in it; it may be refused, and nothing else."""
    path.write_bytes(blob)
    names = set(inside.parent.rglob("*"))
    begun, sentence = time.monotonic(), ""
    try:
        use()
    except InputError as error:
        sentence = str(error)
        assert sentence
    assert len(sentence) < 2_000
    assert time.monotonic() - begun < LONGEST
    assert set(inside.parent.rglob("*")) == names
    return not sentence


def grown(begun: int) -> int:
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) * 1024


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it, and nothing else."""
    folder = tmp_path_factory.mktemp("fuzz")
    recipe = replace(small("ring"), steps=4, record_every=1, checkpoint_every=3, sample_every=0)
    nets = {
        p: replace(getattr(recipe.nets, p), hidden=(4,)) for p in ("generator", "discriminator")
    }
    recipe = replace(recipe, nets=replace(recipe.nets, **nets))  # type: ignore[arg-type]
    train(recipe, out=folder / "run", device="cpu")
    return folder


def resealed(value: Any, sha256: str | None = None) -> bytes:
    """An object as `write_json` writes it, whatever is in it: by somebody who knows how."""
    if not isinstance(value, dict):
        return json.dumps(value).encode()
    own = {k: v for k, v in value.items() if k != files.SEAL}
    if sha256 is not None:
        own["sha256"] = sha256
    return json.dumps({**own, files.SEAL: files._seal(own)}).encode()


def reading(run: Run, kind: str) -> tuple[Path, Callable[[], object]]:
    """A file of the run, and how it is used."""
    state = State(run.recipe, device="cpu")
    checkpoint = run.checkpoints()[-1]

    def resume() -> None:
        found = run.store.load(checkpoint)
        check(found, state)
        state.load(found.tensors, found.counters)
        state.advance()

    return {
        "state.json": (checkpoint / "state.json", resume),
        "state.safetensors": (checkpoint / "state.safetensors", resume),
        "config.json": (
            run.path / "model" / "config.json",
            lambda: Model.from_pretrained(run.path / "model").sample(2),
        ),
        "model.safetensors": (
            run.path / "model" / "model.safetensors",
            lambda: Model.from_pretrained(run.path / "model").sample(2),
        ),
        "metrics.jsonl": (run.path / "metrics.jsonl", lambda: load(run.path).metrics()),
        "recipe.txt": (run.path / "recipe.txt", lambda: str(load(run.path).recipe)),
        "best.json": (run.path / "best.json", run.best),
    }[kind]


KINDS = (
    "state.json",
    "state.safetensors",
    "config.json",
    "model.safetensors",
    "metrics.jsonl",
    "recipe.txt",
    "best.json",
)


@pytest.mark.parametrize("tries", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_a_run(kind: str, tries: int, home: Path) -> None:
    run = load(home / "run")
    run.mark_best(4, 1.0, "distance")
    path, use = reading(run, kind)
    good, random_ = path.read_bytes(), random.Random(f"{kind} {tries}")
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    still = 0
    # The name of the JSON file that vouches for the tensors.
    vouching = path.with_name({"state.safetensors": "state.json"}.get(kind, "config.json"))
    vouched = vouching.read_bytes() if vouching.exists() else b""
    try:
        for i in range(tries):
            blob = mutated(good, random_)
            if path.suffix == ".json" and i % 2:  # past the seal
                blob = resealed(changed(json.loads(good), random_))
            if path.suffix == ".safetensors" and i % 2:  # past the SHA-256
                path.write_bytes(blob)
                vouching.write_bytes(resealed(json.loads(vouched), files.digest(path)))
            still += tried(path, blob, use, home)
            if vouched:
                vouching.write_bytes(vouched)
            path.write_bytes(good)
        use()
        assert grown(begun) < GROWTH
        assert not Path("executed").exists()
        print(f"{kind}: {tries} tried, {still} read, {tries - still} refused")  # noqa: T201
    finally:
        path.write_bytes(good)
        run.path.joinpath("best.json").unlink()


@pytest.mark.parametrize("tries", [FEW, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_file_of_images(tries: int, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    path = folder / "train-images-idx3-ubyte"
    good = b"\0\0\x08\x03" + struct.pack(">3I", 30, 8, 8) + bytes(range(64)) * 30
    random_ = random.Random(tries)
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def open_folder() -> None:
        Images(str(folder)).load(seed=0, device=torch.device("cpu"))

    for _ in range(tries):
        blob = mutated(good[:60] if random_.random() < 0.5 else good, random_)
        tried(
            path, blob, lambda: Images(str(folder)).load(seed=0, device=torch.device("cpu")), folder
        )
    assert grown(begun) < GROWTH


@pytest.mark.parametrize("tries", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_a_recipe_as_text(tries: int) -> None:
    random_ = random.Random(tries)
    texts = [str(recipes.get(name)).encode() for name in recipes.names()]
    for _ in range(tries):
        text = mutated(random_.choice(texts), random_).decode(errors="replace")
        try:
            value = read(text)
        except InputError as error:
            assert len(str(error)) < 2_000  # noqa: PT017
        else:
            assert read(str(value)) == value
            assert isinstance(value, Recipe) or "Recipe(" not in text[:7]


def test_numbers_that_are_none_are_named(home: Path, tmp_path: Path) -> None:
    """A checkpoint with one NaN in it, sealed like a good one."""
    shutil.copytree(home / "run", tmp_path / "run")
    run = load(tmp_path / "run")
    checkpoint = run.checkpoints()[-1]
    found = run.store.load(checkpoint)
    name = next(name for name in found.tensors if name.startswith("optimizer.generator.0.exp"))
    found.tensors[name].view(-1)[0] = float("nan")
    sha256 = files.write_tensors(checkpoint / "state.safetensors", found.tensors)
    state = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_bytes(resealed(state, sha256))
    with pytest.raises(InputError, match=f"{name} is not finite"):
        check(run.store.load(checkpoint), State(run.recipe, device="cpu"))
