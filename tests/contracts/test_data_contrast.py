"""Images of mean 0 and one length: by NumPy, as data, and in a game that is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gannets import train
from gannets.cli.choice import choose, named
from gannets.data import Arrays, Digits, File, Folder, GlobalContrast
from gannets.errors import InputError
from gannets.theory.densities import Ring
from tests.small import LITTLE, small

CPU = torch.device("cpu")


@pytest.fixture
def in_production() -> Iterator[None]:
    """Types are not checked, as outside of tests: what the data say themselves is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pixels(n: int, seed: int = 0, shape: tuple[int, ...] = (3, 5, 4)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


@given(n=st.integers(1, 9), scale=st.floats(0.1, 100), seed=st.integers(0, 9))
def test_the_equation_by_numpy(n: int, scale: float, seed: int) -> None:
    x = pixels(n, seed)
    flat = x.reshape(n, -1).astype(np.float64)
    centred = flat - flat.mean(1, keepdims=True)
    expected = scale * centred / np.sqrt((centred**2).sum(1, keepdims=True))
    source = GlobalContrast(Arrays(x), scale=scale).load(seed=0, device=CPU)
    found = source.all()[0].flatten(1).numpy()
    # Pixels come as float32 in [-1, 1], whose rounding is 6e-8 of 1, and contrasts of noise are
    # about 0.6 of that: 1e-6 of the largest value is ten times as much.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale)


def test_the_bounds_of_the_pixels_leave_no_trace() -> None:
    x = pixels(20)
    one, two = (
        GlobalContrast(Arrays(x, bounds=bounds)).load(seed=0, device=CPU).all()[0]
        for bounds in ((-1.0, 1.0), (0.0, 1.0))
    )
    torch.testing.assert_close(one, two, rtol=0, atol=55e-6)


def test_a_flat_image_stays_flat() -> None:
    x = np.full((2, 3, 4, 4), 77, np.uint8)
    x[1, 0, 0, 0] = 78
    found = GlobalContrast(Arrays(x)).load(seed=0, device=CPU).all()[0]
    assert not found[0].any()
    assert float(found[1].norm()) == pytest.approx(55, rel=1e-4)


def test_labels_order_and_splits_are_those_of_the_data() -> None:
    x, y = pixels(30), np.arange(30) % 3
    data = GlobalContrast(Arrays(x, y, split="train[:20]"))
    plain, source = (d.load(seed=4, device=CPU) for d in (data.data, data))
    assert (source.shape, source.classes, len(source)) == ((3, 5, 4), 3, 20)
    assert source.bounds == data.bounds == (-4.0, 4.0)
    assert source.fingerprint != plain.fingerprint
    assert torch.equal(source.batch(3, 7)[1], plain.batch(3, 7)[1])
    assert data.split == "train[:20]"
    rest = data.on("validation")
    assert rest == GlobalContrast(Arrays(x, y, split="train[20:]"))
    both = torch.cat([d.load(seed=4, device=CPU).all()[0] for d in (data, rest)])
    # An image is normalised by itself: it is the same whatever split it is in.
    assert torch.equal(both, GlobalContrast(Arrays(x, y)).load(seed=0, device=CPU).all()[0])
    torch.testing.assert_close(source.mean, both[:20].mean(0))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: GlobalContrast(Digits(), scale=0.0), "scale > 0"),
        (lambda: GlobalContrast(Digits(), bounds=(1.0, -1.0)), "no interval"),
        (lambda: GlobalContrast(Ring()), "takes data such as File"),  # type: ignore[arg-type]
        (lambda: GlobalContrast(Arrays(np.eye(3))).load(seed=0, device=CPU), "is for images"),
    ],
)
def test_refusals_are_sentences(make: object, says: str, in_production: None) -> None:
    with pytest.raises(InputError, match=says):
        make()  # type: ignore[operator]


def test_a_game_is_drawn_and_measured(tmp_path: Path) -> None:
    """Both sides of the measurement lie in [0, 1], though G's output is linear."""
    recipe = small("goodfellow2014_cifar10", folder=tmp_path)
    data = replace(recipe.data, data=replace(recipe.data.data, split="train[:40]"))
    data = replace(data, bounds=(-1.0, 1.0))  # one standard deviation: much lies beyond
    run = train(replace(recipe, data=data, evaluation=LITTLE), out=tmp_path / "run", device="cpu")
    assert [step for step, _ in run.evaluations()] == [0, 2]
    x = run.sample(20, seed=0)
    assert x.shape == (20, 3, 16, 16)
    assert float(x.min()) < -1.1
    assert float(x.max()) > 1.1
    from gannets.training.subject import samples_of

    samples = samples_of(run.model, 20, seed=0, name="run", like=None)
    assert (float(samples.x.min()), float(samples.x.max())) == (0.0, 1.0)


def test_other_data_on_the_command_line_are_normalised_and_split_alike(tmp_path: Path) -> None:
    def recipe_on(data: str, name: str) -> object:
        return choose(
            named(data, name),
            numbers={},
            precision=None,
            evaluation={"every": None, "metrics": None, "stop_when": None},
            changes=(),
        ).recipe.data

    file = tmp_path / "mine.npz"
    np.savez(file, x=pixels(20))
    assert recipe_on(str(file), "goodfellow2014_cifar10") == GlobalContrast(
        File(str(file), split="train[:40000]"), scale=55.0
    )
    archive = tmp_path / "faces.zip"
    archive.touch()
    assert recipe_on(str(archive), "goodfellow2014_faces") == Folder(
        str(archive), size=48, channels=1, bounds=(0.0, 1.0)
    )
