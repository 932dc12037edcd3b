"""`gannets sample`: every kind of file holds what `Model.sample` returns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gannets import Model, load

Done = tuple[int, str, str]


def test_arrays_are_the_samples(gannets: Callable[..., Done], trained: Path) -> None:
    expected = load(trained).sample(12, seed=5)
    assert gannets("sample", trained, "--n", 12, "--seed", 5, "--out", "x.npy")[0] == 0
    np.testing.assert_array_equal(np.load("x.npy"), expected.numpy())
    assert gannets("sample", trained, "--n", 12, "--seed", 5, "--out", "x.npz")[0] == 0
    with np.load("x.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"], expected.numpy())
        np.testing.assert_array_equal(arrays["y"], np.arange(12) % 10)


def test_labels_take_turns(gannets: Callable[..., Done], trained: Path) -> None:
    gannets("sample", trained, "--n", 5, "--label", 7, 3, "--out", "x.npz")
    with np.load("x.npz") as arrays:
        np.testing.assert_array_equal(arrays["y"], [7, 3, 7, 3, 7])
        expected = load(trained).sample(5, labels=[7, 3, 7, 3, 7])
        np.testing.assert_array_equal(arrays["x"], expected.numpy())


def test_a_folder_has_a_picture_of_each(gannets: Callable[..., Done], trained: Path) -> None:
    assert gannets("sample", trained, "--n", 11, "--out", "pictures")[0] == 0
    files = sorted(Path("pictures").iterdir())
    assert [file.name for file in files] == [f"{i:06d}.png" for i in range(11)]
    x = load(trained).sample(11)
    low, high = load(trained).model.space.bounds or (0.0, 0.0)
    for file, image in zip(files, x, strict=True):
        with Image.open(file) as picture:
            assert picture.mode == "L"
            levels = (image[0] - low) / (high - low) * 255
            np.testing.assert_allclose(np.asarray(picture), levels.clamp(0, 255), atol=0.51)


def test_a_sheet_is_put_beside_the_runs_own(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, _ = gannets("sample", trained, "--n", 16)
    path = trained / "samples" / "seed0.png"
    assert (code, out) == (0, f"16 samples are in {path}\n")
    with Image.open(path) as picture:
        width, height = picture.size
    assert width > 3 * height  # two rows of eight
    code, out, _ = gannets("sample", trained)
    assert out == f"64 samples are in {path.with_name('seed0-2.png')}\n"


def test_points_as_a_table_and_a_plot(
    gannets: Callable[..., Done], trained_on_points: Path
) -> None:
    expected = load(trained_on_points).sample(9)
    assert gannets("sample", trained_on_points, "--n", 9, "--out", "deep/x.csv")[0] == 0
    header, *rows = Path("deep/x.csv").read_text().splitlines()
    assert header == "x0,x1"
    read = np.array([row.split(",") for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(read, expected.numpy())
    assert gannets("sample", trained_on_points, "--out", "x.png")[0] == 0
    with Image.open("x.png") as picture:
        red = np.asarray(picture).astype(int)
        assert ((red[..., 0] - red[..., 1]) > 60).any()  # samples, over grey data


def test_a_model_that_was_moved_away_from_its_run(
    gannets: Callable[..., Done], trained: Path, trained_on_points: Path
) -> None:
    Path("moved").symlink_to(trained / "model")
    assert gannets("sample", "moved", "--out", "x.npy")[0] == 0
    np.testing.assert_array_equal(np.load("x.npy"), Model.from_pretrained("moved").sample(64))
    code, _, err = gannets("sample", trained_on_points / "model", "--out", "x.png")
    assert code == 2
    assert "run's directory" in err


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.png", "folder"])
def test_what_is_there_is_not_replaced_unless_asked(
    name: str, gannets: Callable[..., Done], trained: Path
) -> None:
    assert gannets("sample", trained, "--n", 2, "--out", name)[0] == 0
    files = [Path(name)] if "." in name else sorted(Path(name).iterdir())
    before = [file.read_bytes() for file in files]
    code, _, err = gannets("sample", trained, "--n", 2, "--seed", 1, "--out", name)
    assert code == 2
    assert "--force" in err
    assert [file.read_bytes() for file in files] == before
    assert gannets("sample", trained, "--n", 2, "--seed", 1, "--out", name, "--force")[0] == 0
    assert [file.read_bytes() for file in files] != before


def test_force_removes_nothing_else_from_a_folder(
    gannets: Callable[..., Done], trained: Path
) -> None:
    Path("folder").mkdir()
    Path("folder/mine.txt").write_text("precious")
    assert gannets("sample", trained, "--n", 2, "--out", "folder", "--force")[0] == 0
    assert Path("folder/mine.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--out", "x.jpg"], "Unknown kind of file '.jpg'. Did you mean '.png'?"),
        (["--out", "x.csv"], "table"),
        (["--n", "0"], "at least 1"),
        (["--label", "10"], "0 to 9"),
        (["--label", "two"], "whole number"),
        (["--device", "cuda:77"], "device"),
        (["--out", "file/x.png"], "file"),
    ],
)
def test_refusals_leave_nothing(
    words: list[str], part: str, gannets: Callable[..., Done], trained: Path
) -> None:
    Path("file").write_text("in the way")
    code, out, err = gannets("sample", trained, *words)
    assert (code, out) == (2, "")
    assert part in err
    assert [path.name for path in Path().iterdir()] == ["file"]
