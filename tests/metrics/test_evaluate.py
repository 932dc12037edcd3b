"""The front door: whatever samples are kept in, in the same units, or a sentence on why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gannets import Digits, Model, compare, evaluate, recipes, train
from gannets.errors import InputError
from gannets.metrics import PRDC, Comparison, Estimate, Report, Reports
from gannets.metrics.catalogue import automatic
from gannets.metrics.features import PCA
from gannets.theory import Ring
from gannets.training import Run
from tests.metrics.helpers import Values
from tests.small import small


def points(n: int = 60, d: int = 4, *, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def images(n: int = 30, *, seed: int = 0, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, channels, 8, 8), dtype=np.uint8)


def report(**arguments: Any) -> Report:
    found = evaluate(**{"metrics": "fd", **arguments})
    assert isinstance(found, Report)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("evaluate")
    return train(small("digits", folder=folder), out=folder / "run", device="cpu")


# What samples are kept in.


def _npy(folder: Path, x: np.ndarray) -> str:
    np.save(folder / "x.npy", x)
    return str(folder / "x.npy")


def _npz(folder: Path, x: np.ndarray) -> str:
    np.savez(folder / "x.npz", x=x)
    return str(folder / "x.npz")


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(lambda folder, x: x, id="array"),
        pytest.param(lambda folder, x: torch.from_numpy(x), id="tensor"),
        pytest.param(_npy, id="npy"),
        pytest.param(_npz, id="npz"),
        pytest.param(lambda folder, x: lambda n: x[:n], id="function of n"),
        pytest.param(lambda folder, x: lambda n, *, seed: x[:n], id="function of n and a seed"),
    ],
)
def test_points_wherever_they_are(tmp_path: Path, kept: Callable[[Path, np.ndarray], Any]) -> None:
    real, fake = points(), points(seed=1, shift=0.5)
    expected = report(real=real, fake=fake)["fd"]
    found = report(real=real, fake=kept(tmp_path, fake))["fd"]
    assert found.value == expected.value
    assert found.identity == expected.identity


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(lambda x: x, id="bytes"),
        pytest.param(lambda x: x.astype(np.float32), id="0 to 255"),
        pytest.param(lambda x: x / 255, id="0 to 1"),
        pytest.param(lambda x: x / 127.5 - 1, id="-1 to 1"),
        pytest.param(lambda x: torch.from_numpy(x / 127.5 - 1).float(), id="tensor"),
        pytest.param(lambda x: x[:, 0] if x.shape[1] == 1 else x, id="without a channel axis"),
    ],
)
def test_images_whatever_their_units(kept: Callable[[np.ndarray], Any], channels: int) -> None:
    x = images(channels=channels)
    x[0, 0, 0, :2] = 0, 255  # black and white occur, so that the range is known
    comparison = compare(real=x, fake=kept(x))
    # float32 has 24 bits: a level is 1/255, and rounding errors are 1e-7 of it.
    assert torch.allclose(
        comparison.fake.x.sort(0).values, comparison.real.x.sort(0).values, atol=1e-6
    )
    assert comparison.real.x.min() == 0
    assert comparison.real.x.max() == 1


def test_a_folder_of_images(tmp_path: Path) -> None:
    x = images(12)
    for i, each in enumerate(x):
        Image.fromarray(each[0]).save(tmp_path / f"{i}.png")
    comparison = compare(real=x, fake=str(tmp_path))
    assert comparison.fake.fingerprint == comparison.real.fingerprint


def test_tables(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frames = [
        pandas.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["x", "y"], 80)})
        for _ in range(2)
    ]
    frames[1].to_csv(tmp_path / "fake.csv", index=False)
    found = report(real=frames[0], fake=str(tmp_path / "fake.csv"), metrics="table")
    assert found["tv"].value > 0.5
    with pytest.raises(InputError, match="b"):
        report(real=frames[0], fake=frames[1][["a"]])


def test_a_table_is_encoded_by_all_the_real_rows() -> None:
    """However few are drawn of it, and whatever category the fakes alone have."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    real = pandas.DataFrame({"a": rng.normal(size=200), "b": ["x", "y"] * 99 + ["rare", "rarer"]})
    fake = pandas.DataFrame({"a": rng.normal(size=90), "b": ["x", "y"] * 44 + ["rare", "new"]})
    comparison = compare(real=real, fake=fake, n=40)
    assert comparison.real.event == comparison.fake.event == (5,)
    assert comparison.fake.schema == comparison.real.schema
    whole = compare(real=real, fake=fake)
    assert int((whole.fake.x[:, 1:].sum(1) == 0).sum()) == 1  # the new one
    found = report(real=real, fake=fake, n=40, metrics="auto")
    assert {"fd", "tv"} <= {e.key for e in found}


