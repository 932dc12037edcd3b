"""The IDX reader: right, or a sentence, whatever the bytes; no memory for what is not there."""

from __future__ import annotations

import gzip
import math
import random
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gannets.data import Images
from gannets.data.idx import read_idx
from gannets.errors import InputError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encode(array: np.ndarray) -> bytes:
    """The format's definition, written down once more."""
    kind = array.dtype.newbyteorder("=").str[1:]
    header = struct.pack(f">HBB{array.ndim}I", 0, CODES[kind], array.ndim, *array.shape)
    return header + array.astype(">" + kind).tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "data"


@given(
    kind=st.sampled_from(sorted(CODES)),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    packed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_what_is_written_is_read(
    path: Path, kind: str, shape: list[int], packed: bool, seed: int
) -> None:
    content = np.random.default_rng(seed).bytes(math.prod(shape) * int(kind[1]))
    array = np.frombuffer(content, kind).reshape(shape)
    data = encode(array)
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_idx(path)
    assert found.dtype == np.dtype(kind)
    assert found.shape == tuple(shape)
    assert found.tobytes() == content


def mutations(data: bytes, header: int, n: int) -> list[bytes]:
    """`n` damaged copies: bytes of the header set, inserted or cut, and the end cut or extended."""
    rng = random.Random(0)
    damaged = []
    for _ in range(n):
        copy = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(header)
            match rng.randrange(5):
                case 0:
                    copy[at] = rng.choice([0, 1, 2, 3, 8, 9, 11, 12, 13, 14, 127, 128, 255])
                case 1:
                    copy[at] ^= 1 << rng.randrange(8)
                case 2:
                    copy[at:at] = rng.randbytes(rng.randrange(1, 5))
                case 3:
                    del copy[at : at + rng.randrange(1, 5)]
                case 4:
                    del copy[rng.randrange(header, len(copy) + 1) :]
                    copy += rng.randbytes(rng.choice([0, 0, 1, 8]))
            copy += bytes(max(0, header - len(copy)))
        damaged.append(bytes(copy))
    return damaged


def test_a_damaged_header_is_refused_or_means_what_is_read(path: Path) -> None:
    arrays = [
        np.arange(24, dtype="u1").reshape(2, 3, 4),
        np.arange(6, dtype="i2"),
        np.arange(8, dtype="f4").reshape(2, 4),
    ]
    read = refused = 0
    for array in arrays:
        for data in mutations(encode(array), 4 + 4 * array.ndim, 500):
            path.write_bytes(data)
            try:
                found = read_idx(path)
            except InputError as error:
                assert "\n" not in str(error)  # noqa: PT017 (refusing is one of two right answers)
                refused += 1
            else:
                assert encode(found) == data
                read += 1
    assert read > 10
    assert refused > 1000


def test_a_damaged_gzip_is_refused_or_unpacks_to_the_same(path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 4, 4)).astype("u1")
    packed = gzip.compress(encode(array), mtime=0)
    refused = 0
    for data in mutations(packed, len(packed), 1000):
        path.write_bytes(data)
        try:
            found = read_idx(path)
        except InputError:
            refused += 1
        else:  # the checksum vouches for it: only the time stamp or the like is another
            assert np.array_equal(found, array)
    assert refused > 500


def test_every_truncation_is_refused(path: Path) -> None:
    data = encode(np.arange(24, dtype="u1").reshape(2, 3, 4))
    packed = gzip.compress(data)
    for whole in (data, packed):
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(InputError):
                read_idx(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "begins with nothing"),
        (b"\x89PNG\r\n", "is not an IDX file: it begins with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\1\0", "begins with 00 00 07 01"),
        (b"\0\0\x08\0", "claims 0 dimensions, where 1 to 32"),
        (b"\0\0\x08\x21" + b"\0\0\0\1" * 33 + b"\0", "claims 33 dimensions"),
        (b"\0\0\x08\x02\0\0\0\1", "ends within its header"),
        (b"\0\0\x08\x01\0\0\0\0", "shape (0,), which is empty"),
        (b"\0\0\x08\x01\0\0\0\x05\0", "ends after 1 of 5 bytes"),
        (b"\0\0\x08\x01\0\1\0\0\0", "claims 65,536 bytes, more than the file can hold"),
        (b"\0\0\x08\x01\0\0\0\1\0\0", "goes on after the 1 bytes"),
    ],
)
def test_each_kind_of_damage_has_its_sentence(path: Path, data: bytes, why: str) -> None:
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(why)) as refused:
            read_idx(path)
        assert str(path) in str(refused.value)


def test_an_absurd_header_costs_no_memory(path: Path) -> None:
    headers = [
        struct.pack(">HBB3I", 0, 0x0E, 3, *[2**32 - 1] * 3),
        struct.pack(">HBB2I", 0, 0x08, 2, 60000, 784),
        struct.pack(">HBBI", 0, 0x08, 1, 2**31),
    ]
    for header in headers:
        for content in (header, gzip.compress(header), gzip.compress(header + bytes(2**20))):
            path.write_bytes(content)
            tracemalloc.start()
            with pytest.raises(InputError):
                read_idx(path)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 2**23


# ---- folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = np.arange(4 * 9, dtype="u1").reshape(4, 3, 3)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(encode(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(encode(np.array([0, 1, 2, 1], "u1")))
    (tmp_path / "test-images.idx3-ubyte.gz").write_bytes(gzip.compress(encode(images[:2])))
    return tmp_path


def load(folder: Path, split: str = "train") -> object:
    return Images(str(folder), split=split).load(seed=0, device=torch.device("cpu"))


def test_a_folder_of_ones_own_is_read(folder: Path) -> None:
    train = Images(str(folder)).load(seed=0, device=torch.device("cpu"))
    x, y = train.all()
    assert x.shape == (4, 1, 3, 3)
    np.testing.assert_allclose(x.numpy().ravel(), np.arange(36) / 127.5 - 1, rtol=0, atol=2e-7)
    assert y is not None
    assert y.tolist() == [0, 1, 2, 1]
    assert train.classes == 3
    test = Images(str(folder), split="test").load(seed=0, device=torch.device("cpu"))
    assert (len(test), test.classes) == (2, None)
    # A file and its gzipped twin are one file.
    twin = folder / "train-images-idx3-ubyte"
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(twin.read_bytes()))
    assert len(Images(str(folder)).load(seed=0, device=torch.device("cpu"))) == 4


def test_a_folder_that_will_not_do_is_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(InputError, match="holds no IDX file of train images"):
        load(tmp_path_factory.mktemp("empty"))
    with pytest.raises(InputError, match="is no folder"):
        load(folder / "none")
    with pytest.raises(InputError, match=r"Unknown image set 'mnits'. Did you mean 'mnist'"):
        load(Path("mnits"))
    labels = folder / "train-labels-idx1-ubyte"
    labels.write_bytes(encode(np.zeros(3, "u1")))
    with pytest.raises(InputError, match=r"shape \(3,\) for 4 samples"):
        load(folder)
    images = folder / "train-images-idx3-ubyte"
    images.write_bytes(encode(np.zeros((4, 9), "u1")))
    with pytest.raises(InputError, match="images have 3 dimensions"):
        load(folder)
    (folder / "train-images.idx3-ubyte").touch()
    with pytest.raises(InputError, match="2 files for one part"):
        load(folder)
