"""Data as values: text and back, splits, what is accepted and what each refusal says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gannets.data
from gannets.data import (
    NAMES,
    Arrays,
    Data,
    Digits,
    File,
    Folder,
    GlobalContrast,
    Images,
    Table,
    find,
    open_source,
    splits,
)
from gannets.errors import InputError
from gannets.theory.densities import Density, Ring
from gannets.training import notation

CPU = torch.device("cpu")
POINTS = np.arange(12.0).reshape(6, 2)

VALUES = [
    Digits(),
    Digits(split="train[:90%]", bounds=(0.0, 1.0)),
    Images("mnist", split="train[:50000]"),
    Images("some/folder", split="test"),
    File("points.npy"),
    File("a.npz", split="train[10:20]", bounds=(0.0, 2.0)),
    Arrays(POINTS),
    Folder("photos"),
    Folder("faces.zip", size=(32, 48), channels=1, split="train[:90%]", background=255),
    GlobalContrast(File("c.npz", split="train[:40000]"), scale=10.0, bounds=(-2.0, 3.0)),
    Table("people.csv"),
    Table("a.csv", split="test", test="b.csv", categories=("sex", "zip code")),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_its_text(value: Data) -> None:
    again = eval(repr(value), vars(gannets.data).copy())
    assert again == value
    assert hash(again) == hash(value)
    assert repr(again) == repr(value)
    assert isinstance(value, Data)
    assert "array" not in repr(value)


def test_a_recipe_writes_and_reads_data() -> None:
    kinds = (Arrays, Digits, File, Folder, GlobalContrast, Images, Ring, Table)
    names = {cls.__name__: cls for cls in kinds}
    for value in [*VALUES, Ring(sigma=0.02)]:
        text = notation.show(value)
        assert "tensor" not in text
        assert notation.parse(text, names) == value


# ---- splits


@given(n=st.integers(2, 10**6), data=st.data())
def test_a_slice_and_what_it_leaves_over_are_the_whole(n: int, data: st.DataObject) -> None:
    counts = st.integers(1, n - 1).map(str)
    percents = st.integers(1, 99).filter(lambda p: n * p // 100 > 0).map("{}%".format)
    bound = data.draw(counts | percents)
    text = f"train[:{bound}]"
    rest = splits.other(text, "validation", ("train", "test"))
    assert rest == f"train[{bound}:]"
    assert splits.other(rest, "validation", ("train", "test")) == text
    one, two = (splits.parse(each, ("train",)).of(n) for each in (text, rest))
    assert (one.start, two.stop) == (0, n)
    assert one.stop == two.start


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("train", (0, 60000)),
        ("train[:]", (0, 60000)),
        ("train[:50000]", (0, 50000)),
        ("train[50000:]", (50000, 60000)),
        ("train[10%:20%]", (6000, 12000)),
        ("train[7:8]", (7, 8)),
    ],
)
def test_splits_select_rows(text: str, rows: tuple[int, int]) -> None:
    assert splits.parse(text, ("train", "test")).of(60000) == slice(*rows)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("trian", "Did you mean 'train'"),
        ("train[5]", "cannot be read"),
        ("train[-5:]", "cannot be read"),
        ("train[:5:2]", "cannot be read"),
        ("train[:1e3]", "cannot be read"),
        ("", "cannot be read"),
        ("train[:101%]", "0% to 100%"),
        ("train\n", "cannot be read"),
        ("train[:٣]", "cannot be read"),
    ],
)
def test_a_split_that_is_none_is_refused_when_it_is_written(text: str, why: str) -> None:
    for make in (Digits, lambda split: Images("mnist", split), lambda split: File("x.npy", split)):
        with pytest.raises(InputError, match=re.escape(why)):
            make(split=text)


@pytest.mark.parametrize(
    "text", ["train[:7]", "train[6:]", "train[3:3]", "train[4:2]", "train[:0]"]
)
def test_a_slice_beyond_the_data_or_without_rows_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="selects no rows, or rows beyond the 6"):
        Arrays(POINTS, split=text).load(seed=0, device=CPU)


def test_the_other_splits_of_a_recipe() -> None:
    trained = Images("mnist", split="train[:50000]")
    assert trained.on("train") == trained
    assert trained.on("validation") == Images("mnist", split="train[50000:]")
    assert trained.on("test") == Images("mnist", split="test")
    assert trained.on("test[:100]") == Images("mnist", split="test[:100]")
    assert Digits("train[:10]").on("validation") == Digits("validation")
    with pytest.raises(InputError, match=r"leaves nothing over.*train\[:90%\]"):
        Images("mnist").on("validation")
    with pytest.raises(InputError, match="Unknown split 'test'"):
        Arrays(POINTS).on("test")
    held = Arrays(POINTS, split="train[:4]")
    assert held.on("validation").load(seed=0, device=CPU).all()[0].tolist() == POINTS[4:].tolist()


# ---- arrays


def loaded(*given: Any, **more: Any) -> gannets.data.TensorSource:
    return Arrays(*given, **more).load(seed=0, device=CPU)


@pytest.mark.parametrize(
    ("shape", "event"), [((6, 2), (2,)), ((6, 4, 5), (1, 4, 5)), ((6, 3, 4, 5), (3, 4, 5))]
)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "u1"])
def test_points_and_images_are_held_as_they_are(
    shape: tuple[int, ...], event: tuple[int, ...], dtype: str
) -> None:
    given_ = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for layout in (given_, np.asfortranarray(given_), given_[::-1][::-1]):
        source = loaded(layout)
        assert source.shape == event
        x = source.all()[0]
        assert x.dtype == torch.float32
        if dtype == "u1":
            assert source.bounds == (-1.0, 1.0)
            np.testing.assert_allclose(
                x.numpy().reshape(shape), given_ / 127.5 - 1, rtol=0, atol=2e-7
            )
        else:
            assert source.bounds is None
            assert np.array_equal(x.numpy().reshape(shape), given_.astype("f4"))


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "i8"])
def test_integers_are_points(dtype: str) -> None:
    assert loaded(POINTS.astype(dtype)).all()[0].tolist() == POINTS.tolist()
    with pytest.raises(InputError, match="whose white is unknown: convert them to uint8"):
        loaded(POINTS.astype(dtype).reshape(1, 3, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32])
def test_tensors_are_taken_too(dtype: torch.dtype) -> None:
    x = torch.tensor(POINTS, dtype=dtype)
    if x.is_floating_point():
        x.requires_grad_()
    assert loaded(x).all()[0].tolist() == POINTS.tolist()


def test_labels_are_classes() -> None:
    for dtype in ("u1", "i2", "i8", "u8"):
        source = loaded(POINTS, np.array([0, 1, 2, 0, 1, 4], dtype))
        y = source.all()[1]
        assert y is not None
        assert y.dtype == torch.int64
        assert y.tolist() == [0, 1, 2, 0, 1, 4]
        assert source.classes == 5
    assert loaded(POINTS, np.array([0, 1, 2, 0, 1, 4]), split="train[:2]").classes == 5
    assert loaded(POINTS).classes is None


def test_what_the_caller_does_later_changes_nothing() -> None:
    x, y = POINTS.copy(), np.zeros(6, int)
    value = Arrays(x, y)
    before = value.load(seed=0, device=CPU).fingerprint
    x[:], y[:] = -1, 1
    assert value.load(seed=0, device=CPU).fingerprint == before
    still = POINTS.copy()
    still.flags.writeable = False
    assert loaded(still).all()[0].tolist() == POINTS.tolist()


def test_a_recipe_knows_its_arrays_again() -> None:
    value = Arrays(POINTS, np.arange(6), split="train[:4]")
    text = eval(repr(value), {"Arrays": Arrays})
    with pytest.raises(InputError, match=r"arrays in memory.*give them again"):
        text.load(seed=0, device=CPU)
    again = replace(text, x=POINTS, y=np.arange(6))
    assert again == value
    assert again.load(seed=0, device=CPU).all()[0].tolist() == POINTS[:4].tolist()
    with pytest.raises(InputError, match="not the arrays of the recipe"):
        replace(text, x=POINTS + 1, y=np.arange(6))
    with pytest.raises(InputError, match="not the arrays of the recipe"):
        replace(text, x=POINTS)
    assert replace(value, bounds=(0.0, 11.0)).sha256 == value.sha256


def spoilt(row: int, value: float, dtype: str = "f8") -> np.ndarray:
    x = POINTS.astype(dtype)
    x[row, 1] = value
    return x


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ((np.zeros(5),), "(5,): give points (n, features)"),
        ((np.zeros(()),), "(): give points"),
        ((np.zeros((1, 1, 1, 1, 1)),), "give points (n, features), or images"),
        ((np.zeros((0, 2)),), "empty"),
        ((np.zeros((3, 0)),), "empty"),
        ((np.zeros((2, 28, 28, 3), "u1"),), "x.transpose(0, 3, 1, 2)"),
        ((spoilt(3, np.nan),), "not finite (row 3)"),
        ((spoilt(2, -np.inf, "f2"),), "not finite (row 2)"),
        ((spoilt(4, 1e39),), "too large for float32 (row 4)"),
        ((POINTS.astype(object),), "object"),
        ((POINTS.astype(complex),), "complex128"),
        ((POINTS.astype(str),), "<U32"),
        ((POINTS > 3,), "bool"),
        ((np.zeros(3, [("a", "f4")]),), "[('a', '<f4')]"),
        ((POINTS.astype("M8[s]"),), "datetime64"),
        ((np.ma.masked_greater(POINTS, 3),), "masked array"),
        ((POINTS.tolist(),), "x is a list: give a NumPy array or a tensor"),
        ((torch.zeros(2, 2).to_sparse(),), "torch.sparse_coo"),
        ((torch.zeros(2, 2, device="meta"),), "meta"),
        ((), "Arrays needs the samples"),
        ((POINTS, np.arange(5)), "shape (5,) for 6 samples"),
        ((POINTS, np.zeros((6, 1), int)), "shape (6, 1) for 6 samples"),
        ((POINTS, np.arange(6) - 1), "the label -1: number the classes 0 to C-1"),
        ((POINTS, np.arange(6) * 10**6), "the label 5000000: number the classes"),
        ((POINTS, np.full(6, 2**63, "u8")), "the label 9223372036854775808"),
        ((POINTS, np.arange(6.0)), "float64 values: labels are integers"),
        ((POINTS, np.array(list("abcdef"))), "labels are integers"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_a_sentence(given_: Any, why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)) as refused:
        Arrays(*given_)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "bounds",
    [(1.0, 1.0), (1.0, -1.0), (0.0, np.inf), (np.nan, 1.0), (1e9, 1e9 + 1), (-1e300, 1e300)],
)
def test_bounds_that_are_no_interval_are_refused(bounds: tuple[float, float]) -> None:
    for make in (
        lambda: Digits(bounds=bounds),
        lambda: Images("mnist", bounds=bounds),
        lambda: File("x.npy", bounds=bounds),
        lambda: Arrays(POINTS, bounds=bounds),
    ):
        with pytest.raises(InputError, match="The bounds"):
            make()


def test_floats_have_to_lie_within_their_bounds() -> None:
    assert loaded(POINTS, bounds=(0.0, 11.0)).bounds == (0.0, 11.0)
    with pytest.raises(InputError, match=r"from 0 to 11, beyond the bounds \(0.0, 10.0\)"):
        Arrays(POINTS, bounds=(0.0, 10.0))


# ---- files


def save(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_files_give_what_was_saved(tmp_path: Path) -> None:
    y = np.arange(6)
    np.save(tmp_path / "x.npy", np.asfortranarray(POINTS))
    reference = loaded(POINTS, y)
    given_ = {
        "only": save(tmp_path / "a.npz", anything=POINTS),
        "both": save(tmp_path / "b.npz", x=POINTS, y=y, names=np.array(["a", "b"])),
        "parts": save(
            tmp_path / "c.npz", x_train=POINTS, y_train=y, x_test=-POINTS[:2], y_test=y[:2]
        ),
    }
    np.savez_compressed(tmp_path / "d.npz", x=POINTS, y=y)
    sources = {name: File(path).load(seed=0, device=CPU) for name, path in given_.items()}
    sources["npy"] = File(str(tmp_path / "x.npy")).load(seed=0, device=CPU)
    sources["compressed"] = File(str(tmp_path / "d.npz")).load(seed=0, device=CPU)
    for name in ("both", "parts", "compressed"):
        assert sources[name].fingerprint == reference.fingerprint
    for name in ("only", "npy"):
        assert sources[name].fingerprint == loaded(POINTS).fingerprint
    test = File(given_["parts"]).on("test").load(seed=0, device=CPU)
    assert test.fingerprint == loaded(-POINTS[:2], y[:2]).fingerprint


@pytest.mark.parametrize(
    ("arrays", "split", "why"),
    [
        ({"a": POINTS, "b": POINTS}, "train", "holds the samples is not clear (keys: a, b)"),
        ({}, "train", "not clear (keys: none)"),
        ({"x": POINTS, "x_train": POINTS}, "train", "both x and x_train"),
        ({"x": POINTS}, "test", "has no test part (keys: x): save one as x_test"),
        ({"x": POINTS.astype(object)}, "train", "object"),
        ({"x": POINTS.astype(str)}, "train", "holds <U32 values"),
        ({"x": POINTS, "y": np.array(["a"] * 6, object)}, "train", "object"),
        ({"x": POINTS, "y": np.arange(7)}, "train", "shape (7,) for 6 samples"),
        ({"x": POINTS * np.nan}, "train", "not finite"),
    ],
)
def test_files_that_are_unclear_are_refused(
    tmp_path: Path, arrays: dict[str, Any], split: str, why: str
) -> None:
    path = save(tmp_path / "data.npz", **arrays)
    with pytest.raises(InputError, match=re.escape(why)) as refused:
        File(path, split=split).load(seed=0, device=CPU)
    assert "data.npz" in str(refused.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.npy").mkdir()
    np.save(tmp_path / "objects.npy", POINTS.astype(object))
    np.save(tmp_path / "points.npy", POINTS)
    for name, split, why in [
        ("none.npy", "train", "No such file"),
        ("none.npz", "train", "No such file"),
        ("folder.npy", "train", "Is a directory"),
        ("objects.npy", "train", "holds object values"),
        ("points.npy", "test", r"no test part: hold rows back .* train\[:90%\]"),
    ]:
        with pytest.raises(InputError, match=why):
            File(str(tmp_path / name), split=split).load(seed=0, device=CPU)
    with pytest.raises(InputError, match=r"neither \.npy nor \.npz"):
        File("points.csv")


# ---- names


def test_every_name_finds_data() -> None:
    for name, about in NAMES.items():
        data = find(name)
        assert isinstance(data, (Data, Density))
        assert about
        assert "\n" not in about
    assert find("digits") == Digits()
    assert find("fashion_mnist") == Images("fashion_mnist")
    assert find("ring") == Ring()


def test_paths_find_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "points.npy", POINTS)
    (tmp_path / "empty").mkdir()
    (tmp_path / "points.csv").write_text("1,2\n")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "t10k-images.idx3-ubyte").touch()
    monkeypatch.chdir(tmp_path)
    assert find("points.npy") == File("points.npy")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "1.PNG").touch()
    (tmp_path / "photos.zip").touch()
    assert find("pictures") == Images("pictures")
    assert find("points.csv") == Table("points.csv")
    assert find("photos") == Folder("photos")
    assert find("photos.zip") == Folder("photos.zip")
    for name, why in [
        ("ponts.npy", "There is no file ponts.npy"),
        ("empty", "The folder empty holds no images"),
        ("notes.txt", "notes.txt is no data: give a .npy, .npz, .csv or .parquet file"),
        ("tabel.csv", "There is no file tabel.csv"),
        ("faces.zip", "There is no file faces.zip"),
        ("minst", "Unknown data 'minst'. Did you mean 'mnist'?"),
        ("no/such/place", "A path will do too"),
    ]:
        with pytest.raises(InputError, match=re.escape(why)):
            find(name)


def test_arrays_and_densities_open_as_they_are() -> None:
    source = open_source(POINTS, seed=0, device="cpu")
    assert source.fingerprint == loaded(POINTS).fingerprint
    assert open_source(torch.tensor(POINTS), seed=0, device="cpu").fingerprint == source.fingerprint
    rest = open_source(Arrays(POINTS, split="train[:4]"), seed=0, device="cpu", split="validation")
    assert rest.all()[0].tolist() == POINTS[4:].tolist()
    assert open_source(Ring(), seed=0, device="cpu").shape == (2,)


def test_a_name_is_no_data() -> None:
    plain: Callable[..., Any] = open_source
    while hasattr(plain, "__wrapped__"):  # below the type checks that tests add
        plain = plain.__wrapped__
    with pytest.raises(InputError, match=r"A str is no data: give gannets.data.find\('ring'\)"):
        plain("ring", seed=0, device="cpu")