def test_what_one_metric_cannot_see_costs_no_other() -> None:
    found = report(real=images(60), fake=images(60, seed=1), metrics="all")
    assert "16 pixels" in dict(found.skipped)["swd"]
    assert "fd" in found
    few = report(real=points(4), fake=points(4, seed=1), metrics="auto")
    assert "prdc" in dict(few.skipped)
    with pytest.raises(InputError, match="neighbours"):
        report(real=points(4), fake=points(4, seed=1), metrics="prdc")


def test_data_by_name_and_density() -> None:
    found = report(real=Ring(), fake="ring", metrics="modes", n=200, seed=1)
    assert found["modes"].value == 8
    assert found["high_quality"].value > 0.9
    digits = report(real=Digits(split="test"), fake="digits", n=100, features="pca:8")
    assert digits["fd"].n == (100, 100)


def test_a_run_is_measured_against_its_own_data(run: Run) -> None:
    for given in (run, str(run.path)):
        found = report(fake=given)
        assert found["fd"].n == (60, 60)
        assert "learned it by heart" in found.provenance["notes"][0]


def test_a_run_whose_data_hold_something_out(tmp_path: Path) -> None:
    from dataclasses import replace

    recipe = replace(small("digits"), data=Digits())
    run = train(recipe, out=tmp_path / "run", device="cpu")
    comparison = compare(fake=run)
    assert len(comparison.real) == 300
    assert comparison.holdout is comparison.real
    assert comparison.train is not None
    assert len(comparison.train) == 1197
    names = automatic(comparison)
    assert "memorisation" in names
    held = {tuple(row.tolist()) for row in comparison.real.flat}
    assert not held & {tuple(row.tolist()) for row in comparison.train.flat}


def test_a_model_needs_data(run: Run) -> None:
    with pytest.raises(InputError, match="without data of its own"):
        report(fake=run.model)
    found = report(fake=run.model, real=images(40), n=30)
    again = report(fake=str(run.path / "model"), real=images(40), n=30)
    assert found["fd"].value == again["fd"].value
    assert isinstance(run.model, Model)


def test_measuring_leaves_a_model_as_it_was(run: Run) -> None:
    model = run.model
    before = {name: tensor.clone() for name, tensor in model.generator.state_dict().items()}
    report(fake=model, real=images(40))
    after = model.generator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_latent_space_and_the_game_of_a_run(run: Run) -> None:
    found = report(fake=run, metrics="ppl,DualityGap(steps=2,samples=40)", n=40)
    assert found["ppl"].value > 0
    gap = found["gap_discriminator"].value + found["gap_generator"].value
    assert found["duality_gap"].value == pytest.approx(gap)


def test_several_runs_side_by_side(run: Run) -> None:
    found = evaluate(fake=[run, run.path], metrics="fd", seed=2)
    assert isinstance(found, Reports)
    assert found[0]["fd"].value == found[1]["fd"].value
    assert "*" not in str(found)  # neither is better
    other = Reports((found[0],))
    assert len(other) == 1
    with pytest.raises(InputError, match="different protocols"):
        Reports((found[0], report(fake=run, features="pca:4")))
    with pytest.raises(InputError, match="empty list"):
        evaluate(fake=[])


# What is asked for.


def test_metrics_by_name_by_value_and_as_text() -> None:
    real, fake = points(), points(seed=1)
    by_text = report(real=real, fake=fake, metrics="fd, PRDC(k=3)")
    by_value = report(real=real, fake=fake, metrics=["fd", PRDC(k=3)])
    assert [e.to_json() for e in by_text] == [e.to_json() for e in by_value]
    assert by_text["precision"].protocol == "PRDC(k=3)"
    single = report(real=real, fake=fake, metrics=PRDC(k=3))
    assert single["recall"] == by_text["recall"]


def test_everything_that_can_be_measured() -> None:
    found = report(
        real=points(120), fake=points(120, seed=1), holdout=points(120, seed=2), metrics="all"
    )
    assert {"fd", "kd", "precision", "closer_to_train", "jsd", "parzen"} <= {e.key for e in found}
    skipped = dict(found.skipped)
    assert {"modes", "ppl", "duality_gap", "classifier_score", "table", "ms_ssim"} <= set(skipped)
    assert all(why.endswith(".") for why in skipped.values())


