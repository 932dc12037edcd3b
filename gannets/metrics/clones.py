"""Copies of one player, trained while the other stays, and how well a D tells real from fake."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.game import Batch, Net, Player, Players, Stream
from gannets.metrics.played import Played
from gannets.nets.description import trained
from gannets.terms import constraint_of
from gannets.updates import Mover, Optimizer

__all__ = ["FIRST", "Clone", "balanced_accuracy", "threshold", "train_clone"]

STREAMS = ("latent", "terms", "views", "generator", "discriminator")
FIRST = 1 << 30
"""Where the copies' batches begin: far from the run's own."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Clone:
    """A copy of one player, trained against the other as it is."""

    players: Players[nn.Module]
    """The copy, and the other player's."""
    steps: int
    """Steps made: fewer than asked for where its numbers ceased to be finite."""
    complete: bool


def train_clone(
    played: Played,
    player: Player,
    *,
    steps: int,
    seed: int,
    optimizer: Optimizer | None = None,
) -> Clone:
    """Train a copy of `player` for `steps` plain gradient steps while the other stays.

    It moves as the run would have moved it (its optimizer, moments and schedules), or by
    `optimizer`, begun afresh. Data are those G and D are trained on, in an order of `seed`'s.
    """
    random = {name: Stream(seed, f"metrics/clone/{name}", played.device) for name in STREAMS}
    players = played.copies(random[player])
    net = players[player]
    mover = optimizer.build(trained(net, player)) if optimizer else played.mover(player, net)
    first = FIRST + int(Stream(seed, "metrics/clone/data").integers(1 << 20, 1))
    for i in range(steps):
        gradient = _gradient(played, players, player, mover, random, first + i, i)
        if not math.isfinite(sum(map(float, torch._foreach_norm(gradient)))):
            return Clone(players=players, steps=i, complete=False)
        mover.move(gradient)
        if (constraint := constraint_of(player, played.constraint)) is not None:
            constraint(mover.parameters)
    return Clone(players=players, steps=steps, complete=True)


def _gradient(
    played: Played,
    players: Players[nn.Module],
    player: Player,
    mover: Mover,
    random: Mapping[str, Stream],
    draw: int,
    made: int,
) -> list[Tensor]:
    """The copy's gradient on batch number `draw`, after `made` of its steps."""
    for stream in random.values():
        stream.at(made)
    game, joint, views = played.game, played.joint, random["views"]
    step = played.updates[player] + made
    is_g = player == "generator"
    m = (is_g and played.generator_batch) or played.batch
    real: tuple[Tensor, ...] = ()
    labels = None
    if not is_g or game.objective.generator_sees_real or joint.conditional:
        x, y = played.train.batch(draw, m)
        labels = y if joint.conditional else None
        real = joint.real(x.to(played.device, played.dtype), labels, views, step)
    z = played.prior(m, random["latent"]).to(played.dtype)
    with torch.set_grad_enabled(is_g):
        fake = joint.fake(players.generator, z, labels, views, step)
    batch = Batch(real, fake, z, labels, step, random["terms"])
    charge = game.generator_losses if is_g else game.discriminator_losses
    nets: Players[Net] = Players(players.generator, players.discriminator)
    loss = torch.stack(list(charge(nets, batch).values())).sum()
    return list(torch.autograd.grad(loss, mover.parameters, materialize_grads=True))


def threshold(*, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]) -> float:
    """The logit t at which "real if above t" is most often right, both sides weighed alike.

    For objectives whose D has no natural zero (Wasserstein, least squares). Find it on other
    samples than those on which it is used.
    """
    both, order = torch.cat([real, fake]).sort()
    is_real = order < len(real)
    right = (~is_real).cumsum(0) / len(fake) - is_real.cumsum(0) / len(real)
    # Only between different logits can a line be drawn; above all of them nothing is real.
    between = both.diff() > 0
    if not bool(between.any()):
        return float(both[0])
    best = int(right[:-1].masked_fill(~between, -math.inf).argmax())
    return float(both[best] + both[best + 1]) / 2


def balanced_accuracy(
    *, real: Float[Tensor, " m"], fake: Float[Tensor, " n"], above: float
) -> float:
    """(P(real > t) + P(fake <= t)) / 2."""
    return float((real > above).double().mean() + (fake <= above).double().mean()) / 2
