"""Figure 3: what the two figures tell apart, on pictures that are known."""

from __future__ import annotations

import pytest
import torch

from gannets.data import Digits
from gannets.reproduce.figure3 import figure3

DIGITS = Digits(bounds=(0.0, 1.0)).load(seed=0, device=torch.device("cpu")).first(1_197)[0]
HELD = DIGITS[600:].flatten(1).double()
ENDS, OTHERS = DIGITS[:200], DIGITS[200:400]
BLENDS = (ENDS + OTHERS) / 2


@pytest.mark.parametrize(
    ("middle", "holds"),
    [
        (DIGITS[400:600], [True, True]),  # digits
        (BLENDS, [False, False]),  # what G makes if it is linear in z
        (DIGITS.mean(0).expand_as(ENDS), [False, False]),
        (0.5 * DIGITS[400:600], [False, False]),  # digits, half as bright
        (torch.zeros_like(ENDS), [False, False]),  # black
    ],
    ids=("digits", "blends", "the mean", "faint", "black"),
)
def test_only_digits_are_nearer_and_have_contrast(middle: torch.Tensor, holds: list[bool]) -> None:
    """Each of the two is at its worth in a G that makes digits, and one fails for what it is no."""
    claims = list(figure3.claims(ENDS, middle, BLENDS, HELD))
    assert [claim.holds for claim in claims] == holds
