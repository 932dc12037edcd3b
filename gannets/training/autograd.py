"""The players' gradients by autograd: of a batch whole or in pieces, eager or compiled."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gannets.game import ALONE, PLAYERS, Group, Losses, Net, Player, Players
from gannets.training.compiled import Compiled, scripted
from gannets.training.device import Float32, in_precision
from gannets.training.draws import Draw, Draws
from gannets.training.pieces import added
from gannets.training.recipe import Recipe
from gannets.updates import Gradient

__all__ = ["Autograd"]


class Autograd:
    """This process's part of each player's gradient, in `parameters`, on the batches of `draws`."""

    def __init__(
        self,
        recipe: Recipe,
        players: Players[nn.Module],
        parameters: Players[Sequence[Tensor]],
        draws: Draws,
        *,
        group: Group,
        device: torch.device,
    ) -> None:
        self._game, self._precision = recipe.game, recipe.precision
        self._players, self._parameters, self._draws = players, parameters, draws
        self._group, self._device = group, device
        self._sees: Players[Net] = players.map(self._in_float32)
        self._compiled: dict[Player | None, Compiled] | None = None

    @property
    def compiled(self) -> bool:
        """Whether gradients are computed by compiled functions."""
        return self._compiled is not None

    def compile(self) -> None:
        """From here on compute gradients by compiled functions, the same but for rounding."""
        self._draws.random = scripted(self._draws.random, self._players)
        self._compiled = {}

    def one(self, player: Player, draw: Draw, *, pieces: int = 1) -> Gradient:
        """A player's gradient; the other player's weights are constants."""
        if self._compiled is None:
            return self._one(player, draw, pieces)
        (part,) = self._traced(self._compiled, player, draw)
        return part

    def both(self, draw: Draw, *, differentiable: bool = False) -> Players[Gradient]:
        """Both players' gradients, from one pass through D."""
        if self._compiled is None:
            return self._both(draw, differentiable=differentiable)
        return Players(*self._traced(self._compiled, None, draw))

    def losses(self, player: Player, draw: Draw, piece: Group = ALONE) -> Losses:
        """What a player is charged on a batch; D's losses do not reach into G."""
        game = self._game
        with torch.set_grad_enabled(player == "generator"):
            batch = self._draws.batch(draw, self._sees.generator, piece)
        charge = game.generator_losses if player == "generator" else game.discriminator_losses
        with torch.enable_grad(), in_precision(self._precision, self._device):
            return charge(self._sees, batch)

    def _one(self, player: Player, draw: Draw, pieces: int) -> Gradient:
        whole: Gradient | None = None
        for piece in range(pieces):
            losses = self.losses(player, draw, Group(piece, pieces))
            part = self._gradient(losses, self._parameters[player], pieces=pieces)
            whole = part if whole is None else added(whole, part)
        assert whole is not None
        return whole

    def _both(self, draw: Draw, *, differentiable: bool) -> Players[Gradient]:
        batch = self._draws.batch(draw, self._sees.generator)
        with in_precision(self._precision, self._device):
            losses = self._game.losses(self._sees, batch)
        again = differentiable
        g = self._gradient(losses.generator, self._parameters.generator, keep=True, again=again)
        d = self._gradient(losses.discriminator, self._parameters.discriminator, again=again)
        return Players(g, d)

    def _traced(
        self, compiled: dict[Player | None, Compiled], player: Player | None, draw: Draw
    ) -> list[Gradient]:
        """A player's gradient (None: both), compiled."""

        def compute(x: Tensor | None, y: Tensor | None, step: int) -> list[Gradient]:
            rows = None if x is None else (x, y)
            again = Draw(draw.number, draw.size, rows, step)
            if player is None:
                field = self._both(again, differentiable=False)
                return [field[each] for each in PLAYERS]
            return [self._one(player, again, 1)]

        if player not in compiled:
            compiled[player] = Compiled(compute, self._players, self._draws.random)
        x, y = (None, None) if draw.rows is None else draw.rows
        return compiled[player](x, y, step=draw.step, draw=draw.number)

    def _gradient(
        self,
        losses: Losses,
        parameters: Sequence[Tensor],
        *,
        pieces: int = 1,
        keep: bool = False,
        again: bool = False,
    ) -> Gradient:
        """This process's part of the gradient of the sum of `losses`."""
        items = [loss / pieces if pieces > 1 else loss for loss in losses.values()]
        # The objective is everybody's, from gathered logits; a term is the mean of a share.
        first, *terms = items
        total = first
        if terms:
            own = sum(terms[1:], start=terms[0])
            total = first + (own if self._group.alone else own / self._group.size)
        gradient = torch.autograd.grad(
            total,
            list(parameters),
            retain_graph=keep or again,
            create_graph=again,
            materialize_grads=True,
        )
        logged = {name: item.detach() for name, item in zip(losses, items, strict=True)}
        return Gradient(logged, gradient)

    def _in_float32(self, module: nn.Module) -> Net:
        """In bfloat16, nets compute in half precision but samples and logits are single."""
        return Float32(module) if self._precision == "bfloat16" else module
