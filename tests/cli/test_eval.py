"""`gannets eval`, and what `gannets train` measures: the report, the files, the refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gannets import evaluate, load
from gannets.errors import InputError
from gannets.metrics import C2ST, METRICS, PRDC, Report
from gannets.training import StopWhen
from gannets.training.evaluate import named
from tests.cli.conftest import TINY

Done = tuple[int, str, str]
CHEAP = ["--metrics", "fd,prdc"]


def test_a_report_of_a_run(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, err = gannets("eval", trained, *CHEAP)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"fake      {trained} (300), step 20, ")
    assert lines[1].startswith("real      Digits(")
    assert any(line.startswith("FD[randconv:1] ") for line in lines)
    assert any(line.startswith("coverage[randconv:1] ") for line in lines)
    report = evaluate(fake=trained, metrics="fd,prdc")
    assert isinstance(report, Report)
    for estimate in report:
        assert estimate.meaning in out
    content = report.provenance["sides"]["fake"]
    assert content["step"] == 20
    assert lines[0].endswith(content["sha256"][:8])


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
        height = picture.height
    assert gannets("eval", trained, trained, "--metrics", "fd", "--picture", "two.png")[0] == 0
    with Image.open("two.png") as picture:
        assert picture.height == 2 * height
    code, _, err = gannets(*words)
    assert code == 2
    assert "r.json is there already" in err


def test_runs_side_by_side(gannets: Callable[..., Done], trained: Path) -> None:
    code, out, _ = gannets("eval", trained, trained, *CHEAP)
    assert code == 0
    lines = out.splitlines()
    assert sum(line.startswith("fake      ") for line in lines) == 1  # one and the same run
    head = next(line for line in lines if line.startswith("metric")).split()
    assert head[:2] == ["metric", "floor"]
    assert head[2:] == [str(trained)] * 2
    assert sum(line.startswith("FD[") for line in lines) == 1


def test_a_copy_of_the_data_is_in_no_contest(gannets: Callable[..., Done]) -> None:
    """It has an FD of 0, which no generator's samples have; of the two others one is better."""
    rng = np.random.default_rng(1)
    for name, shift in (("real", 0.0), ("near", 0.3), ("far", 3.0)):
        np.save(f"{name}.npy", rng.normal(shift, size=(60, 2)))
    words = ("near.npy", "real.npy", "far.npy", "--against", "real.npy", "--metrics", "fd")
    code, out, _ = gannets("eval", *words, "--picture", "p.png")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("FD["))
    assert row.count("*") == 1
    assert row.index("*") < row.index("=")  # near.npy is the first
    assert "a copy of the real or the training samples" in out
    assert out.count("(their contents are the same)") == 1
    with Image.open("p.png") as picture:  # three scatters, with a legend each
        assert picture.height > 3 * 500


def test_the_part_that_is_real_is_chosen(gannets: Callable[..., Done], trained: Path) -> None:
    rng = np.random.default_rng(3)
    np.save("fake.npy", rng.normal(size=(30, 2)))
    np.savez("real.npz", x_train=rng.normal(size=(40, 2)), x_test=rng.normal(size=(50, 2)))
    cases = (("test", "real.npz, test (50)"), ("train[:25]", "real.npz, train[:25] (25)"))
    for split, name in cases:
        code, out, _ = gannets(
            "eval", "fake.npy", "real.npz", "--split", split, "--metrics", "spread"
        )
        assert code == 0
        assert f"real      {name}" in out
    code, out, _ = gannets("eval", trained, "--split", "train[:100]", "--metrics", "spread")
    assert code == 0
    assert "train[:100] (100)" in out
    assert "is of the part that G was trained on" in out
    code, out, _ = gannets("eval", trained, "--split", "test[:100]", "--metrics", "memorisation")
    assert code == 0
    assert "test[:100] (100)" in out


