"""The .npy and .npz readers: right, or a sentence; nothing unpickled; no memory for claims."""

from __future__ import annotations

import io
import pickle
import random
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets.data import File, TensorSource
from gannets.errors import InputError

POINTS = np.arange(12, dtype="f4").reshape(6, 2)


def load(path: Path) -> TensorSource:
    return File(str(path)).load(seed=0, device=torch.device("cpu"))


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version, allow_pickle=True)
    return buffer.getvalue()


def claiming(shape: str) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(48)


def test_every_version_of_the_format_is_read(tmp_path: Path) -> None:
    for version in [(1, 0), (2, 0)]:
        (tmp_path / "x.npy").write_bytes(npy(POINTS, version))
        assert load(tmp_path / "x.npy").all()[0].tolist() == POINTS.tolist()


def test_a_damaged_npy_is_refused_or_means_what_numpy_reads(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "x.npy"
    whole, read, refused = npy(POINTS), 0, 0
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 2, 3])):
            at = rng.randrange(128)  # magic, version, length, the header's text, its padding
            data[at] = rng.choice([rng.randrange(256), *b"'(),:{}       0123456789<>ifu"])
        if rng.random() < 0.1:
            del data[rng.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            found = load(path).all()[0].numpy()
        except InputError:
            refused += 1
        else:
            expected = np.load(io.BytesIO(data), allow_pickle=False)
            assert np.array_equal(found, expected.astype("f4").reshape(found.shape))
            read += 1
    assert read > 10
    assert refused > 500


def test_a_damaged_npz_is_refused_or_unpacks_to_the_same(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "x.npz"
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=POINTS, y=np.arange(6))
    whole, refused = buffer.getvalue(), 0
    for _ in range(1000):
        data = bytearray(whole)
        data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            found = load(path).all()[0].numpy()
        except InputError:
            refused += 1
        else:
            assert np.array_equal(found, POINTS)
    assert refused > 300


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    (tmp_path / "x.npy").write_bytes(npy(np.array([[Trap()]], dtype=object)))
    np.savez(tmp_path / "x.npz", x=np.array([[Trap()]], dtype=object))
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("x.npy", "x.npz", "raw.npy"):
        with pytest.raises(InputError):
            load(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("shape", ["(10000000000, 2)", "(1000000, 1000000)", "(7, 2)", "(5, 2)"])
def test_a_header_that_claims_another_size_costs_no_memory(tmp_path: Path, shape: str) -> None:
    (tmp_path / "x.npy").write_bytes(claiming(shape))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", claiming(shape))
    for name in ("x.npy", "x.npz"):
        tracemalloc.start()
        with pytest.raises(InputError, match="is damaged: its header claims"):
            load(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**21


def test_an_archive_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", claiming("(6, 2)"))
    size = len(claiming("(6, 2)"))
    data = path.read_bytes()
    assert data.count(size.to_bytes(4, "little")) == 2
    path.write_bytes(data.replace(size.to_bytes(4, "little"), (10**9).to_bytes(4, "little")))
    with pytest.raises(InputError, match="damaged"):
        load(path)
