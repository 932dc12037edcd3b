"""`gannets eval`, and what `gannets train` measures: the report, the files, the refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gannets import evaluate, load
from gannets.metrics import METRICS, Report
from gannets.training import StopWhen
from tests.cli.conftest import TINY

Done = tuple[int, str, str]
CHEAP = ["--metrics", "fd,prdc"]


def test_a_report_of_a_run(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, err = gannets("eval", trained, *CHEAP)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"fake      {trained} (300)")
    assert lines[1].startswith("real      Digits(")
    assert any(line.startswith("FD[randconv:1] ") for line in lines)
    assert any(line.startswith("coverage[randconv:1] ") for line in lines)
    report = evaluate(fake=trained, metrics="fd,prdc")
    assert isinstance(report, Report)
    for estimate in report:
        assert estimate.meaning in out


def test_json_is_what_python_gets(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, err = gannets("eval", trained, *CHEAP, "--json", "--seed", 4, "--n", 50)
    assert (code, err) == (0, "")
    found = Report.from_json(json.loads(out))
    expected = evaluate(fake=trained, metrics="fd,prdc", seed=4, n=50)
    assert isinstance(expected, Report)
    assert found.estimates == expected.estimates
    assert found["fd"].n == (50, 50)
    assert found["fd"].seed == 4


def test_a_report_and_a_picture_are_kept(gannets: Callable[..., Done], trained: Path) -> None:
    words = ("eval", trained, "--metrics", "fd", "--out", "r.json", "--picture", "p.png")
    assert gannets(*words)[0] == 0
    assert Report.from_json(json.loads(Path("r.json").read_text()))["fd"].value > 0
    with Image.open("p.png") as picture:
        assert picture.width > 100
    code, _, err = gannets(*words)
    assert code == 2
    assert "r.json is there already" in err


def test_runs_side_by_side(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, _ = gannets("eval", trained, trained, *CHEAP)
    assert code == 0
    head = out.splitlines()[0].split()
    assert head[:2] == ["metric", "floor"]
    assert sum(line.startswith("FD[") for line in out.splitlines()) == 1


def test_samples_against_data(gannets: Callable[..., Done]) -> None:
    rng = np.random.default_rng(0)
    np.save("fake.npy", rng.normal(size=(80, 3)))
    np.savez("real.npz", x=rng.normal(size=(90, 3)))
    np.save("more.npy", rng.normal(size=(80, 3)))
    one = gannets("eval", "fake.npy", "real.npz", *CHEAP)
    assert one[0] == 0
    assert one[1].splitlines()[:2] == ["fake      fake.npy (80)", "real      real.npz (90)"]
    assert gannets("eval", "fake.npy", "--against", "real.npz", *CHEAP) == one
    several = gannets("eval", "fake.npy", "more.npy", "--against", "real.npz", *CHEAP)
    assert several[0] == 0
    assert "more.npy" in several[1].splitlines()[0]
    held = gannets(
        "eval",
        "fake.npy",
        "--against",
        "real.npz",
        "--holdout",
        "more.npy",
        "--metrics",
        "memorisation",
    )
    assert held[0] == 0
    assert "closer to train" in held[1]


def test_the_list_names_every_metric(gannets: Callable[..., Done]) -> None:
    code, out, _ = gannets("eval", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(METRICS)
    assert all(len(line.split()) > 3 for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say what to measure"),
        (("nowhere.npy",), "nowhere.npy is no run"),
        (("nowhere.npy", "digits"), "There is no file nowhere.npy"),
        (("RUN", "--metrics", "fdd"), "Did you mean 'fd'"),
        (("RUN", "--metrics", "memorisation", "--against", "digits"), "never saw"),
        (("RUN", "--features", "rancdonv"), "Did you mean 'randconv'"),
        (("RUN", "--features", "classifier:nowhere"), "is no classifier"),
        (("RUN", "--features", "inception:nowhere.pth"), "There is no file nowhere.pth"),
        (("RUN", "--features", "module:nowhere.py:f"), "nowhere.py"),
        (("RUN", "--features", "discriminator:nowhere"), "directory of a run"),
        (("RUN", "--n", "1"), "at least 2"),
        (("RUN", "--n", "10000000"), "choose n up to"),
        (("RUN", "--n", "many"), "whole number"),
        (("RUN", "--out", "x.txt"), "name it x.json"),
        (("RUN", "--out", "no/folder/x.json"), "There is no folder"),
        (("RUN", "--picture", "x.jpg"), "name it x.png"),
        (("RUN", "--against", "ring"), "both sides must be of one shape"),
        (("RUN", "--device", "tpu"), "tpu"),
        (("RUN", "--metric", "fd"), "Did you mean '--metrics'"),
        (("RUN", "--metrics", "fd", "--best"), "no best model"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_refusals(
    gannets: Callable[..., Done], unmeasured: Path, words: tuple[str, ...], sentence: str
) -> None:
    given = [str(unmeasured) if word == "RUN" else word for word in words]
    code, out, err = gannets("eval", *given)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""
    assert not list(Path().iterdir())


@pytest.fixture(scope="module")
def unmeasured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gannets.cli import main

    path = tmp_path_factory.mktemp("unmeasured") / "digits"
    words = ["train", "digits", "--out", str(path), "--quiet", *TINY, "--eval-every", "0"]
    assert main(words) == 0
    assert not (path / "eval").exists()
    return path


# What a training measures.


def test_training_measures_and_keeps_the_best(gannets: Callable[..., Done]) -> None:
    words = ("--eval-every", 5, "--metrics", "energy,PRDC(k=3)", "--stop-when", "energy:9")
    code, out, err = gannets("train", "digits", *TINY, *words, "--out", "run")
    assert (code, err) == (0, "")
    run = load("run")
    assert [step for step, _ in run.evaluations()] == [0, 5, 10, 15, 20]
    assert run.recipe.evaluation is not None
    assert run.recipe.evaluation.stop == StopWhen(metric="energy", patience=9)
    assert run.recipe.evaluation.best == "energy"
    assert "measured   energy[randconv:1] " in out
    best = run.best()["energy"]
    assert f"at step {best.step}: run/model-best" in out
    assert "gannets eval run" in out
    shown = gannets("show", "run")
    assert "measured" in shown[1]
    assert "best model" in shown[1]
    assert gannets("sample", "run", "--best", "--n", 3, "--out", "x.npy")[0] == 0
    np.testing.assert_array_equal(np.load("x.npy"), run.best_model.sample(3).numpy())
    assert gannets("eval", "run", "--best", "--metrics", "fd")[0] == 0


def test_the_first_metric_decides(gannets: Callable[..., Done]) -> None:
    words = ("--eval-every", 10, "--metrics", "prdc,fd", "--quiet", "--out", "run")
    assert gannets("train", "digits", *TINY, *words)[0] == 0
    assert list(load("run").best()) == ["precision"]


def test_training_stops_when_it_is_good_enough(gannets: Callable[..., Done]) -> None:
    code, out, _ = gannets(
        "train", "digits", *TINY, "--eval-every", 5, "--stop-when", "fd<1e9", "--out", "run"
    )
    assert code == 0
    assert "ended" in out
    assert "has reached" in out
    code, out, _ = gannets("train", "--resume", "run")
    assert code == 0
    assert "has reached" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--stop-when", "fid"), "Did you mean 'fd'"),
        (("--stop-when", "fd:"), "such as fd, fd:8 or fd<0.5"),
        (("--stop-when", "fd:0"), "patience must be at least 1"),
        (("--stop-when", "fd<low"), "such as fd, fd:8 or fd<0.5"),
        (("--metrics", "fdd"), "Did you mean 'fd'"),
        (("--metrics", "memorisation", "--set", "evaluation.features=pcaa"), "Did you mean 'pca"),
        (("--metrics", "prdc", "--set", "evaluation.best=fd"), "Unknown estimate 'fd'"),
        (("--eval-every", "0", "--metrics", "fd"), "measures nothing"),
        (("--eval-every", "-5"), "at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(
    gannets: Callable[..., Done], words: tuple[str, ...], sentence: str
) -> None:
    code, _, err = gannets("train", "digits", *TINY, "--out", "run", *words)
    assert code == 2
    assert sentence in err
    assert not Path("run").exists()


def test_a_run_is_resumed_as_it_was_measured(gannets: Callable[..., Done], trained: Path) -> None:
    for words in (("--eval-every", 5), ("--metrics", "fd"), ("--stop-when", "fd")):
        code, _, err = gannets("train", "--resume", trained, *words)
        assert code == 2
        assert "--set evaluation." in err
