"""A game as it stands, for what is measured on the game itself: D's view, the duality gap."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from gannets.data import Source
from gannets.errors import InputError
from gannets.game import ALONE, Game, Joint, Player, Players, Prior, Stream
from gannets.nets.description import trained
from gannets.nets.layers import GroupBatchNorm, attach
from gannets.terms import Constraints
from gannets.updates import Mover, Optimizer

__all__ = ["Example", "Played"]

Example = tuple[Tensor, Tensor | None, Tensor]
"""A batch of data x, its labels y (or None) and as many latents z."""

_NOTHING: Mapping[str, Tensor] = MappingProxyType({})


@dataclass(frozen=True, eq=False, kw_only=True)
class Played:
    """The players where they are, never to be changed: what trains them trains a copy."""

    players: Players[nn.Module]
    game: Game
    joint: Joint
    prior: Prior
    optimizers: Players[Optimizer]
    """As the run has them: what moves a copy as the run would have moved it."""
    train: Source
    holdout: Source | None
    batch: int
    generator_batch: int | None = None
    """The batch of G's updates where it differs from D's."""
    constraint: Constraints = None
    """What parameters must fulfil after each update: D's, or each player's."""
    updates: Players[int] = Players(0, 0)
    """How many updates each player has made: where its schedules are."""
    scale: Players[float] = Players(1.0, 1.0)
    """Factors of the scheduled learning rates, below 1 where the run was rolled back."""
    moments: Players[Mapping[str, Tensor]] = Players(_NOTHING, _NOTHING)
    """`Mover.tensors()` of each player's optimizer; empty: its copies start afresh."""

    @property
    def device(self) -> torch.device:
        """Where the players are."""
        return self._a_parameter.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the players' weights; copies compute in it."""
        return self._a_parameter.dtype

    @property
    def _a_parameter(self) -> Tensor:
        return next(self.players.discriminator.parameters(), torch.empty(0))

    def copies(self, random: Stream) -> Players[nn.Module]:
        """Copies of both players that share no tensor with them and play by themselves.

        What their nets draw (dropout masks) comes from `random`.
        """

        def copied(net: nn.Module) -> nn.Module:
            # A stream is no state of a net: the copy is given another anyway.
            streams = (getattr(module, "random", None) for module in net.modules())
            twin = copy.deepcopy(net, {id(s): s for s in streams if isinstance(s, Stream)})
            attach(twin, random)
            for module in twin.modules():
                if isinstance(module, GroupBatchNorm):
                    module.group = ALONE
            if not any(weight.requires_grad for weight in twin.parameters()):
                twin.requires_grad_(True)  # an average: of a player's own weights some may be held
            return twin.train()

        return self.players.map(copied)

    def mover(self, player: Player, net: nn.Module) -> Mover:
        """The player's own optimizer, with its moments and schedules, for a copy of its net."""
        mover = self.optimizers[player].build(trained(net, player))
        mover.load(dict(self.moments[player]), self.updates[player])
        mover.scale = self.scale[player]
        return mover

    def examples(self, source: Source, n: int, random: Stream) -> list[Example]:
        """About `n` samples of `source` drawn without repetition, in batches as the game has them.

        A source that is smaller than a batch makes one smaller batch.
        """
        there = n if source.endless else min(n, len(source))
        pack = int(getattr(self.joint, "samples", 1))
        m = min(self.batch, there) // pack * pack
        if m < 1:
            raise InputError(f"{there} samples are too few for this game: give at least {pack}.")
        rows = there // m * m
        if source.endless:
            x, y = source.first(rows)
        else:
            x, y = source.rows(random.permutation(len(source))[:rows])
        z = self.prior(rows, random)
        labels = [None] * (rows // m) if y is None else list(y.split(m))
        x, z = x.to(self.device, self.dtype), z.to(self.device, self.dtype)
        return list(zip(x.split(m), labels, z.split(m), strict=True))

    @torch.no_grad()
    def logits(
        self, players: Players[nn.Module], examples: list[Example], views: Stream
    ) -> tuple[Tensor, Tensor]:
        """What D says of data and of what G makes of the latents, (n,) each, float64 on the CPU.

        What augmentation or noise D sees them through is a function of the stream's name alone.
        """
        real, fake = [], []
        for i, (x, y, z) in enumerate(examples):
            y, step = y if self.joint.conditional else None, self.updates.generator
            views.at(i)
            shown = self.joint.real(x, y, views, step)
            made = self.joint.fake(players.generator, z, y, views, step)
            real.append(players.discriminator(*shown).double().cpu())
            fake.append(players.discriminator(*made).double().cpu())
        return torch.cat(real), torch.cat(fake)
