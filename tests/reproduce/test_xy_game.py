"""The xy game against paths written down in closed form, and rules that it has to tell apart."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gannets.reproduce.common import Bench, Claim
from gannets.reproduce.xy_game import XyGame, fitted, measured_rate, xy_game
from gannets.updates import Alternating, Simultaneous

QUICK = xy_game.quick()


def test_simultaneous_is_multiplication_by_a_complex_number() -> None:
    """x + iy -> (1 + i lr)(x + iy): the path is known at once at every step."""
    path = QUICK.play(Simultaneous()).points
    w = torch.complex(*path.T)
    factor = torch.tensor(complex(1, QUICK.lr), dtype=torch.complex128)
    expected = w[0] * factor ** torch.arange(len(w), dtype=torch.float64)
    torch.testing.assert_close(w, expected, rtol=1e-12, atol=0)


def test_alternating_by_hand() -> None:
    """D first: y <- y + lr x, then x <- x - lr y with the new y."""
    (x, y), lr = QUICK.start, QUICK.lr
    path = QUICK.play(Alternating()).points
    for i in range(1, 20):
        y += lr * x
        x -= lr * y
        assert path[i].tolist() == pytest.approx([x, y], rel=1e-14)


def test_small_steps_follow_the_sinusoid() -> None:
    """x(t) = x_0 cos t - y_0 sin t; the error of a path of fixed length is of first order in lr."""

    def error(lr: float) -> float:
        game = replace(QUICK, lr=lr, steps=round(2 * math.pi / lr))
        t = torch.arange(game.steps + 1, dtype=torch.float64) * lr
        x, y = game.start
        exact = x * t.cos() - y * t.sin()
        return float((game.play(Alternating()).points[:, 0] - exact).abs().max())

    # Half the step, half the error; .1 covers the second order, lr² of it.
    assert error(0.04) / error(0.08) == pytest.approx(0.5, abs=0.1)


def test_a_rate_is_read_off_a_path() -> None:
    """A rotation that shrinks by a known factor."""
    angle, factor = 0.3, 0.97
    c, s = factor * math.cos(angle), factor * math.sin(angle)
    operator = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    path = torch.stack([torch.linalg.matrix_power(operator, t)[:, 0] for t in range(50)])
    assert measured_rate(path) == pytest.approx(factor, abs=1e-12)
    torch.testing.assert_close(fitted(path), operator, rtol=1e-10, atol=1e-12)


class Mistaken(XyGame):
    """Takes both players' steps at once where they should take turns."""

    def rules(self):  # type: ignore[no-untyped-def]  # a defect, on purpose
        return {**super().rules(), "alternating": Simultaneous(), "extragradient": Simultaneous()}


def test_another_rule_in_its_place_fails(tmp_path: Path) -> None:
    found = Mistaken(steps=100)(Bench(tmp_path))
    failed = [c.what for c in found if isinstance(c, Claim) and c.holds is False]
    assert any(what.startswith("alternating: greatest change") for what in failed)
    assert any(what.startswith("extragradient") for what in failed)
    assert not any(what.startswith(("optimistic", "consensus")) for what in failed)
