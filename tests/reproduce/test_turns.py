"""Who moves, and that Algorithm 1 is a case of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gannets.errors import InputError
from gannets.reproduce.common.turns import Turns
from gannets.reproduce.helvetica import RING
from gannets.training import State
from gannets.updates import Alternating


def advanced(update: object, steps: int) -> State:
    state = State(replace(RING, update=update, batch=8), device="cpu")  # type: ignore[arg-type]
    for _ in range(steps):
        state.advance()
    return state


def test_k_turns_of_d_are_algorithm_1() -> None:
    """Bit for bit: the same draws, the same moves."""
    one, other = advanced(Alternating(3), 4).tensors(), advanced(Turns(3, 1), 4).tensors()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("turns", "held"), [(Turns(1, 0), "generator"), (Turns(0, 2), "discri")])
def test_who_has_no_turn_stays(turns: Turns, held: str) -> None:
    before, after = advanced(turns, 0).tensors(), advanced(turns, 3).tensors()
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if name.startswith(held)} <= still
    assert len(still) < len(before)


def test_nobody_s_turn_is_refused() -> None:
    with pytest.raises(InputError, match="not both 0"):
        Turns(0, 0)