def test_images_of_many_sizes_are_made_one(gannets: Callable[..., Done]) -> None:
    """A folder's own images are cut as the folder is told; an array's are said to be resized."""
    Path("images").mkdir()
    grey = np.random.default_rng(2).integers(0, 255, size=(8, 16, 24), dtype=np.uint8)
    for i, image in enumerate(grey):
        Image.fromarray(image[:, : 16 + i]).save(f"images/{i}.png")
    np.save("real.npy", grey[:, :, :16])
    words = ("eval", "images", "real.npy", "--metrics", "spread")
    code, _, err = gannets(*words)
    assert code == 2
    assert "as in --size 16" in err
    code, out, _ = gannets(*words, "--size", 12)
    assert code == 0
    assert "images, train, made 12x12 (8)" in out
    assert "real.npy: 16x16 pixels resized to 12x12" in out


def test_samples_against_data(gannets: Callable[..., Done]) -> None:
    rng = np.random.default_rng(0)
    np.save("fake.npy", rng.normal(size=(80, 3)))
    np.savez("real.npz", x=rng.normal(size=(90, 3)))
    np.save("more.npy", rng.normal(size=(80, 3)))
    one = gannets("eval", "fake.npy", "real.npz", *CHEAP)
    assert one[0] == 0
    fake, real = one[1].splitlines()[:2]
    assert re.fullmatch(r"fake      fake\.npy \(80\), [0-9a-f]{8}", fake)
    assert re.fullmatch(r"real      real\.npz \(90\), [0-9a-f]{8}", real)
    assert gannets("eval", "fake.npy", "--against", "real.npz", *CHEAP) == one
    several = gannets("eval", "fake.npy", "more.npy", "--against", "real.npz", *CHEAP)
    assert several[0] == 0
    assert several[1].splitlines()[1].startswith("fake      more.npy (80)")
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
    names = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in names] == list(METRICS)
    assert all(len(line.split()) > 3 for line in names)


def test_the_list_shows_settings_that_can_be_typed(gannets: Callable[..., Done]) -> None:
    """Each, as it is written there, is the metric of that name."""
    written = [line for line in gannets("eval", "--list").out.splitlines() if line[0] == " "]
    assert len(written) > len(METRICS) / 2
    for text in written:
        name = text.split("(")[0].strip()
        assert list(named(text.strip()).values()) == [METRICS[name]]


def test_a_metric_is_set_by_its_name() -> None:
    assert list(named("prdc(k=3), fd").values()) == [PRDC(k=3), METRICS["fd"]]
    # What is not given is as the name has it, not as the class does.
    changed = named("c2st_logistic(most=300)")["c2st_logistic(most=300)"]
    assert changed == C2ST(classifier="logistic", most=300)
    with pytest.raises(InputError):
        named("prdc(q=3)")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say what to measure"),
        (("nope",), "There is no run, file or folder nope"),
        (("rng", "digits"), "Did you mean 'ring'"),
        (("nowhere.npy",), "There is no file nowhere.npy"),
        (("digits",), "digits is no run"),
        (("RUN", "--against", "nope"), "There is no run, file or folder nope"),
        (("digits", "digits", "--best"), "only a run that is evaluated keeps a best model"),
        (("RUN", "--seed", "-1"), "a seed is a whole number from 0 on"),
        (("RUN", "--size", "0"), "1 pixel or more"),
        (("ring", "ring", "--size", "8"), "which alone have a size"),
        (("RUN", "--split", "tset"), "Did you mean 'test'"),
        (("digits", "ring", "--picture", "x.png"), "both sides must be of one shape"),
        (("nowhere.npy", "digits"), "There is no file nowhere.npy"),
        (("RUN", "--metrics", "fdd"), "Did you mean 'fd'"),
        (("RUN", "--metrics", "memorisation", "--against", "digits"), "the others as the held-out"),
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
        (
            ("--metrics", "fd", "--stop-when", "mmd:2"),
            "add it to --metrics, as in --metrics 'fd,mmd'",
        ),
        (("--metrics", "c2st", "--stop-when", "c2st:2"), "it gives c2st_knn"),
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
