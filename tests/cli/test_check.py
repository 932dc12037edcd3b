"""`gannets check`: what a file defines is found, and held to its contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Done = tuple[int, str, str]

GOOD = '''
"""Mine."""
from dataclasses import dataclass, replace
from typing import ClassVar
import torch.nn.functional as F
from gannets.game import Game
from gannets.recipes.ring import ring as theirs

@dataclass(frozen=True)
class Mine:
    generator_sees_real: ClassVar[bool] = False
    def discriminator(self, real, fake):
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    def generator(self, real, fake):
        return F.softplus(-fake).mean()

@dataclass(frozen=True)
class Weighted:
    weight: float
    def __call__(self, players, batch):
        return self.weight * players.discriminator(*batch.real).square().mean()

drift = Weighted(0.001)

def anchored(players, batch):
    return players.discriminator(*batch.fake).square().mean()

def helper(a, b, c):
    return a

mine = replace(theirs, name="mine", game=Game(Mine(), discriminator_terms=(drift,)))
'''


def test_all_that_a_file_defines_is_checked(gannets: Callable[..., Done]) -> None:
    Path("mine.py").write_text(GOOD)
    code, out, err = gannets("check", "mine.py")
    assert err == ""
    assert code == 0, out
    found = [line for line in out.splitlines() if line and line[0] != " "]
    assert found[:-1] == ["Mine", "drift", "anchored", "mine"]
    assert "checks passed" in found[-1]
    assert "FAIL" not in out


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("F.softplus(-fake).mean()", "F.softplus(-fake)", "Mine"),  # no scalar
        ("F.softplus(-real).mean() +", "F.softplus(-real.detach()).mean() +", "Mine"),  # no slope
        ("return players.discriminator(*batch.fake).square().mean()", "raise OSError", "anchored"),
    ],
)
def test_what_breaks_its_contract_is_told(
    before: str, after: str, name: str, gannets: Callable[..., Done]
) -> None:
    assert before in GOOD
    Path("mine.py").write_text(GOOD.replace(before, after))
    code, out, err = gannets("check", "mine.py")
    assert (code, err) == (1, "")
    section = out[out.index(f"\n{name}\n" if name != "Mine" else "Mine\n") :]
    assert "FAIL" in section.split("\n\n")[0]


def test_a_recipe_that_its_text_does_not_tell_is_told(gannets: Callable[..., Done]) -> None:
    Path("mine.py").write_text(
        "from dataclasses import replace\nfrom gannets.recipes.ring import ring\n"
        "class Term:\n"
        "    def __call__(self, players, batch):\n"
        "        return players.discriminator(*batch.real).square().mean()\n"
        "mine = replace(ring, game=replace(ring.game, generator_terms=(Term(),)))\n"
    )
    code, out, _ = gannets("check", "mine.py")
    assert code == 1
    assert "is read back from its text" in out


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("none.py", None, "none.py"),
        ("mine.txt", "x", "Python file"),
        ("empty.py", "x = 1\n", "defines no objective"),
        ("wrong.py", "x = (\n", "wrong.py, line 1: SyntaxError"),
        ("wrong.py", "x = 1\ny = 1 / 0\n", "wrong.py, line 2: ZeroDivisionError"),
    ],
)
def test_bad_input(name: str, text: str | None, part: str, gannets: Callable[..., Done]) -> None:
    if text is not None:
        Path(name).write_text(text)
    code, out, err = gannets("check", name)
    assert (code, out) == (2, "")
    assert part in err
    assert len(err.splitlines()) == 1
