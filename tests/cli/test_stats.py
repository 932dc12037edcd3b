"""`gannets stats`: a file is built, shown, verified and measured against, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gannets.metrics import load_statistics

Done = tuple[int, str, str]


@pytest.fixture
def built(gannets: Callable[..., Done]) -> Path:
    """Statistics of the digits' test split, in the current folder."""
    code, out, err = gannets(
        "stats", "build", "digits", "--split", "test", "--out", "d.safetensors"
    )
    assert (code, err) == (0, "")
    assert "gannets eval ... --against d.safetensors\n" in out
    return Path("d.safetensors")


def test_what_is_built_is_shown_and_verified(gannets: Callable[..., Done], built: Path) -> None:
    statistics = load_statistics(built)
    assert statistics.moments.n == 300
    assert statistics.origin.split == "test"
    code, out, _ = gannets("stats", "show", built)
    assert code == 0
    for text in ("300 of shape 1 x 8 x 8, split test", "randconv:1", statistics.origin.reference):
        assert text in out
    code, out, err = gannets("stats", "verify", built, "digits")
    assert (code, err) == (0, "")
    assert "has the statistics of digits: 300 samples" in out


def test_other_data_are_not_verified(gannets: Callable[..., Done], built: Path) -> None:
    code, _, err = gannets("stats", "verify", built, "digits", "--split", "validation")
    assert code == 2
    assert "split 'test' and not 'validation'" in err
    code, _, err = gannets("stats", "verify", built, "digits", "--n", 299)
    assert code == 2
    assert "samples '" in err
    code, _, err = gannets("stats", "verify", built, "digits", "--features", "pixels")
    assert code == 2
    assert "extractor 'randconv:1' and not 'pixels'" in err
    built.write_bytes(built.read_bytes()[:-9] + b"\0" * 9)
    code, _, err = gannets("stats", "verify", built, "digits")
    assert code == 2
    assert "damaged" in err


def test_a_draw_is_found_again_however_the_path_is_spelt(gannets: Callable[..., Done]) -> None:
    np.save("x.npy", np.random.default_rng(0).normal(size=(400, 3)))
    build = ("stats", "build", "x.npy", "--n", 100, "--seed", 7, "--out", "x.safetensors")
    assert gannets(*build)[0] == 0
    assert load_statistics(Path("x.safetensors")).origin.features == "values"
    assert gannets("stats", "verify", "x.safetensors", Path("x.npy").resolve())[0] == 0
    code, _, err = gannets("stats", "verify", "x.safetensors", "x.npy", "--seed", 8)
    assert code == 2
    assert "samples '" in err


def test_eval_measures_against_it(gannets: Callable[..., Done], built: Path) -> None:
    x = (load_digits().images / 16).astype(np.float32)[:, None]
    noise = np.random.default_rng(0).normal(size=(500, 1, 8, 8)) * 0.2
    np.save("good.npy", x[:500])
    np.save("bad.npy", (x[:500] + noise).clip(0, 1).astype(np.float32))
    values = {}
    for name in ("good", "bad"):
        code, out, err = gannets(
            "eval", f"{name}.npy", "--against", built, "--features", "randconv", "--json"
        )
        assert (code, err) == (0, "")
        (estimate,) = json.loads(out)["estimates"]
        assert estimate["name"] == "FD[randconv:1]"
        assert estimate["n"] == [300, 500]
        values[name] = estimate["value"]
    assert values["bad"] > 3 * values["good"]
    code, out, _ = gannets("eval", "good.npy", "bad.npy", "--against", built)
    assert code == 0
    assert "FD[randconv:1]" in out
    code, out, _ = gannets("eval", "good.npy", built)
    assert code == 0
    assert "d.safetensors (300, test)" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(["--metrics", "fd,prdc"], "'prdc' needs some", id="metric"),
        pytest.param(["--features", "pca:8"], "fitted to the reference", id="fitted"),
        pytest.param(["--picture", "x.png"], "holds no samples", id="picture"),
        pytest.param(["--holdout", "digits"], "no use for held-out samples", id="holdout"),
    ],
)
def test_eval_refuses_what_a_file_cannot_give(
    gannets: Callable[..., Done], built: Path, more: list[str], said: str
) -> None:
    np.save("x.npy", np.random.default_rng(0).random((50, 1, 8, 8)))
    code, _, err = gannets("eval", "x.npy", "--against", built, *more)
    assert code == 2
    assert said in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "Say what to do", id="nothing"),
        pytest.param(["biuld", "digits"], "Did you mean 'build'?", id="action"),
        pytest.param(["build"], "build takes 1 argument(s), not 0", id="no data"),
        pytest.param(["verify", "x"], "verify takes 2 argument(s), not 1", id="no file"),
        pytest.param(["build", "digits"], "--out FILE.safetensors", id="no out"),
        pytest.param(["build", "digits", "--out", "x.npz"], "name it x.safetensors", id="suffix"),
        pytest.param(["build", "digits", "--out", "no/x.safetensors"], "no folder no", id="folder"),
        pytest.param(["show", "x.safetensors"], "does not exist", id="show"),
        pytest.param(["show", "x.safetensors", "--n", "3"], "no use for --n", id="idle option"),
        pytest.param(["show", "x.safetensors", "--force"], "no use for --force", id="idle force"),
        pytest.param(["build", "digts", "--out", "x.safetensors"], "'digits'", id="data"),
        pytest.param(
            ["build", "digits", "--out", "x.safetensors", "--features", "rondconv"],
            "'randconv'",
            id="features",
        ),
        pytest.param(
            ["build", "digits", "--out", "x.safetensors", "--features", "pca:4"],
            "fitted to the data",
            id="fitted",
        ),
        pytest.param(
            ["build", "digits", "--out", "x.safetensors", "--n", "9999"],
            "1,197 samples, 9,999 were asked for",
            id="n",
        ),
        pytest.param(
            ["build", "digits", "--out", "x.safetensors", "--split", "tset"], "tset", id="split"
        ),
    ],
)
def test_refusals_are_sentences(gannets: Callable[..., Done], words: list[str], said: str) -> None:
    code, out, err = gannets("stats", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("gannets: ")
    assert not list(Path().iterdir())


def test_tables_are_refused(gannets: Callable[..., Done]) -> None:
    Path("t.csv").write_text("a,b\n" + "1.5,x\n2.5,y\n" * 20)
    code, _, err = gannets("stats", "build", "t.csv", "--out", "t.safetensors")
    assert code == 2
    assert "is a table" in err


def test_files_are_replaced_only_by_force(gannets: Callable[..., Done], built: Path) -> None:
    before = built.read_bytes()
    build = ("stats", "build", "digits", "--out", built, "--features", "pixels")
    code, _, err = gannets(*build)
    assert code == 2
    assert "is there already: choose another name, or add --force." in err
    assert built.read_bytes() == before
    assert gannets(*build, "--force")[0] == 0
    assert load_statistics(built).origin.features == "pixels"
