"""The recipes reach what they say, on seeds that nothing was tuned on (tuning saw seed 0 only)."""

from __future__ import annotations

import pytest

from benchmarks.recipes import digits, modes


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_digits_are_digits_of_every_class_and_no_copies(seed: int) -> None:
    report = digits(seed)
    assert report["least class"] >= 0.06
    assert report["most class"] <= 0.14
    assert report["median confidence"] > 0.93
    own = report["distance to training digits, samples"]
    assert own >= report["distance to training digits, held-out"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_ring_is_covered(seed: int) -> None:
    report = modes("ring", seed)
    assert report["modes"] == 8
    assert report["high quality"] >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_grid_is_covered(seed: int) -> None:
    assert modes("grid", seed)["modes"] == 25
