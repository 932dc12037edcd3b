"""Augmentation leak: fakes whose neighbours are augmented data."""

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
@given(turned=st.floats(0.0, 1.0), kept=st.floats(0.0, 0.8), seed=st.integers(0, 1000))
def test_it_is_the_share_of_fakes_that_are_augmented(turned: float, kept: float, seed: int) -> None:
    """Augmentations that leave a share k as it is and move the rest far away: data have
    s_p = k / (1 + k) of augmented neighbours, fakes of which t are moved t + (1 - t) s_p, so that
    the leak is t for every k. Of 5 neighbours and n = 400 a side the standard error is at most
    .5 / sqrt(5 * 400) / (1 - s_p) = .02 a side; neighbours are shared, which doubles it.
    """
    n, away = 400, torch.tensor([100.0, 0.0])
    real, seen, fake = (normal(n, 3 * seed + i, 0.0, 0.0) for i in range(3))
    seen[round(kept * n) :] += away
    moved = round(turned * n)
    fake[:moved] += away
    found = leaked(real=real, fake=fake, seen=seen)
    assert found == pytest.approx(moved / n, abs=0.16)  # four of them, and both sides


def test_one_of_several_turns_is_a_leak_too() -> None:
    """Fakes that are all turned one way are no less augmented than those turned all ways, though
    they lie elsewhere than the mean of these.
    """
    ways = torch.tensor([[0.0, 0.0], [20.0, 0.0], [-20.0, 0.0], [0.0, 20.0]])
    real = normal(256, 0, 0.0, 0.0)
    seen = normal(256, 1, 0.0, 0.0) + ways[torch.arange(256) % 4]
    one, all_ = normal(256, 2, 20.0, 0.0), normal(256, 3, 0.0, 0.0) + ways[torch.arange(256) % 4]
    assert leaked(real=real, fake=one, seen=seen) == 1
    assert leaked(real=real, fake=all_, seen=seen) == pytest.approx(0.75, abs=0.16)


def test_what_is_wrong_in_other_ways_is_no_leak() -> None:
    """Moved the other way, or across, data are nearest; where nothing is wrong there is none."""
    real, seen = normal(400, 0, 0.0, 0.0), normal(400, 1, 20.0, 0.0)
    assert leaked(real=real, fake=normal(400, 2, -2.0, 0.0), seen=seen) <= 0
    assert leaked(real=real, fake=normal(400, 2, 0.0, 20.0), seen=seen) < 0.16
    assert leaked(real=real, fake=normal(400, 2, 0.0, 0.0), seen=seen) == pytest.approx(0, abs=0.02)
    assert leaked(real=real, fake=seen, seen=seen.clone()) == 1


@pytest.mark.parametrize("state", ["found", "suspected"])
def test_found_after_five_probes(state: str) -> None:
    probes = case(RECIPE, [WRONG] * (5 if state == "found" else 4))
    leaky = replace(probes, probes=tuple(replace(p, leaks=RULE.leak) for p in probes.probes))
    answer = RULE(leaky)
    assert answer.state == state
    if state == "found":
        rare, none = applied(RECIPE, answer.remedies)
        assert rare.joint == Marginal(through=(Rotate(p=0.5), Brightness(p=0.5)))
        assert none.joint == Marginal()


@pytest.mark.parametrize(
    ("leak", "distance", "p"),
    [(RULE.leak - 0.01, 0.01, 0.005), (0.9, 0.009, 0.005), (0.9, 0.01, 0.01)],
)
def test_cleared_beyond_each_threshold(leak: float, distance: float, p: float) -> None:
    seen = case(RECIPE, [{"referee": {"distance": distance, "distance_p": p}}] * 6)
    seen = replace(seen, probes=tuple(replace(p, leaks=leak) for p in seen.probes))
    assert RULE(seen).state == "cleared"


def test_two_first_probes_are_outvoted() -> None:
    """A healthy game on clothes, seen through DiffAugment, had these, and p = .005 throughout."""
    probes = case(RECIPE, [WRONG] * 6).probes
    leaks = (0.21, 0.38, 0.12, 0.03, 0.09, 0.03)
    seen = tuple(replace(p, leaks=leak) for p, leak in zip(probes, leaks, strict=True))
    states = [RULE(replace(case(RECIPE, [WRONG]), probes=seen[:k])).state for k in range(1, 7)]
    assert "found" not in states
    assert states[-1] == "cleared"


def test_without_augmentations_there_is_none_and_unseen_ones_are_not_told() -> None:
    assert all(RULE(seen).state == "cleared" for seen in healthy())
    assert RULE(case(RECIPE, [WRONG] * 3)).state == "unknown"


def test_turning_by_any_right_angle_leaks(tmp_path: Path) -> None:
    recipe = scenarios._seen("digits", (Rotate(p=1.0),), 61)
    recipe = replace(recipe, steps=450, probing=Probing(every=100, n=128, clones=0))
    assert symptom_of(recipe, tmp_path / "run").symptom == "augmentation leak"


@pytest.mark.parametrize(
    "views",
    [(Rotate(p=0.5),), (Flip(p=0.5),)],
)
@pytest.mark.slow
def test_what_can_be_undone_does_not(views: Any, tmp_path: Path) -> None:
    recipe = scenarios._seen("digits", views, 61)
    recipe = replace(recipe, steps=450, probing=Probing(every=100, n=128, clones=0))
    assert symptom_of(recipe, tmp_path / "run").symptom != "augmentation leak"
