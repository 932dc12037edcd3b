"""Changes of a recipe in its own notation, as the rules write them.

A recipe may hold values of the caller's own: nets, optimizers, terms, views, data. Of those nothing
is known but what the game asks of them, so that they are replaced or let be, and never taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

from gannets.diagnosis.finding import Remedy
from gannets.game import PLAYERS, Marginal, Player, Players
from gannets.nets import MLP, DeconvMLP
from gannets.objectives import Wasserstein
from gannets.terms import (
    DRAGAN,
    R1,
    R2,
    Clip,
    FiniteDifferenceR1,
    FiniteDifferenceR2,
    GradientPenalty,
    Lazy,
    Single,
    constraint_of,
)
from gannets.updates import SGD, Adam, Alternating, RMSprop
from gannets.updates.schedules import at

__all__ = [
    "balanced",
    "bounded",
    "even_rates",
    "has_net",
    "has_penalty",
    "instead",
    "is_own",
    "lr_of",
    "more",
    "narrower",
    "own_net",
    "packed",
    "scaled_lr",
    "slower",
    "stop_at_best",
    "text",
    "unconstrained",
    "with_term",
]

APART = 5.0
"""Times the other player's rate: far apart."""
USUAL = 1e-3
"""Adam's learning rate in Kingma and Ba (2015), algorithm 1."""
PENALTIES = (R1, R2, FiniteDifferenceR1, FiniteDifferenceR2, GradientPenalty, DRAGAN)


def text(value: Any) -> str:
    """A value as a change states it: a function, on its own or inside, by its name."""
    if isinstance(value, FunctionType):
        return value.__name__
    if isinstance(value, tuple):
        return f"({', '.join(map(text, value))}{',' * (len(value) == 1)})"
    kind: Any = type(value)
    if is_dataclass(value) and kind.__dataclass_params__.repr:
        given = [f.name for f in fields(value) if f.init]
        inside = ", ".join(f"{name}={text(getattr(value, name))}" for name in given)
        return f"{kind.__name__}({inside})"
    return repr(value)


def is_own(value: Any) -> bool:
    """Whether a net, or another value, is none of gannets but the caller's own, of which nothing
    is known.
    """
    kind = value if isinstance(value, FunctionType) else type(value)
    return not kind.__module__.startswith("gannets.")


# ----------------------------------------------------------------------------- what D is held by


def has_penalty(recipe: Any) -> bool:
    """Whether D's slope is held down by a penalty."""
    found = list(recipe.game.discriminator_terms)
    while found:
        term = found.pop()
        if isinstance(term, PENALTIES):
            return True
        if isinstance(term, (Lazy, Single)):
            found.append(term.term)
    return False


def with_term(recipe: Any, term: str) -> str:
    """The change that charges D for `term` besides what it is charged for."""
    inside = ", ".join([*map(text, recipe.game.discriminator_terms), term])
    return f"game.discriminator_terms=({inside},)"


def unconstrained(recipe: Any) -> str:
    """The change that lets go what holds D's weights; what holds G's stays."""
    return f"constraint{'.discriminator' * isinstance(recipe.constraint, Players)}=None"


def bounded(recipe: Any) -> tuple[str, ...]:
    """The changes by which a penalty bounds D's slope; () where one does.

    A critic becomes a classifier, and its weights are let go: at the ring's usual rates the two
    are alike under R1, and of digits the classifier's fakes are eight times nearer.
    """
    if has_penalty(recipe):
        return ()
    changes = [with_term(recipe, "R1(gamma=0.1)")]
    if isinstance(recipe.game.objective, Wasserstein):
        changes.insert(0, "game.objective=NonSaturating()")
    if isinstance(constraint_of("discriminator", recipe.constraint), Clip):
        changes.append(unconstrained(recipe))
    return tuple(changes)


# ------------------------------------------------------------------------------------- the rates


def lr_of(recipe: Any, player: Player, step: int = 0) -> float:
    """A player's rate after `step` updates of the game; NaN for an optimizer of one's own."""
    optimizer = recipe.optimizers[player]
    if is_own(optimizer) or not isinstance(optimizer, (Adam, SGD, RMSprop)):
        return math.nan
    return float(at(optimizer.lr, _moves(recipe, player, step)))


def _moves(recipe: Any, player: Player, step: int) -> int:
    """How often a player has moved in `step` updates of the game; D k times in one of them."""
    update = recipe.update
    several = player == "discriminator" and isinstance(update, Alternating)
    return step * update.k if several else step


def _rates(recipe: Any, step: int) -> tuple[float, float] | None:
    """G's and D's rate; None where one is 0 or not known: there is no mean of these."""
    g, d = (lr_of(recipe, player, step) for player in PLAYERS)
    return (g, d) if g > 0 and d > 0 else None