def test_a_metric_of_the_users_own() -> None:
    class Gap:
        """The gap between the means."""

        def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
            gap = comparison.fake_features.mean() - comparison.real_features.mean()
            return (comparison.estimate("Gap()", "gap", "gap", float(gap)),)

    found = report(real=points(), fake=points(shift=1.0), metrics=Gap())
    assert found["gap"].value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("features", ["pca:3", PCA(3), Values()], ids=["text", "extractor", "map"])
def test_features_as_text_extractor_and_map(features: Any) -> None:
    found = report(real=points(), fake=points(seed=1), features=features)
    assert found["fd"].features in ("pca:3", "values")


def test_the_same_seed_gives_the_same_report() -> None:
    given = {"real": points(200), "fake": points(200, seed=1), "n": 80, "metrics": "fd,mmd,c2st"}
    one, two, other = (report(**given, seed=seed) for seed in (1, 1, 2))
    assert one.to_json() == two.to_json()
    assert one["fd"].value != other["fd"].value


def test_order_does_not_matter() -> None:
    real, fake = points(200), points(150, seed=1)
    order = np.random.default_rng(3)
    one = report(real=real, fake=fake, metrics="fd,kd,prdc,c2st,one_nn,sliced")
    two = report(
        real=order.permutation(real),
        fake=order.permutation(fake),
        metrics="fd,kd,prdc,c2st,one_nn,sliced",
    )
    assert [e.to_json() for e in one] == [e.to_json() for e in two]


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fake": points()}, "nothing to measure the samples against"),
        ({"fake": points(), "real": points(d=5)}, r"both sides must be of one shape"),
        ({"fake": points(), "real": images()}, r"both sides must be of one shape"),
        ({"fake": points(), "real": points(), "n": 1}, "at least 2 samples"),
        ({"fake": points(), "real": points(), "n": 61}, "choose n up to 60"),
        ({"fake": points() * np.nan, "real": points()}, "60 of 60 in fake hold NaN"),
        ({"fake": points(), "real": points() * np.inf}, "in real hold NaN or infinity"),
        ({"fake": images() * 300.0, "real": images()}, "values from 0 to"),
        ({"fake": np.array([["a"]]), "real": points()}, "numbers are needed"),
        ({"fake": np.zeros((2, 2, 2, 2, 2)), "real": points()}, "has shape"),
        ({"fake": 3, "real": points()}, "fake is a int"),
        ({"fake": lambda n: points(3), "real": points()}, "asked for 60 samples and gave 3"),
        ({"fake": "nowhere.npz", "real": points()}, "There is no file nowhere.npz"),
        ({"fake": points(), "real": points(), "metrics": "fdd"}, "Did you mean 'fd'"),
        ({"fake": points(), "real": points(), "metrics": ""}, "No metric is named"),
        ({"fake": points(), "real": points(), "metrics": "PRDC(k=0)"}, "k"),
        ({"fake": points(), "real": points(), "metrics": "Ring()"}, "is no metric"),
        ({"fake": points(), "real": points(), "features": "pcb:3"}, "Did you mean"),
        ({"fake": images(), "real": images(), "features": "inception:x.pth"}, "no file x.pth"),
        ({"fake": points(), "real": points(), "features": "discriminator:x"}, "directory of a run"),
        ({"fake": points(), "real": points(), "classifier": "/nope"}, "is no classifier"),
        ({"fake": points(), "real": points(), "metrics": "memorisation"}, "never saw"),
        ({"fake": points(), "real": points(), "metrics": "modes"}, "known"),
        ({"fake": points(), "real": points(), "holdout": points()}, "are the same: hold out"),
        ({"fake": points(), "real": points(), "metrics": "ppl"}, "generator"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:24],
)
def test_refusals_are_sentences(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        report(**arguments)
    assert str(caught.value).endswith((".", "?"))


def test_sides_cannot_be_swapped_by_position() -> None:
    with pytest.raises(InputError, match=r"by name: write evaluate\(fake=samples, real=data\)"):
        evaluate(points(), points())
    with pytest.raises(InputError, match="by name"):
        evaluate(real=points())


def test_a_seed_and_a_best_model_are_refused_where_there_are_none() -> None:
    with pytest.raises(InputError, match="from 0 on"):
        evaluate(fake=points(), real=points(), seed=-1)
    with pytest.raises(InputError, match="keeps a best model"):
        evaluate(fake=points(), real=points(), best=True)
    with pytest.raises(InputError, match="which has no parts"):
        evaluate(fake=points(), real=points(), split="test")


def test_every_recipe_can_be_measured(tmp_path: Path) -> None:
    for name in recipes.names():
        run = train(small(name, folder=tmp_path), out=tmp_path / name, device="cpu")
        found = report(fake=run, n=30, metrics="fd,prdc")
        assert np.isfinite(found["fd"].value), name
