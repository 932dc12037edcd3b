"""One experiment as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from gannets.data import Source
from gannets.errors import InputError
from gannets.game import Game, Joint, Marginal, Players, Prior, Space
from gannets.nets import DiscriminatorNet, GeneratorNet
from gannets.terms import Constraints
from gannets.training.evaluation import Evaluation
from gannets.training.notation import show
from gannets.training.probing import Probing
from gannets.training.warm_start import WarmStart
from gannets.updates import Adam, Alternating, Average, Optimizer, Update

__all__ = ["Maker", "Nets", "Recipe", "WarmStart"]


PRECISIONS = ("float32", "float64", "bfloat16")

Maker = Callable[[Space], nn.Module]
"""Makes a net for a space, for those who need no more than a function."""


@dataclass(frozen=True)
class Nets(Players[Any]):
    """The two nets, described: by a value such as `MLP()`, or by a function of a `Space`."""

    generator: GeneratorNet | Maker
    discriminator: DiscriminatorNet | Maker


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that an experiment is: two runs of one recipe on one machine are equal, bit for bit.

    `print(recipe)` is a Python expression that states every field; `gannets.read` reads it back.
    """

    name: str = "unnamed"
    data: Any
    """A data value (`Digits()`), a known density (`Ring()`), an array or a tensor."""
    prior: Prior
    nets: Nets
    game: Game
    joint: Joint = Marginal()
    update: Update = Alternating(k=1)
    optimizers: Players[Optimizer] = Players(Adam(), Adam())
    constraint: Constraints = None
    """What parameters must fulfil after each update: D's, or each player's (`Players(...)`)."""
    warm_start: WarmStart | None = None
    """Another run, in whose weights the players begin."""
    averaging: Average | None = None
    batch: int = 64
    generator_batch: int | None = None
    """The batch of G's updates where it differs from D's."""
    micro_batch: int | None = None
    """Compute each gradient in pieces of at most so many samples, where memory is short."""
    steps: int = 10_000
    """Updates of the game: one of G, and as many of D as `update` says."""
    seed: int = 0
    precision: str = "float32"
    """float32; float64; or bfloat16: nets compute in half precision, all else stays single."""
    rollbacks: int = 0
    """How often a run whose numbers are no longer finite goes back to its last checkpoint, each
    time at half the learning rates, before it is stopped."""
    evaluation: Evaluation | None = Evaluation()
    """What is measured as the game is played; None: nothing."""
    probing: Probing | None = Probing()
    """What is seen of the game for its diagnosis; None: nothing."""
    record_every: int = 50
    """Updates between lines of metrics; each line holds the mean since the one before."""
    sample_every: int = 500
    """Updates between pictures of samples on fixed latents (0: none)."""
    checkpoint_every: int = 1_000
    """Updates between checkpoints (0: only at the end)."""
    keep: int = 3
    """How many checkpoints are kept: the last ones. Those marked best are kept besides."""

    def __post_init__(self) -> None:
        counts = {"batch": self.batch, "record_every": self.record_every, "keep": self.keep}
        for field in ("generator_batch", "micro_batch"):
            if getattr(self, field) is not None:
                counts[field] = getattr(self, field)
        for field, value in counts.items():
            if value < 1:
                raise InputError(f"Recipe.{field} must be at least 1, not {value}.")
        for field in ("steps", "seed", "rollbacks", "sample_every", "checkpoint_every"):
            if getattr(self, field) < 0:
                raise InputError(
                    f"Recipe.{field} must not be negative, but is {getattr(self, field)}."
                )
        if self.precision not in PRECISIONS:
            valid = ", ".join(PRECISIONS)
            raise InputError(f"Recipe.precision is {self.precision!r:.60}; valid are {valid}.")

    def space(self, source: Source) -> Space:
        """What the nets are built for, with these data."""
        if self.joint.conditional and source.classes is None:
            raise InputError(
                f"{type(self.joint).__name__} needs data with labels, and this data has none: "
                "give labelled data, or a recipe whose joint is Marginal()."
            )
        return Space(
            event=source.shape,
            latent=self.prior.dimension,
            classes=source.classes if self.joint.conditional else None,
            bounds=source.bounds,
            mean=source.mean,
        )

    def __str__(self) -> str:
        return show(self)
