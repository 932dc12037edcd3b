"""Lazy regularisation: an expensive term now and then, at as many times its weight.

Karras et al. (2020), "StyleGAN2", section 3.1 and appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Batch, Net, Players, Term, term_name

__all__ = ["Lazy"]


@dataclass(frozen=True)
class Lazy:
    """`every` times `term` at each `every`-th update of its player, else 0: on average, the term.

    StyleGAN2 makes an update of its own for the lazy term, so that `every` updates become
    every + 1, and makes up for it in Adam: lr r and betas (beta1^r, beta2^r) with
    r = every / (every + 1), 16/17 for its R1. Here the term is part of one update with the rest;
    a recipe that wants r states it in its optimizer.
    """

    term: Term
    every: int = 16

    def __post_init__(self) -> None:
        """Refuse a period that is no period, and a class in place of its value."""
        if self.every < 1:
            raise InputError(f"Lazy takes every >= 1 (1: at each update), not {self.every}.")
        if isinstance(self.term, type):
            name = self.term.__name__
            raise InputError(f"Lazy takes a term as a value, {name}(...), not the class {name}.")

    @property
    def name(self) -> str:
        """The name of the term inside, under which it is logged."""
        return term_name(self.term)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The term at updates 0, every, 2 every, ...; else 0."""
        if batch.step % self.every:
            # Not of `real`, which is empty where the generator is not shown data.
            return batch.latent.new_zeros(())
        return self.every * self.term(players, batch)
