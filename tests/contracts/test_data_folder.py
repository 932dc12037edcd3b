"""Folders and archives of image files: pixels, sizes, classes, parts, and what is refused."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gannets.data import Folder, TensorSource, shelves
from gannets.data.pictures import decode
from gannets.errors import InputError

CPU = torch.device("cpu")
Shared = Callable[[str], Path]
RNG = np.random.default_rng(0)


def save(path: Path, pixels: np.ndarray, **more: Any) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **more)
    return pixels


def grey(h: int = 6, w: int = 4) -> np.ndarray:
    return RNG.integers(0, 256, (h, w), dtype=np.uint8)


def colour(h: int = 6, w: int = 4) -> np.ndarray:
    return RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)


def load(path: Path, **more: Any) -> TensorSource:
    return Folder(str(path), bounds=(0.0, 255.0), **more).load(seed=0, device=CPU)


def rows(source: TensorSource) -> set[bytes]:
    return {x.round().byte().numpy().tobytes() for x in source.all()[0]}


def zipped(folder: Path, under: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, under + file.relative_to(folder).as_posix())
        archive.writestr("__MACOSX/._a.png", b"resource fork")
    return path


# ---- pixels


def test_lossless_files_come_back_bit_for_bit(tmp_path: Path) -> None:
    there = [save(tmp_path / f"{i}{suffix}", colour()) for i, suffix in enumerate((".png", ".bmp"))]
    there.append(save(tmp_path / "deep" / "er" / "2.webp", colour(), lossless=True))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"no image")
    source = load(tmp_path)
    assert source.shape == (3, 6, 4)
    assert source.classes is None
    assert rows(source) == {x.transpose(2, 0, 1).tobytes() for x in there}
    assert load(zipped(tmp_path)).fingerprint == source.fingerprint
    assert load(zipped(tmp_path, under="photos/all/")).fingerprint == source.fingerprint


def test_grey_files_are_grey_unless_one_has_colour(tmp_path: Path) -> None:
    a = save(tmp_path / "a.png", grey())
    Image.fromarray(grey()).convert("P").save(tmp_path / "b.gif")
    assert load(tmp_path).shape == (1, 6, 4)
    assert a.tobytes() in rows(load(tmp_path))
    b = save(tmp_path / "c.png", colour())
    assert load(tmp_path).shape == (3, 6, 4)
    assert np.stack([a] * 3).tobytes() in rows(load(tmp_path))
    luma = np.asarray(Image.fromarray(b).convert("L"))
    assert luma.tobytes() in rows(load(tmp_path, channels=1))


def test_exif_turns_an_image_upright(tmp_path: Path) -> None:
    upright = colour(4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    for name in ("a.png", "a.webp"):
        save(tmp_path / name, np.rot90(upright).copy(), exif=exif, lossless=True)
    assert rows(load(tmp_path)) == {upright.transpose(2, 0, 1).tobytes()}


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert load(tmp_path).all()[0].unique().tolist() == [10.0]


def test_a_size_crops_the_middle_and_reduces_without_aliasing(tmp_path: Path) -> None:
    # Stripes of one pixel, 0 and 255: their mean is 127.5; a filter that aliases gives 0 or 255.
    wide = np.zeros((32, 96), np.uint8)
    wide[:, 32:64] = np.arange(32)[:, None] % 2 * 255
    save(tmp_path / "wide.png", wide)
    x = load(tmp_path, size=8).all()[0]
    assert x.shape == (1, 1, 8, 8)
    # At the edge the filter sees fewer stripes; the rest is its ripple, 3 lobes wide.
    assert float((x - 127.5).abs()[:, :, 1:-1, 1:-1].max()) < 4
    save(tmp_path / "tall.png", np.full((50, 10), 7, np.uint8))
    assert load(tmp_path, size=(4, 12)).shape == (1, 4, 12)
    same = save(tmp_path / "same" / "a.png", grey(8, 8))
    assert rows(load(tmp_path / "same", size=8)) == {same.tobytes()}


def test_sizes_that_differ_need_a_size(tmp_path: Path) -> None:
    for i, (h, w) in enumerate([(6, 4), (6, 4), (5, 9)]):
        save(tmp_path / f"{i}.png", grey(h, w))
    with pytest.raises(InputError, match=r"2 different sizes, most often 6 x 4.*size=4\)"):
        load(tmp_path)
    assert load(tmp_path, size=4).shape == (1, 4, 4)


def test_transparency_is_never_dropped_in_silence(tmp_path: Path) -> None:
    rgba = np.dstack([colour(), np.full((6, 4), 255, np.uint8)])
    save(tmp_path / "opaque.png", rgba)
    assert rows(load(tmp_path)) == {rgba[..., :3].transpose(2, 0, 1).tobytes()}
    rgba[0, 0, 3] = 0
    save(tmp_path / "clear.png", rgba)
    with pytest.raises(InputError, match=r"clear.png in .* transparent.*background=255"):
        load(tmp_path)
    rgba[0, 0, :3] = 255
    assert rgba[..., :3].transpose(2, 0, 1).tobytes() in rows(load(tmp_path, background=255))


def test_sixteen_bits_are_refused_in_grey_and_in_colour(tmp_path: Path) -> None:
    save(tmp_path / "grey" / "a.png", np.full((4, 4), 40_000, np.uint16))
    with pytest.raises(InputError, match="more than 8 bits a channel"):
        load(tmp_path / "grey")

    # A PNG of 16-bit RGB, which Pillow reads as 8 bits without a word: one pixel, written by hand.
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    blob = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    blob += chunk(b"IDAT", zlib.compress(bytes(7))) + chunk(b"IEND", b"")
    assert Image.open(io.BytesIO(blob)).mode == "RGB"
    with pytest.raises(InputError, match="more than 8 bits a channel"):
        decode(blob, size=None, channels=3, background=None)


# ---- classes and parts


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    marks = {"cat": 10, "dog": 20, "ant": 30}
    for name, mark in marks.items():
        for i in range(20):
            save(tmp_path / name / f"{i}.png", np.full((4, 4), mark, np.uint8))
    for path in (tmp_path, zipped(tmp_path), zipped(tmp_path, under="pets/")):
        source = load(path)
        x, y = source.all()
        assert y is not None
        assert source.classes == 3
        assert Folder(str(path)).class_names() == ("ant", "cat", "dog")
        assert torch.equal(x[:, 0, 0, 0], torch.tensor([30.0, 10.0, 20.0])[y])
        # A slice has of every class: 60 in random order leave none of three out of 30.
        half = load(path, split="train[:50%]")
        assert half.classes == 3
        assert len(half.all()[1].unique()) == 3  # type: ignore[union-attr]
    save(tmp_path / "stray.png", grey(4, 4))
    assert load(tmp_path).classes is None


def test_parts_are_sub_folders(tmp_path: Path) -> None:
    for part, n in (("train", 6), ("test", 3), ("val", 2)):
        for i in range(n):
            save(tmp_path / part / "ab"[i % 2] / f"{i}.png", grey())
    for path in (tmp_path, zipped(tmp_path, under="set/")):
        data = Folder(str(path))
        sizes = [
            len(data.on(part).load(seed=0, device=CPU)) for part in ("train", "validation", "test")
        ]
        assert sizes == [6, 2, 3]
        assert data.load(seed=0, device=CPU).classes == 2
        sliced = Folder(str(path), split="train[:4]")
        assert len(sliced.on("validation").load(seed=0, device=CPU)) == 2
        assert sliced.on("validation").split == "train[4:]"
        assert not rows(load(path, split="train[:4]")) & rows(load(path, split="train[4:]"))
    save(tmp_path / "stray.png", grey())
    with pytest.raises(InputError, match="1 images outside its parts test, train, validation"):
        load(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("car", "train", "plane"):
        save(tmp_path / name / "a.png", grey())
    assert Folder(str(tmp_path)).class_names() == ("car", "plane", "train")
    with pytest.raises(InputError, match="has no test part"):
        load(tmp_path, split="test")


# ---- refusals


def test_broken_files_are_named(tmp_path: Path) -> None:
    for i in range(4):
        save(tmp_path / f"{i}.png", colour(40, 40))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"The image 1.png in .* cannot be used") as one:
        load(tmp_path)
    assert "more" not in str(one.value)
    (tmp_path / "2.png").write_bytes(b"nothing of the kind")
    (tmp_path / "3.png").write_bytes(b"")
    for path in (tmp_path, zipped(tmp_path)):
        with pytest.raises(
            InputError, match=r"2.png in .* cannot be used \(.*\), nor can 1 more: "
        ):
            load(path)


def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for suffix in (".png", ".jpg", ".gif", ".webp", ".bmp"):
        path = tmp_path / suffix[1:] / f"a{suffix}"
        save(path, colour(16, 16))
        whole = path.read_bytes()
        outcomes = set()
        for _ in range(60):
            blob = bytearray(whole)
            for at in rng.integers(0, len(blob), rng.integers(1, 4)):
                blob[at] = rng.integers(256)
            path.write_bytes(blob)
            try:
                outcomes.add(str(load(path.parent, size=8, background=0).shape[1:]))
            except InputError as error:
                outcomes.add("named" if f"a{suffix}" in str(error) else str(error))
        assert outcomes <= {"(8, 8)", "named"}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(lambda: Folder("x", size=0), "The size 0 is none", id="size"),
        pytest.param(lambda: Folder("x", size=(4, 0)), "The size (4, 0) is none", id="sides"),
        pytest.param(lambda: Folder("x", channels=2), "give 1 or 3", id="channels"),
        pytest.param(lambda: Folder("x", background=256), "give 0 to 255", id="background"),
        pytest.param(lambda: Folder("x", bounds=(1.0, 0.0)), "The bounds", id="bounds"),
        pytest.param(lambda: Folder("x", split="trian"), "Unknown split", id="split"),
        pytest.param(lambda: load(Path("no/such")), "There is no folder or archive", id="path"),
    ],
)
def test_what_is_none_is_refused(make: Callable[[], object], why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)):
        make()


def test_an_archive_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match="is no zip archive that can be read"):
        load(tmp_path / "broken.zip")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", zipped(tmp_path / "empty")):
        with pytest.raises(InputError, match="holds no images"):
            load(path)


def test_bombs_are_refused_before_they_go_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 64 MB of zeros pack into 64 kB; an image file may take 256 MB, here 1.
    monkeypatch.setattr(shelves, "LONGEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(64 << 20))
    tracemalloc.start()
    with pytest.raises(InputError, match="more than 1,048,576 bytes"):
        load(tmp_path / "bomb.zip")
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    # A header may claim any number of pixels.
    save(tmp_path / "wide" / "a.png", np.zeros((1, 1), np.uint8))
    blob = bytearray((tmp_path / "wide" / "a.png").read_bytes())
    blob[16:24] = (9000).to_bytes(4, "big") * 2
    blob[29:33] = zlib.crc32(blob[12:29]).to_bytes(4, "big")
    (tmp_path / "wide" / "a.png").write_bytes(blob)
    with pytest.raises(InputError, match="9,000 x 9,000 pixels"):
        load(tmp_path / "wide")
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


# ---- the shared sets, whose counts and means their README states


def test_faces(shared_data: Shared) -> None:
    data = Folder(str(shared_data("faces48") / "faces48.zip"), bounds=(0.0, 1.0))
    source = data.load(seed=0, device=CPU)
    x, y = source.all()
    assert x.shape == (5744, 1, 48, 48)
    # Stated to four places.
    assert float(x.mean(dtype=torch.float64)) == pytest.approx(0.5055, abs=6e-5)
    assert float(x.double().std()) == pytest.approx(0.2539, abs=6e-5)
    assert y is not None
    held_out = data.on("test").load(seed=0, device=CPU).all()[1]
    assert held_out is not None
    assert torch.bincount(held_out).tolist() == [491, 55, 528, 879, 626, 594, 416]


def test_flowers(shared_data: Shared) -> None:
    data = Folder(str(shared_data("flowers128") / "flowers128.zip"), bounds=(0.0, 1.0), size=32)
    x, y = data.load(seed=0, device=CPU).all()
    assert x.shape == (4317, 3, 32, 32)
    # Resampling keeps means, within what rounding to bytes and the edges change.
    for mean, stated in zip(x.mean((0, 2, 3)).tolist(), (0.4589, 0.4203, 0.3088), strict=True):
        assert mean == pytest.approx(stated, abs=2e-3)
    assert y is not None
    assert torch.bincount(y).tolist() == [764, 1052, 784, 733, 984]


def test_cats_and_dogs_need_a_size(shared_data: Shared) -> None:
    data = Folder(str(shared_data("cats_dogs") / "cats_dogs.zip"))
    with pytest.raises(InputError, match="have 194 different sizes"):
        data.load(seed=0, device=CPU)
