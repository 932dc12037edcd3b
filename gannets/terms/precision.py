"""A term in single precision where the nets compute in half.

bfloat16 has eight binary digits, and a penalty on D's slope is a second derivative of what was
rounded to them. Micikevicius et al. (2018), "Mixed precision training", section 3, keep in single
precision what does not bear rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Batch, Net, Players, Term, term_name

__all__ = ["Single"]


@dataclass(frozen=True)
class Single:
    """`term`, computed without autocast: `Single(R1(gamma=1.0))`.

    What it makes D say is shared with the objective (see `Judge`), which then is single as well.
    """

    term: Term

    def __post_init__(self) -> None:
        """Refuse a class in place of its value."""
        if isinstance(self.term, type):
            name = self.term.__name__
            raise InputError(f"Single takes a term as a value, {name}(...), not the class {name}.")

    @property
    def name(self) -> str:
        """The name of the term inside, under which it is logged."""
        return term_name(self.term)

    def __call__(self, players: Players[Net], batch: Batch) -> Float[Tensor, ""]:
        """The term."""
        with torch.autocast(batch.latent.device.type, enabled=False):
            return self.term(players, batch)
