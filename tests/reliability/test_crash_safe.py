"""A disk that fails, a damaged checkpoint, a process that died: the last good state stands."""

from __future__ import annotations

import errno
import os
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gannets import files, load, recipes
from gannets.errors import InputError, RunWarning, StoppedError
from gannets.game import both
from gannets.training import Recipe, Training, lock, train
from gannets.training.lock import Lock
from gannets.updates import SGD, Adam, Average
from tests.reliability.same import hashes
from tests.small import small


def tiny(folder: Path, **changes: Any) -> Recipe:
    recipe = replace(small("digits", folder=folder), steps=6, record_every=1, sample_every=3)
    return replace(recipe, **{"checkpoint_every": 2, **changes})


def go_on(path: Path, **options: Any) -> None:
    for _ in Training.resume(path, device="cpu", **options):
        pass


# Damage.


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flipped(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 3] ^= 4
    path.write_bytes(bytes(blob))


@pytest.mark.parametrize("damage", [torn, flipped, Path.unlink, lambda p: p.write_bytes(b"")])
@pytest.mark.parametrize("file", ["state.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_named_and_skipped_for_the_one_before(
    damage: Callable[[Path], object], file: str, tmp_path: Path
) -> None:
    whole = train(tiny(tmp_path), out=tmp_path / "whole", device="cpu").path
    cut = train(tiny(tmp_path), out=tmp_path / "cut", device="cpu").path
    damage(cut / "checkpoints" / "00000006" / file)
    with pytest.warns(RunWarning, match=r"00000006 of .* put aside as damaged-00000006-0") as said:
        go_on(cut)
    assert "goes on from 4" in str(said[0].message)
    aside = cut / "checkpoints" / "damaged-00000006-0"
    assert aside.is_dir()
    ours = {k: v for k, v in hashes(cut).items() if "damaged" not in k}
    assert ours == hashes(whole)


def test_where_no_checkpoint_is_whole_nothing_is_begun_anew(tmp_path: Path) -> None:
    run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    for path in run.checkpoints():
        flipped(path / "state.safetensors")
    before = hashes(run.path)
    with pytest.raises(InputError, match=r"No checkpoint .* SHA-256"):
        go_on(run.path)
    assert hashes(run.path) == before


def test_what_a_killed_process_leaves_is_settled(tmp_path: Path) -> None:
    run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    before = hashes(run.path)
    (run.path / "model").rename(run.path / ".model.99.old")  # killed between two renames
    (run.path / "checkpoints" / ".00000008.99.tmp").mkdir()
    (run.path / "checkpoints" / ".00000008.99.tmp" / "state.json").write_text("{")
    (run.path / "samples" / ".000003.png.99.tmp").write_text("half")
    (run.path / ".recipe.txt.99.tmp").write_text("Recipe(")
    (run.path / "lock").write_text('{"host": "elsewhere", "pid": 1}\n')
    assert load(run.path).sample(2).shape == (2, 1, 8, 8)
    go_on(run.path)
    assert hashes(run.path) == before


def test_files_are_as_open_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    finally:
        os.umask(before)
    modes = {oct(p.stat().st_mode & 0o777) for p in run.path.rglob("*") if p.is_file()}
    assert modes == {"0o644"}


# What is kept.


def test_the_last_few_and_the_best_are_kept(tmp_path: Path) -> None:
    recipe = tiny(tmp_path, steps=10, checkpoint_every=1, keep=2)
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    for step in training:
        if step.index in (3, 5):
            training.run.mark_best(step.index, 1.0 / step.index, "distance")
    run = load(tmp_path / "run")
    assert [int(p.name) for p in run.checkpoints()] == [5, 9, 10]
    assert (run.best()["distance"].step, run.best()["distance"].value) == (5, 0.2)
    with pytest.raises(InputError, match="no checkpoint of step 3"):
        run.mark_best(3, 1.0, "distance")
    with pytest.raises(InputError, match="finite"):
        run.mark_best(9, float("nan"), "distance")
    run.rewind(4)
    assert run.best()["distance"].step == 3


# A disk that fails. Every call that writes fails once, by turns.


class Failing:
    """The module os, whose writing calls fail with `code` from call number `at` on."""

    def __init__(self, at: int, code: int, *, half: bool) -> None:
        self.left, self.code, self.half = at, code, half

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("open", "write", "fsync", "replace", "rename"):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            self.left -= 1
            if self.left >= 0:
                return real(*arguments, **options)
            if name == "write" and self.half and self.left == -1:  # the half that still fits
                return real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            raise OSError(self.code, os.strerror(self.code))

        return call


@pytest.mark.parametrize(
    ("code", "stride"),
    [
        (errno.ENOSPC, 10),
        *(
            pytest.param(code, 1, marks=pytest.mark.slow)
            for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
        ),
    ],
)
def test_a_disk_that_fails_at_any_call_leaves_a_run_that_can_be_gone_on_with(
    code: int, stride: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tmp_path, steps=4, checkpoint_every=1, sample_every=0, keep=2)
    whole = hashes(train(recipe, out=tmp_path / "whole", device="cpu").path)
    stopped, at = 0, 0
    while True:
        path = tmp_path / str(at)
        monkeypatch.setattr(files, "os", Failing(at, code, half=code == errno.EDQUOT))
        try:
            train(recipe, out=path, device="cpu")
        except (StoppedError, InputError) as error:  # refused before there was a run
            assert os.strerror(code) in str(error)  # noqa: PT017
        else:
            break
        finally:
            monkeypatch.undo()
        stopped += 1
        at += stride
        if (path / "recipe.txt").exists():
            with warnings.catch_warnings():  # environment.json may not have been written
                warnings.simplefilter("ignore", RunWarning)
                go_on(path)
            assert hashes(path) == whole
    assert stopped * stride > 100


@pytest.mark.slow
def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    """A real one, of 3 MB in memory; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        recipe = tiny(tmp_path, steps=40, checkpoint_every=1, keep=1000)
        with pytest.raises(StoppedError, match="No space left"):
            train(recipe, out=disk / "run", device="cpu")
        saved = load(disk / "run").checkpoints()
        assert saved
        with pytest.raises(StoppedError, match="No space left"):
            go_on(disk / "run")
        assert load(disk / "run").checkpoints() == saved
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        go_on(disk / "run")
        whole = train(recipe, out=tmp_path / "whole", device="cpu").path
        assert hashes(disk / "run") == hashes(whole)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# The lock.


def test_a_second_process_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    training = Training.start(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    with pytest.raises(InputError, match=rf"process {os.getpid()} on .*, since 20"):
        Training.resume(tmp_path / "run", device="cpu")
    assert load(tmp_path / "run").metrics() == []  # who reads needs no lock
    for _ in training:
        pass
    assert not (tmp_path / "run" / "lock").exists()
    go_on(tmp_path / "run")


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", fail)


@pytest.mark.usefixtures("without_flock")
def test_without_flock_the_owner_is_looked_for(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    with pytest.raises(InputError, match=f"process {os.getpid()} on"):
        Lock(tmp_path)
    text = (tmp_path / "lock").read_text()
    first.release()
    assert not (tmp_path / "lock").exists()
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "lock").write_text(text.replace(str(os.getpid()), str(gone.pid)))
    Lock(tmp_path).release()  # its owner is no more
    (tmp_path / "lock").write_text('{"host": "elsewhere", "pid": 1, "since": "then"}')
    with pytest.raises(InputError, match=r"on elsewhere, since then: .* delete"):
        Lock(tmp_path)


# What a run goes on from.


def test_other_data_are_refused(tmp_path: Path) -> None:
    run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    import numpy as np

    with np.load(tmp_path / "noise8.npz") as held:
        np.savez(tmp_path / "noise8.npz", x=held["x"][::-1], y=held["y"])
    with pytest.raises(InputError, match=r"data of .* are not those"):
        Training.resume(run.path, steps=9, device="cpu")
    assert load(run.path).recipe.steps == 6


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("batch=10,", "batch=11,", r"batch \(10 -> 11\)"),
        ("gamma=", "gamma=1", r"game\.discriminator_terms\[0\]\.gamma"),
        ("betas=(0.0, ", "betas=(0.5, ", r"optimizers\.generator\.betas\[0\]"),
    ],
)
def test_a_recipe_that_was_edited_is_refused_by_its_field(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    path = run.path / "recipe.txt"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=named):
        go_on(run.path)


def test_elsewhere_equal_bits_are_not_promised(tmp_path: Path) -> None:
    run = train(tiny(tmp_path), out=tmp_path / "run", device="cpu")
    path = run.path / "environment.json"
    own = files.read_json(path, schema=1)
    files.write_json(path, {**own, "torch": "1.0"})
    with pytest.warns(RunWarning, match=r"torch 1\.0 -> .*equal bits are not promised"):
        go_on(run.path)


@pytest.mark.parametrize(
    "change", [{"batch": 12}, {"seed": 5}, {"precision": "bfloat16"}, {"keep": 1}]
)
def test_a_branch_goes_on_where_its_parent_was(change: dict[str, Any], tmp_path: Path) -> None:
    parent = train(tiny(tmp_path), out=tmp_path / "parent", device="cpu")
    before = hashes(parent.path)
    recipe = replace(parent.recipe, steps=9, **change)
    training = Training.branch(parent.path, recipe, out=tmp_path / "child", device="cpu")
    assert training.state.step == 6
    for _ in training:
        pass
    origin = files.read_json(tmp_path / "child" / "environment.json", schema=1)["parent"]
    assert (origin["path"], origin["step"]) == (str(parent.path), 6)
    assert origin["sha256"] == files.digest(parent.checkpoints()[-1] / "state.safetensors")
    assert [line["step"] for line in training.run.metrics()] == [7, 8, 9]
    assert hashes(parent.path) == before
    if change == {"keep": 1}:  # which changes nothing of the game
        go_on(parent.path, steps=9)
        name = "checkpoints/00000009/state.safetensors"
        assert hashes(tmp_path / "child")[name] == hashes(parent.path)[name]


def test_what_a_branch_adds_begins_afresh(tmp_path: Path) -> None:
    """An average in the weights as they are; an optimizer of another kind without moments."""
    parent = train(tiny(tmp_path, averaging=None), out=tmp_path / "parent", device="cpu")
    assert isinstance(parent.recipe.optimizers.generator, Adam)
    change = {"averaging": Average(half_life=1e9, ramp=None), "optimizers": both(SGD(lr=0.1))}
    recipe = replace(parent.recipe, steps=7, **change)
    training = Training.branch(parent.path, recipe, out=tmp_path / "child", device="cpu")
    state = training.state
    assert state.averaged is not None
    means = dict(state.averaged.module.named_parameters())
    for name, weight in state.players.generator.named_parameters():
        assert torch.equal(weight, means[name])
    assert not state.movers.generator.tensors()
    before = {k: v.clone() for k, v in state.players.generator.state_dict().items()}
    for _ in training:
        pass
    assert any(
        not torch.equal(v, before[k]) for k, v in state.players.generator.state_dict().items()
    )
    back = replace(parent.recipe, steps=8)
    again = Training.branch(tmp_path / "child", back, out=tmp_path / "again", device="cpu")
    assert again.state.averaged is None
    moments = again.state.movers.generator.tensors()
    assert moments
    assert all(not tensor.any() for tensor in moments.values())


@pytest.mark.parametrize("name", [n for n in recipes.names() if n not in ("digits", "lsgan")])
def test_a_branch_that_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    parent = train(tiny(tmp_path), out=tmp_path / "parent", device="cpu")
    other = replace(small(name, folder=tmp_path), steps=99)
    with pytest.raises(InputError, match=r"does not fit|no place"):
        Training.branch(parent.path, other, out=tmp_path / "child", device="cpu")
    assert not (tmp_path / "child").exists()


def test_a_tensor_of_two_names_is_written_under_both(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    named = {"generator.w": whole, "discriminator.w": whole, "part": whole[2:4], "other": whole + 1}
    digest = files.write_tensors(tmp_path / "t.safetensors", named)
    read = files.read_tensors(tmp_path / "t.safetensors", sha256=digest)
    assert read.keys() == named.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in named.items())
