"""Named sets: where they are looked for, and a download that works whole or leaves no trace."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets.data import Images, catalogue, data_dir, download
from gannets.data.catalogue import NamedSet, RemoteFile
from gannets.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (1000, 10, 10)).astype("u1")
LABELS = np.arange(1000, dtype="u1") % 10


def packed(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


CONTENT = {
    "train-images-idx3-ubyte.gz": packed(IMAGES),
    "train-labels-idx1-ubyte.gz": packed(LABELS),
    "t10k-images-idx3-ubyte.gz": packed(IMAGES[::2]),
    "t10k-labels-idx1-ubyte.gz": packed(LABELS[::2]),
}
SET = NamedSet(
    "mnist",
    "a small one",
    "http://127.0.0.1:1",  # nobody answers: tests name a mirror
    tuple(
        RemoteFile(name, len(data), hashlib.sha256(data).hexdigest())
        for name, data in CONTENT.items()
    ),
)


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT below /mnist/, well or badly."""

    def __init__(self, mode: list[str], *args: object) -> None:
        self.mode = mode
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = self.path.removeprefix("/mnist/")
        mode = self.mode[0] if name.startswith("train-images") else "good"
        if mode == "missing" or name not in CONTENT:
            self.send_error(404)
            return
        data = CONTENT[name]
        if mode == "corrupt":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if mode == "long":
            data += b"!"
        self.send_response(200)
        if mode != "unmeasured":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if mode in ("cut", "stalled"):
            data = data[: len(data) // 2]
        self.wfile.write(data)
        if mode == "stalled":
            self.server.stop.wait(10)  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        pass


class Server:
    def __init__(self, url: str, mode: list[str]) -> None:
        self.url, self._mode = url, mode

    def be(self, mode: str) -> None:
        self._mode[:] = [mode]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    mode = ["good"]
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, mode))
    http.stop = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setenv("GANNETS_MIRROR", url + "/")
    yield Server(url, mode)
    http.stop.set()  # type: ignore[attr-defined]
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, a small set called mnist, and no folder of data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GANNETS_DATA", raising=False)
    monkeypatch.delenv("GANNETS_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(catalogue.SETS, "mnist", SET)
    return tmp_path / "cache" / "gannets" / "mnist"


def pixels(split: str = "train") -> np.ndarray:
    source = Images("mnist", split=split, bounds=(0.0, 255.0)).load(
        seed=0, device=torch.device("cpu")
    )
    return source.all()[0].numpy()[:, 0]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_download_is_kept(server: Server, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert np.array_equal(pixels(), IMAGES)
    assert capfd.readouterr() == ("", "")  # nobody is watching: no progress bar
    # What was asked for and nothing else, readable by those who may read the user's files.
    assert files(cache.parents[1]) == {
        name: data for name, data in CONTENT.items() if name.startswith("train")
    }
    mask = os.umask(0)
    os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in cache.iterdir()} == {0o666 & ~mask}
    server.be("missing")
    assert np.array_equal(pixels(), IMAGES)  # the second time from the cache
    assert np.array_equal(pixels("test"), IMAGES[::2])
    assert files(cache) == CONTENT


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("missing", "answers 404"),
        ("corrupt", "another sha256"),
        ("cut", "ends after"),
        ("long", "gives more than"),
    ],
)
def test_a_failed_download_leaves_no_trace(
    server: Server, cache: Path, tmp_path: Path, mode: str, why: str
) -> None:
    server.be(mode)
    with pytest.raises(InputError, match=why) as refused:
        pixels()
    assert list(tmp_path.iterdir()) == []
    # One sentence with all that is needed to do it by hand.
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert f"{server.url}/mnist/train-images-idx3-ubyte.gz" in sentence
    for expected in (str(cache), "--data-dir", "GANNETS_DATA"):
        assert expected in sentence
    for file in SET.files:
        assert f"{file.name} (sha256 {file.sha256})" in sentence
    # And by hand it is done, while the server is still bad.
    cache.mkdir(parents=True)
    for name, data in CONTENT.items():
        (cache / name).write_bytes(data)
    assert np.array_equal(pixels(), IMAGES)


def test_a_server_that_does_not_say_the_length_will_do(server: Server) -> None:
    server.be("unmeasured")
    assert np.array_equal(pixels(), IMAGES)


