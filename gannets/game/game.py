"""The game: an objective, and what else each player is charged for.

Goodfellow et al. (2014), eq. 1: min_G max_D V(D, G). Each player descends its own loss, which is
the objective's plus its terms, item by item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from gannets.game.batch import Batch
from gannets.game.judge import Judge
from gannets.game.objective import Objective
from gannets.game.players import Players

__all__ = ["Game", "Losses", "Net", "Term"]

Net = Callable[..., Tensor]
Losses = dict[str, Tensor]


@runtime_checkable
class Term(Protocol):
    """Anything added to one player's loss: a plain function, or a frozen value if configured."""

    def __call__(self, players: Players[Net], batch: Batch) -> Tensor:
        """The scalar that is added."""
        ...


@dataclass(frozen=True)
class Game:
    """An objective, the generator's terms and the discriminator's terms."""

    objective: Objective
    generator_terms: tuple[Term, ...] = ()
    discriminator_terms: tuple[Term, ...] = ()

    def discriminator_losses(self, players: Players[Net], batch: Batch) -> Losses:
        """What D is charged for, item by item; its loss is their sum."""
        return self._discriminator(_judged(players), batch)

    def generator_losses(self, players: Players[Net], batch: Batch) -> Losses:
        """What G is charged for, item by item; its loss is their sum."""
        return self._generator(_judged(players), batch)

    def losses(self, players: Players[Net], batch: Batch) -> Players[Losses]:
        """Both players' losses on one batch, from one pass through D."""
        judged = _judged(players)
        discriminator = self._discriminator(judged, batch)
        return Players(self._generator(judged, batch), discriminator)

    def _discriminator(self, players: Players[Net], batch: Batch) -> Losses:
        # Terms come first: a penalty on D's slope judges the batch on its way (see Judge).
        terms = _evaluate(self.discriminator_terms, players, batch)
        real, fake = _logits(cast(Judge, players.discriminator), batch)
        return {"objective": self.objective.discriminator(real, fake), **terms}

    def _generator(self, players: Players[Net], batch: Batch) -> Losses:
        terms = _evaluate(self.generator_terms, players, batch)
        judge, group = cast(Judge, players.discriminator), batch.group
        real = None
        if self.objective.generator_sees_real:
            # Where the data do not hang on G, D's verdict on them is a number: no graph is kept.
            hangs = any(x.requires_grad for x in batch.real)
            with torch.set_grad_enabled(hangs and torch.is_grad_enabled()):
                real = judge(*batch.real)
            real = group.gather(real)
        fake = group.gather(judge(*batch.fake))
        return {"objective": self.objective.generator(real, fake), **terms}


def _judged(players: Players[Net]) -> Players[Net]:
    return Players(players.generator, Judge(players.discriminator))


def _evaluate(terms: tuple[Term, ...], players: Players[Net], batch: Batch) -> Losses:
    losses: Losses = {}
    for term in terms:
        name = first = term_name(term)
        count = 1
        while name in losses or name == "objective":  # two of a kind, say R1 with two weights
            count += 1
            name = f"{first}_{count}"
        losses[name] = term(players, batch)
    return losses


def term_name(term: Term) -> str:
    """The name under which a term is logged: its own `name`, its function's or its class's."""
    return str(getattr(term, "name", None) or getattr(term, "__name__", type(term).__name__))


def _logits(judge: Judge, batch: Batch) -> tuple[Tensor, Tensor]:
    """Everybody's D(real) and D(fake).

    They come from one pass where D is known to judge each sample by itself.
    """
    known = judge.knows(batch.real) or judge.knows(batch.fake)
    alike = len(batch.real[0]) == len(batch.fake[0])
    if alike and not known and getattr(judge.discriminator, "judges_alone", False):
        real, fake = _joined(judge.discriminator, batch)
        judge.remember(batch.real, real)
        judge.remember(batch.fake, fake)
    else:
        real, fake = judge(*batch.real), judge(*batch.fake)
    return batch.group.gather(real), batch.group.gather(fake)


def _joined(discriminator: Net, batch: Batch) -> tuple[Tensor, Tensor]:
    pairs = zip(batch.real, batch.fake, strict=True)
    if not getattr(discriminator, "draws_random", False):
        real, fake = discriminator(*map(torch.cat, pairs)).chunk(2)
        return real, fake
    # Real and generated samples in turn: a share of the batch is then a stretch of the whole pass,
    # and its dropout masks are a stretch of the whole pass's.
    logits = discriminator(*(torch.stack(pair, 1).flatten(0, 1) for pair in pairs))
    real, fake = logits.view(-1, 2).unbind(1)
    return real, fake
