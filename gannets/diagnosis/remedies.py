"""Changes of a recipe in its own notation, as the rules write them."""

from __future__ import annotations

from typing import Any

__all__ = ["has_penalty", "has_term", "lr_of", "scaled_lr", "with_term"]

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


def lr_of(recipe: Any, player: str, step: int = 0) -> float:
    """A player's learning rate after `step` of its updates."""
    rate = recipe.optimizers[player].lr
    return float(rate(step)) if callable(rate) else float(rate)


def scaled_lr(recipe: Any, player: str, factor: float, step: int = 0) -> str:
    """The change that multiplies a player's learning rate."""
    return f"optimizers.{player}.lr={lr_of(recipe, player, step) * factor:.3g}"
