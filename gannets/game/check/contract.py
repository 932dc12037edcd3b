"""The public contract of an objective, a term or a net, checked on values whose answer is known.

`gannets check FILE.py` and the contract tests of gannets run the same checks.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

from gannets.errors import InputError
from gannets.game.check.nets import check_net
from gannets.game.check.objectives import check_objective
from gannets.game.check.result import Result
from gannets.game.check.terms import check_term
from gannets.game.game import Term
from gannets.game.objective import Objective
from gannets.game.players import PLAYERS

__all__ = ["check"]


def check(value: object) -> list[Result]:
    """Run the contract that `value` is held to: that of an objective, a net or a term.

    What a thing is, its shape says: an objective has `generator_sees_real`; a net has a method
    `generator(space)` or `discriminator(space)`, or is itself a function of a space; a term is a
    function of (players, batch). Anything else raises `InputError`.
    """
    if isinstance(value, type):
        name = value.__name__
        raise InputError(f"Only values can be checked: give {name}(...), not the class {name}.")
    if isinstance(value, Objective):
        return check_objective(value)
    if any(callable(getattr(value, player, None)) for player in PLAYERS) or _takes(value, "space"):
        return check_net(value)
    if _takes(value, "players", "batch"):
        return check_term(cast(Term, value))
    raise InputError(
        f"A {type(value).__name__} cannot be checked: give an objective (with "
        "generator_sees_real), a net (with generator(space) or discriminator(space)) or a term, "
        "(players, batch) -> scalar."
    )


def _takes(value: Any, *names: str) -> bool:
    """Whether it is a function of as many arguments; the name is asked for where there is one."""
    if not callable(value):
        return False
    needed = [
        p.name
        for p in inspect.signature(value).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    return needed == list(names) or (len(names) > 1 and len(needed) == len(names))
