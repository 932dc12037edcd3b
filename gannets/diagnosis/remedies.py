"""Changes of a recipe in its own notation, as the rules write them."""

from __future__ import annotations

import math
import re
from types import FunctionType
from typing import Any

__all__ = [
    "bounded",
    "even_rates",
    "has_penalty",
    "has_term",
    "is_own",
    "lr_of",
    "more_data",
    "narrower",
    "own_net",
    "scaled_lr",
    "stop_at_best",
    "through_views",
    "with_term",
]

PLAYERS = ("generator", "discriminator")
APART = 5.0
"""Times the other player's rate: far apart."""
USUAL = 1e-3
"""Adam's learning rate in Kingma and Ba (2015), algorithm 1."""
PENALTIES = ("R1", "R2", "GradientPenalty", "DRAGAN")


def terms_of(recipe: Any, player: str = "discriminator") -> tuple[Any, ...]:
    """The terms that are added to a player's loss, unwrapped."""
    terms = getattr(recipe.game, f"{player}_terms")
    return tuple(getattr(term, "term", term) for term in terms)


def has_term(recipe: Any, *names: str) -> bool:
    """Whether D is charged for one of these."""
    return any(type(term).__name__ in names for term in terms_of(recipe))


def has_penalty(recipe: Any) -> bool:
    """Whether D's slope is held down by a penalty."""
    return has_term(recipe, *PENALTIES)


def with_term(recipe: Any, term: str) -> str:
    """The change that charges D for `term` besides what it is charged for."""
    there = [repr(each) for each in recipe.game.discriminator_terms]
    inside = ", ".join([*there, term])
    return f"game.discriminator_terms=({inside},)"


def bounded(recipe: Any) -> tuple[str, ...]:
    """The changes by which a penalty bounds D's slope; () where one does.

    A critic becomes a classifier, and its weights are let go: at the ring's usual rates the two
    are alike under R1, and of digits the classifier's fakes are eight times nearer.
    """
    if has_penalty(recipe):
        return ()
    changes = [with_term(recipe, "R1(gamma=0.1)")]
    if type(recipe.game.objective).__name__ == "Wasserstein":
        changes.insert(0, "game.objective=NonSaturating()")
    if type(recipe.constraint).__name__ == "Clip":
        changes.append("constraint=None")
    return tuple(changes)


def lr_of(recipe: Any, player: str, step: int = 0) -> float:
    """A player's learning rate after `step` of its updates."""
    rate = recipe.optimizers[player].lr
    return float(rate(step)) if callable(rate) else float(rate)


def scaled_lr(recipe: Any, player: str, factor: float, step: int = 0) -> str:
    """The change that multiplies a player's learning rate; Adam's to no more than is usual."""
    rate = lr_of(recipe, player, step) * factor
    if type(recipe.optimizers[player]).__name__ == "Adam":
        rate = min(rate, USUAL)
    return f"optimizers.{player}.lr={rate:.3g}"


def even_rates(recipe: Any) -> tuple[str, ...]:
    """The changes that give both players one rate, the geometric mean of theirs, where these are
    far apart: two rates are of use up to a factor of some four (Heusel et al. 2017, section 4).
    """
    rates = [lr_of(recipe, player) for player in PLAYERS]
    if min(rates) <= 0 or max(rates) <= APART * min(rates):
        return ()
    return tuple(
        f"optimizers.{player}.lr={math.sqrt(rates[0] * rates[1]):.2g}" for player in PLAYERS
    )


def is_own(net: Any) -> bool:
    """Whether a net is none of gannets but the caller's own, of which nothing is known."""
    kind = net if isinstance(net, FunctionType) else type(net)
    return not kind.__module__.startswith("gannets.")


def own_net(player: str) -> str:
    """The change that gives a player a net of gannets."""
    return f'nets.{player}=MLP(hidden=(256, 256), activation="leaky_relu")'


def more_data(recipe: Any) -> str | None:
    """The change that trains on all but a tenth of a part; None where that is no more than now.

    A slice that begins at the first row and ends at a given one may leave any number unused.
    """
    found = re.fullmatch(r"(\w+)\[0?:\d+\]", str(getattr(recipe.data, "split", "")))
    return None if found is None else f'data.split="{found[1]}[:90%]"'


def through_views(recipe: Any) -> str | None:
    """The change by which D never sees an image twice; None where it sees through views already,
    or no images.
    """
    bounds = getattr(recipe.data, "bounds", None)
    if bounds is None or getattr(recipe.joint, "through", None) != ():
        return None
    dark = float(bounds[0])
    return f"joint.through=(Translation(fill={dark!r}),)"


def narrower(recipe: Any, player: str) -> str | None:
    """The change that halves the layers of a player's net; None for nets without such."""
    hidden = getattr(getattr(recipe.nets, player), "hidden", ())
    if not hidden or min(hidden) < 16:
        return None
    inside = ", ".join(str(units // 2) for units in hidden)
    return f"nets.{player}.hidden=({inside},)"


def stop_at_best(recipe: Any) -> str | None:
    """The change that keeps the best generator and ends the run when there is no better; None
    where one is kept already.
    """
    if recipe.evaluation is not None:
        return None
    return f"evaluation=Evaluation(every={max(1, recipe.steps // 20)}, stop=StopWhen())"