def test_a_server_that_stalls_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.be("stalled")
    with pytest.raises(InputError, match="timed out"):  # midway
        pixels()
    silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
    monkeypatch.setenv("GANNETS_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
    with silent, pytest.raises(InputError, match="timed out"):
        pixels()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mirror", "why"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("file:///etc", "no http or https address"),
        ("http://", "no http or https address"),
        ("http://127.0.0.1:x", "nonnumeric port"),
    ],
)
def test_a_mirror_that_is_none_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str, why: str
) -> None:
    monkeypatch.setenv("GANNETS_MIRROR", mirror)
    with pytest.raises(InputError, match=why):
        pixels()
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_sentence_names_the_sets_own_address(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mnist is not here, and http://127.0.0.1:1/train-images"):
        pixels()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_sentence(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written"):
        pixels()
    assert files(tmp_path) == {"file": b"no folder"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_a_sentence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o555)
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
        pixels()
    assert files(tmp_path) == {}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_no_trace(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    write = Path.write_bytes

    def fail(path: Path, data: bytes) -> int:
        write(path, data[:100])
        raise error

    monkeypatch.setattr(Path, "write_bytes", fail)
    interrupted = isinstance(error, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt if interrupted else InputError):
        pixels()
    assert list(tmp_path.iterdir()) == []


def test_where_a_person_watches_a_bar_shows_what_comes(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    pixels()
    assert "train-images-idx3-ubyte.gz" in terminal.getvalue()
    assert capfd.readouterr().out == ""


# ---- where files are looked for


def put(folder: Path, names: tuple[str, ...] = tuple(CONTENT)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(CONTENT[name])
    return folder


def test_a_folder_of_data_comes_before_the_cache(tmp_path: Path, cache: Path) -> None:
    put(tmp_path / "data" / "mnist")
    for folder in (tmp_path / "data", tmp_path / "data" / "mnist"):
        with data_dir(folder):
            assert np.array_equal(pixels(), IMAGES)
    assert not cache.exists()
    # What the folder lacks is looked for in the cache.
    put(cache, ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"))
    (tmp_path / "empty").mkdir()
    with data_dir(tmp_path / "empty"):
        assert np.array_equal(pixels(), IMAGES)


def test_data_dir_lasts_for_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with data_dir(tmp_path):
        assert os.environ["GANNETS_DATA"] == str(tmp_path)
        with data_dir(None):
            assert os.environ["GANNETS_DATA"] == str(tmp_path)
    assert "GANNETS_DATA" not in os.environ
    monkeypatch.setenv("GANNETS_DATA", "before")
    with pytest.raises(ZeroDivisionError), data_dir(tmp_path):
        _ = 1 / 0
    assert os.environ["GANNETS_DATA"] == "before"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "cache" / "gannets" / "mnist")
    with data_dir(tmp_path / "dta"), pytest.raises(InputError, match=r"dta, which is no folder"):
        pixels()


def test_a_damaged_file_is_refused_and_a_neighbours_is_passed_over(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "data")
    put(cache)
    name = "train-images-idx3-ubyte.gz"
    (folder / name).write_bytes(CONTENT[name][:-1])
    with data_dir(folder), pytest.raises(InputError, match="is damaged or another file") as refused:
        pixels()
    assert str(folder / name) in str(refused.value)
    # All sets in the layout of MNIST have the same file names: another set's file is no damage.
    other = CONTENT["t10k-images-idx3-ubyte.gz"]
    neighbour = RemoteFile(name, len(other), hashlib.sha256(other).hexdigest())
    monkeypatch.setitem(
        catalogue.SETS, "fashion_mnist", NamedSet("fashion_mnist", "", "", (neighbour,))
    )
    (folder / name).write_bytes(other)
    with data_dir(folder):
        assert np.array_equal(pixels(), IMAGES)


@pytest.mark.parametrize(
    ("given", "expected"), [("/x/y", "/x/y/gannets"), ("relative", "/h/.cache/gannets"), ("", None)]
)
def test_the_cache_is_where_the_platform_keeps_it(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: str | None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", "/h")
    assert catalogue.cache() == Path(expected or "/h/.cache/gannets")
