"""Straight lines, circles and random walks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.trajectory import path_efficiency, rotation

DOUBLE = torch.float64


def line(times: int = 9) -> Tensor:
    t = torch.arange(times, dtype=DOUBLE)[:, None, None]
    return t.square() * torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=DOUBLE)


def polygon(corners: int) -> Tensor:
    """Once around, back to the first corner; two latents at different radii."""
    angle = 2 * math.pi * torch.arange(corners + 1, dtype=DOUBLE) / corners
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    return torch.stack([circle, 5 * circle + 7], 1)


def walk(times: int, *, seed: int, d: int = 1000) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(times, 4, d, dtype=DOUBLE, generator=draw).cumsum(0)


def test_a_straight_line_is_efficient_and_does_not_turn() -> None:
    assert path_efficiency(line()) == pytest.approx(1.0, abs=1e-15)
    # atan2 near 0: half the digits would be lost by acos.
    assert rotation(line()) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("corners", [3, 4, 12, 100])
def test_once_around_gains_nothing_and_turns_by_the_outer_angle(corners: int) -> None:
    assert path_efficiency(polygon(corners)) == pytest.approx(0.0, abs=1e-14)
    assert rotation(polygon(corners)) == pytest.approx(2 * math.pi / corners, rel=1e-9)


def test_half_a_circle_is_its_diameter_over_its_half_circumference() -> None:
    half = polygon(1000)[:501]
    # Chords of 1/1000 of a circle are shorter than arcs by 1.6e-6.
    assert path_efficiency(half) == pytest.approx(2 / math.pi, rel=1e-5)


def test_back_and_forth_turns_by_pi() -> None:
    there = torch.tensor([[[0.0, 0.0]], [[1.0, 2.0]]], dtype=DOUBLE)
    paths = torch.cat([there, there, there[:1]])
    assert rotation(paths) == pytest.approx(math.pi, abs=1e-14)
    assert path_efficiency(paths) == 0.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_random_walk(seed: int) -> None:
    """T steps: efficiency 1/√T; angles π/2 (sd 1/√1000 each, over 4 x 99 of them: .0016)."""
    paths = walk(101, seed=seed)
    assert path_efficiency(paths) == pytest.approx(0.1, rel=0.1)
    assert rotation(paths) == pytest.approx(math.pi / 2, abs=0.008)


def test_neither_sees_scale_shift_or_rotation() -> None:
    paths = walk(10, seed=3, d=3)
    q, _ = torch.linalg.qr(torch.randn(3, 3, dtype=DOUBLE))
    moved = 1e3 * paths @ q + 5
    assert path_efficiency(moved) == pytest.approx(path_efficiency(paths), rel=1e-9)
    assert rotation(moved) == pytest.approx(rotation(paths), rel=1e-9)


def test_a_list_will_do() -> None:
    paths = walk(6, seed=0, d=2)
    assert path_efficiency(list(paths)) == path_efficiency(paths)
    assert rotation(list(paths)) == rotation(paths)


def test_what_does_not_move_makes_no_detour_and_no_turn() -> None:
    still = torch.ones(4, 3, 2)
    assert (path_efficiency(still), rotation(still)) == (1.0, 0.0)


def test_steps_of_no_length_have_no_direction() -> None:
    waits = torch.tensor([[[0.0]], [[1.0]], [[1.0]], [[2.0]], [[1.0]]])
    assert rotation(waits) == pytest.approx(math.pi)  # only the last turn is seen


@pytest.mark.parametrize(
    "paths",
    [torch.zeros(1, 3, 2), torch.zeros(5, 0, 2), torch.full((3, 1, 1), torch.nan)],
    ids=["one time", "no latents", "nan"],
)
def test_refusals(paths: Tensor) -> None:
    with pytest.raises(InputError):
        path_efficiency(paths)
