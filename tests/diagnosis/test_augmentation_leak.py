"""Augmentation leak: a cosine in the space of the energy distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import augmentation_leak as scenarios
from gannets.diagnosis.augmentation_leak import AugmentationLeak
from gannets.diagnosis.leak import leaked
from gannets.game import Brightness, Flip, Marginal, Rotate
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = AugmentationLeak()
RECIPE = base("digits", 0, joint=Marginal(through=(Rotate(p=1.0), Brightness())))
WRONG: dict[str, Any] = {"referee": {"distance": 0.01, "distance_p": 0.005}}


def normal(n: int, index: int, *mean: float) -> Tensor:
    random = torch.Generator().manual_seed(index)
    return torch.randn(n, len(mean), generator=random, dtype=torch.float64) + torch.tensor(mean)


@settings(max_examples=10, deadline=None)
@given(share=st.floats(0.2, 1.0), seed=st.integers(0, 1000))
def test_a_share_of_augmented_samples_is_seen_whatever_the_share(share: float, seed: int) -> None:
    """g = (1 - t) p + t a has g - p = t (a - p): the cosine is 1.

    Sampling moves it: the least of 300 tries at t = 0.2 and these n was 0.85.
    """
    n = 400
    real, seen = normal(n, 3 * seed, 0.0, 0.0), normal(n, 3 * seed + 1, 3.0, 0.0)
    k = round(share * n)
    other = normal(n, 3 * seed + 2, 0.0, 0.0)
    fake = torch.cat([other[k:], other[:k] + torch.tensor([3.0, 0.0])])
    assert leaked(real=real, fake=fake, seen=seen) > 0.8


def test_what_is_wrong_in_other_ways_is_no_leak() -> None:
    """Moved the other way it is below 0; where nothing is wrong, or changed, there is none."""
    real, seen = normal(400, 0, 0.0, 0.0), normal(400, 1, 2.0, 0.0)
    assert leaked(real=real, fake=normal(400, 2, -2.0, 0.0), seen=seen) < 0
    assert abs(leaked(real=real, fake=normal(400, 2, 0.0, 2.0), seen=seen)) < 0.5
    assert leaked(real=real, fake=real, seen=seen) == 0
    assert leaked(real=real, fake=seen, seen=real) == 0


@pytest.mark.parametrize("state", ["found", "suspected"])
def test_found_after_three_probes(state: str) -> None:
    probes = case(RECIPE, [WRONG] * (3 if state == "found" else 2))
    leaky = replace(probes, probes=tuple(replace(p, leak=0.5) for p in probes.probes))
    answer = RULE(leaky)
    assert answer.state == state
    if state == "found":
        rare, none = applied(RECIPE, answer.remedies)
        assert rare.joint == Marginal(through=(Rotate(p=0.5), Brightness(p=0.5)))
        assert none.joint == Marginal()


@pytest.mark.parametrize(
    ("leak", "distance", "p"), [(0.49, 0.01, 0.005), (0.9, 0.009, 0.005), (0.9, 0.01, 0.01)]
)
def test_cleared_beyond_each_threshold(leak: float, distance: float, p: float) -> None:
    seen = case(RECIPE, [{"referee": {"distance": distance, "distance_p": p}}] * 4)
    seen = replace(seen, probes=tuple(replace(p, leak=leak) for p in seen.probes))
    assert RULE(seen).state == "cleared"


def test_without_augmentations_there_is_none_and_unseen_ones_are_not_told() -> None:
    assert all(RULE(seen).state == "cleared" for seen in healthy())
    assert RULE(case(RECIPE, [WRONG] * 3)).state == "unknown"


def test_turning_by_any_right_angle_leaks(tmp_path: Path) -> None:
    recipe = scenarios._seen("digits", (Rotate(p=1.0),), 61)
    recipe = replace(recipe, steps=450, probing=Probing(every=100, n=128, clones=0))
    assert symptom_of(recipe, tmp_path / "run").symptom == "augmentation leak"


@pytest.mark.parametrize(
    "views",
    [
        (Rotate(p=0.5),),
        pytest.param((Flip(p=0.5),), marks=pytest.mark.slow),
    ],
)
def test_what_can_be_undone_does_not(views: Any, tmp_path: Path) -> None:
    recipe = scenarios._seen("digits", views, 61)
    recipe = replace(recipe, steps=450, probing=Probing(every=100, n=128, clones=0))
    assert symptom_of(recipe, tmp_path / "run").symptom != "augmentation leak"