def scaled_lr(recipe: Any, player: Player, factor: float, step: int = 0) -> str:
    """The change that multiplies a player's learning rate; Adam's to no more than is usual."""
    rate = lr_of(recipe, player, step) * factor
    if isinstance(recipe.optimizers[player], Adam):
        rate = min(rate, USUAL)
    return f"optimizers.{player}.lr={rate:.3g}"


def slower(recipe: Any, factor: float, step: int) -> tuple[str, ...]:
    """The changes that multiply the players' rates, of those that have one."""
    moving = [player for player in PLAYERS if lr_of(recipe, player, step) > 0]
    return tuple(scaled_lr(recipe, player, factor, step) for player in moving)


def even_rates(recipe: Any, step: int = 0) -> tuple[str, ...]:
    """The changes that give both players one rate, the geometric mean of theirs, where these are
    far apart: two rates are of use up to a factor of some four (Heusel et al. 2017, section 4).
    """
    rates = _rates(recipe, step)
    if rates is None or max(rates) <= APART * min(rates):
        return ()
    return _both(rates)


def _both(rates: tuple[float, float]) -> tuple[str, ...]:
    mean = math.sqrt(rates[0] * rates[1])
    return tuple(f"optimizers.{player}.lr={mean:.2g}" for player in PLAYERS)


def balanced(recipe: Any, step: int = 0) -> tuple[str, ...]:
    """Changes by which G is no faster than D (at the geometric mean of their rates), and neither
    has momentum, where that is not so after `step` updates.
    """
    rates = _rates(recipe, step)
    changes = list(_both(rates)) if rates is not None and rates[0] > rates[1] else []
    for player in PLAYERS:
        optimizer = recipe.optimizers[player]
        if is_own(optimizer):
            continue
        if isinstance(optimizer, Adam) and optimizer.betas[0] > 0:
            changes.append(f"optimizers.{player}.betas=(0.0, {min(optimizer.betas[1], 0.99)})")
        heavy = isinstance(optimizer, (SGD, RMSprop))
        if heavy and at(optimizer.momentum, _moves(recipe, player, step)) > 0:
            changes.append(f"optimizers.{player}.momentum=0.0")
    return tuple(changes)


def instead(recipe: Any, changes: Sequence[str]) -> str:
    """The sentence that says of changes that they put a constant in a schedule's place; or ""."""
    for change in changes:
        path = change.partition("=")[0].split(".")
        if path[0] != "optimizers":
            continue
        optimizer = getattr(recipe.optimizers, path[1])
        if any(callable(getattr(optimizer, f, None)) for f in path[2:] or ("lr", "momentum")):
            return " A constant takes the place of the schedule there was."
    return ""


# -------------------------------------------------------------------------------------- the nets


def own_net(player: str, units: int = 256) -> str:
    """The change that gives a player a net of gannets."""
    return f'nets.{player}=MLP(hidden=({units}, {units}), activation="leaky_relu")'


def has_net(recipe: Any, player: Player) -> bool:
    """Whether a player has that net already."""
    net = recipe.nets[player]
    return not is_own(net) and bool(net == MLP(hidden=(256, 256), activation="leaky_relu"))


def narrower(recipe: Any, player: Player) -> str | None:
    """The change that halves the layers of a player's net; None for nets without such."""
    net = recipe.nets[player]
    if is_own(net) or not isinstance(net, (MLP, DeconvMLP)):
        return None
    if not net.hidden or min(net.hidden) < 16:
        return None
    inside = ", ".join(str(units // 2) for units in net.hidden)
    return f"nets.{player}.hidden=({inside},)"


# ------------------------------------------------------------------------------- what D is shown


def packed(recipe: Any) -> tuple[Remedy, ...]:
    """A D that sees two samples at once, where it sees one and batches can be packed in twos."""
    batches = (recipe.batch, recipe.generator_batch or recipe.batch)
    single = isinstance(recipe.joint, Marginal) and not is_own(recipe.joint)
    # Of pieces of a batch it is not known here how large they will be.
    if not single or any(batch % 2 for batch in batches) or recipe.micro_batch is not None:
        return ()
    through = recipe.joint.through
    inside = "samples=2" + (f", through={text(through)}" if through else "")
    return (
        Remedy(
            changes=(f"joint=Packed({inside})",),
            why="Two samples at once show D that fakes resemble each other more than reals do.",
            source="Lin et al. 2018, section 3",
            fresh=True,
        ),
    )


def more(recipe: Any) -> Remedy:
    """A larger batch."""
    return Remedy(
        changes=(f"batch={4 * recipe.batch}",),
        why="Larger batches show D more of the modes at once.",
        source="Brock et al. 2019, section 3.1",
        fresh=True,
    )


def stop_at_best(recipe: Any) -> str | None:
    """The change that keeps the best generator and ends the run when there is no better; None
    where one is kept already.
    """
    if recipe.evaluation is not None:
        return None
    return f"evaluation=Evaluation(every={max(1, recipe.steps // 20)}, stop=StopWhen())"
