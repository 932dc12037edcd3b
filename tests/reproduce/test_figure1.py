"""Figure 1: what is drawn is what is, and claims that fail where they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from gannets.reproduce.common import Bench, Claim
from gannets.reproduce.common.monotone import Monotone
from gannets.reproduce.figure1 import Moment, figure1
from gannets.training.state import State

SHORT = replace(figure1.quick(), sharpen=4, push=3, steps=4, frames=2)


@pytest.mark.parametrize("seed", range(3))
def test_arrows_end_at_the_quantiles_of_p_g(seed: int) -> None:
    """An increasing G takes the share u of z, uniform, to the point with the share u of p_g."""
    state = State(SHORT.recipe(seed), device="cpu")
    for _ in range(3):
        state.advance()
    moment = Moment.of(state, SHORT.data, phase="")
    below = torch.cumulative_trapezoid(moment.p_g, moment.x)
    inside = (moment.mapped > moment.x[1]) & (moment.mapped < moment.x[-1])
    at = torch.searchsorted(moment.x[1:], moment.mapped[inside])
    shares = (moment.z[inside] + 1) / 2
    # One cell of the grid has at most .0165 x .5 of p_g; less than .002 lies left of the figure.
    torch.testing.assert_close(below[at], shares, rtol=0, atol=0.0105)
    assert bool((moment.mapped.diff() > 0).all())


def test_claims_fail_where_the_game_is_too_short(tmp_path: Path) -> None:
    """A D of four updates is not D*, and a game of four ends nowhere; the figures open."""
    found = list(SHORT(Bench(tmp_path)))
    failed = [item.what for item in found if isinstance(item, Claim) and not item.holds]
    assert [what[:3] for what in failed if what.startswith("(b)")] == ["(b)", "(b)"]
    assert any(what.startswith("(d) JSD") for what in failed)
    with Image.open(tmp_path / "figure1.png") as picture, Image.open(tmp_path / "figure1.gif") as g:
        assert picture.size[0] == 1200
        assert g.n_frames > 4  # type: ignore[attr-defined]


def test_a_game_far_from_its_end_is_no_panel_a(tmp_path: Path) -> None:
    """A G that starts two deviations away is not similar, and a D trained to D* is not partial."""
    work = replace(SHORT, start=Monotone(units=16, mean=1.6, std=0.8), warm=1, sharpen=300)
    ends = {moment.phase: moment for moment in work.play(Bench(tmp_path))}
    a, b, c, d = ends.values()
    assert not next(work.claims(a, b, c, d)).holds
    assert [x.holds for x in work.claims(b, b, c, d) if x.what.startswith("(a)")] == [False, False]


def test_a_g_that_is_led_astray_raises_c(tmp_path: Path) -> None:
    """Against D's gradient, (c) is farther from p_data than (b): the claim can fail."""
    work = replace(SHORT, objective=_Astray(), sharpen=200, push=20)
    ends = {moment.phase: moment for moment in work.play(Bench(tmp_path))}
    (judged,) = [claim for claim in work.claims(*ends.values()) if claim.what.startswith("(c)")]
    assert judged.holds is False


class _Astray:
    """The game of 2014 with the sign of G's loss reversed."""

    generator_sees_real = False

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """As it should be."""
        return figure1.objective.discriminator(real, fake)

    def generator(self, real: torch.Tensor | None, fake: torch.Tensor) -> torch.Tensor:
        """The wrong way."""
        return -figure1.objective.generator(real, fake)
