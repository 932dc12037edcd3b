"""A game under way: everything that changes as it is played, and nothing else.

What has state of its own (optimizers, averages) is described by a value in the recipe and built
here into its stateful twin. `State.tensors` and `State.counters` are the whole of it: a game that
is built from its recipe and loaded with them continues as if it had never stopped.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from gannets.data import Source, open_source
from gannets.errors import InputError, RunWarning
from gannets.game import (
    ALONE,
    PLAYERS,
    Batch,
    Group,
    Losses,
    Net,
    Player,
    Players,
    Stream,
)
from gannets.nets import build
from gannets.nets.description import trained
from gannets.nets.layers import attach, synchronise
from gannets.terms import constraint_of
from gannets.training.compiled import Compiled, scripted
from gannets.training.device import Float32, resolve_device
from gannets.training.finite import NonFiniteError, first_bad, watched
from gannets.training.pieces import added, sizes, whole_batch_needed
from gannets.training.recipe import Recipe
from gannets.updates import Averaged, Gradient, Mover

__all__ = ["State"]

STREAMS = ("latent", "terms", "views", *PLAYERS)
"""The players' own streams are for what their nets draw: dropout masks."""


class Draw(NamedTuple):
    """A fresh batch of all processes: where it is in the streams, its size, its data (if any)."""

    number: int
    size: int
    rows: tuple[Tensor, Tensor | None] | None
    step: int
    """How many updates the player whose turn it is has made."""


class State:
    """A `Position` (see `gannets.updates`) that is played on real nets and data."""

    def __init__(
        self, recipe: Recipe, *, device: str | torch.device = "auto", group: Group = ALONE
    ) -> None:
        self.recipe = recipe
        self.group = group
        for m in {recipe.batch, recipe.generator_batch or recipe.batch}:
            if m % group.size:
                raise InputError(
                    f"A batch of {m} cannot be shared by {group.size} processes: "
                    f"choose a batch that is a multiple of {group.size}."
                )
        self.device = resolve_device(device)
        self.source: Source = open_source(recipe.data, seed=recipe.seed, device=self.device)
        self.source.check(max(recipe.batch, recipe.generator_batch or 0))
        self.space = recipe.space(self.source)
        self.random = {name: Stream(recipe.seed, name, self.device) for name in STREAMS}
        judged = replace(self.space, event=recipe.joint.event(self.space.event), mean=None)
        nets = build(recipe.nets, Players(self.space, judged), Stream(recipe.seed, "init"))
        self.dtype = torch.float64 if recipe.precision == "float64" else torch.float32
        self.players: Players[nn.Module] = nets.map(lambda net: net.to(self.device, self.dtype))
        self.averaged: Averaged | None = (
            recipe.averaging.build(self.players.generator) if recipe.averaging else None
        )
        for player in PLAYERS:
            attach(self.players[player], self.random[player])
        for net in (self.players.generator, self.players.discriminator):
            synchronise(net, self.group)
        self.movers: Players[Mover] = Players(
            *(
                recipe.optimizers[player].build(trained(self.players[player], player))
                for player in PLAYERS
            )
        )
        self.parameters: Players[Sequence[Tensor]] = self.movers.map(lambda mover: mover.parameters)
        self.memory: dict[str, Tensor] = {}
        self.step = 0
        self._draws = 0
        self._real_draws = 0
        self._sees: Players[Net] = self.players.map(self._in_float32)
        self.notes = list(
            whole_batch_needed(recipe, self.players, sizes(recipe, None, self.group)[1])
        )
        """What there is to be said of the game before it is played."""
        for note in self.notes:
            warnings.warn(note, RunWarning, stacklevel=2)
        self._compiled: dict[Player | None, Compiled] | None = None

    def compile_gradients(self) -> None:
        """From here on compute gradients by compiled functions, the same but for rounding."""
        if not self.group.alone:
            raise InputError("--compile serves one process: leave it out, or --processes.")
        if sizes(self.recipe, None, self.group)[1] > 1:
            raise InputError("--compile takes the batch whole: leave it out, or --micro-batch.")
        self.random = scripted(self.random, self.players)
        self._compiled = {}

    @property
    def generator(self) -> nn.Module:
        """The generator to sample from: the average where there is one."""
        return self.averaged.module if self.averaged else self.players.generator

    def advance(self) -> Players[Losses]:
        """One update of the game; the averaged generator follows."""
        losses = self.recipe.update(self)
        self.step += 1
        if self.averaged:
            batch = self.recipe.generator_batch or self.recipe.batch
            self.averaged.follow(batch=batch, images=(self.step - 1) * batch)
        return losses

    # What an update rule asks of a position.

    def gradient(self, player: Player) -> Gradient:
        """Ask autograd for exactly one player's gradient, on a fresh batch."""
        sees_data = player == "discriminator" or self._generator_needs_data
        draw = self._next(sizes(self.recipe, player, self.group)[0], player, data=sees_data)
        if self._compiled is None:
            part = self._own(player, draw)
        else:
            (part,) = self._in_one(self._compiled, player, draw)
        return self._everybodys(player, part, draw)

    def _own(self, player: Player, draw: Draw) -> Gradient:
        """This process's part of a player's gradient."""
        game, (_, pieces) = self.recipe.game, sizes(self.recipe, player, self.group)
        charge = game.generator_losses if player == "generator" else game.discriminator_losses
        whole: Gradient | None = None
        for piece in range(pieces):
            with torch.set_grad_enabled(player == "generator"):
                batch = self._batch(draw, player, Group(piece, pieces))
            with self._autocast():
                losses = charge(self._sees, batch)
            part = self._gradient(losses, self.parameters[player], pieces=pieces)
            whole = part if whole is None else added(whole, part)
        assert whole is not None
        return whole

    def gradients(self, *, differentiable: bool = False) -> Players[Gradient]:
        """Both players' gradients, on one fresh batch and from one pass through D."""
        if self.recipe.micro_batch is not None:
            raise InputError(
                f"{type(self.recipe.update).__name__} takes both gradients from one pass, which "
                "cannot be made in pieces: leave micro_batch out, or use Alternating()."
            )
        draw = self._next(sizes(self.recipe, None, self.group)[0], None, data=True)
        if self._compiled is not None:
            if differentiable:
                raise InputError(
                    f"{type(self.recipe.update).__name__} differentiates gradients, which it "
                    "cannot where they are compiled: leave --compile out."
                )
            field = Players(*self._in_one(self._compiled, None, draw))
        else:
            field = self._field_of(draw, differentiable=differentiable)
        if differentiable:
            self._field = draw, field
            return field
        return Players(*(self._everybodys(player, field[player], draw) for player in PLAYERS))

    def _field_of(self, draw: Draw, *, differentiable: bool) -> Players[Gradient]:
        """This process's part of both gradients."""
        batch = self._batch(draw, None, ALONE)
        with self._autocast():
            losses = self.recipe.game.losses(self._sees, batch)
        return Players(
            self._gradient(
                losses.generator, self.parameters.generator, keep=True, again=differentiable
            ),
            self._gradient(
                losses.discriminator, self.parameters.discriminator, again=differentiable
            ),
        )

    def _in_one(
        self, compiled: dict[Player | None, Compiled], player: Player | None, draw: Draw
    ) -> list[Gradient]:
        """A player's gradient (None: both), compiled."""

        def compute(x: Tensor | None, y: Tensor | None, step: int) -> list[Gradient]:
            rows = None if x is None else (x, y)
            again = Draw(draw.number, draw.size, rows, step)
            if player is None:
                return list(vars(self._field_of(again, differentiable=False)).values())
            return [self._own(player, again)]

        if player not in compiled:
            compiled[player] = Compiled(compute, self.players, self.random)
        x, y = (None, None) if draw.rows is None else draw.rows
        return compiled[player](x, y, step=draw.step, draw=draw.number)

    def total(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sum over the processes of what was made of both players' gradients, if finite."""
        totals = self.group.total(tensors)
        draw, field = self._field
        n = len(field.generator.gradient)
        for player, own in zip(PLAYERS, (totals[:n], totals[n:]), strict=True):
            self._check(player, field[player]._replace(gradient=own), (), draw)
        return totals

    def move(self, player: Player, gradient: Sequence[Tensor]) -> None:
        """Let the player's optimizer step."""
        self.movers[player].move(gradient)
        if (constraint := constraint_of(player, self.recipe.constraint)) is not None:
            constraint(self.parameters[player])

    # Batches.

    def _next(self, m: int, player: Player | None, *, data: bool) -> Draw:
        """The place of a fresh batch in every stream, and its data."""
        rows: tuple[Tensor, Tensor | None] | None = None
        if data:
            x, y = self.source.batch(self._real_draws, m)
            rows = x.to(self.dtype), y
            self._real_draws += 1
        self._draws += 1
        step = self.movers[player or "generator"].updates
        return Draw(self._draws - 1, m, rows, step)

    def _batch(self, draw: Draw, player: Player | None, piece: Group) -> Batch:
        """This process's share of a draw, or a piece of it, as `player` (None: both) sees it."""
        joint, group = self.recipe.joint, self.group
        share = Group(group.rank * piece.size + piece.rank, group.size * piece.size)
        for stream in self.random.values():
            stream.at(draw.number, share=share)
        step = draw.step
        views = self.random["views"]
        real: tuple[Tensor, ...] = ()
        labels = None
        if draw.rows is not None:
            x, y = draw.rows
            labels = share.share(y) if joint.conditional and y is not None else None
            real = joint.real(share.share(x), labels, views, step)
        z = self.recipe.prior(draw.size // share.size, self.random["latent"]).to(self.dtype)
        with self._autocast():
            fake = joint.fake(self._sees.generator, z, labels, views, step)
        return Batch(real, fake, z, labels, step, self.random["terms"], group)

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
            total = first + (own if self.group.alone else own / self.group.size)
        gradient = torch.autograd.grad(
            total,
            list(parameters),
            retain_graph=keep or again,
            create_graph=again,
            materialize_grads=True,
        )
        logged = {name: item.detach() for name, item in zip(losses, items, strict=True)}
        return Gradient(logged, gradient)

    # Numbers that are none.

    def _everybodys(self, player: Player, part: Gradient, draw: Draw) -> Gradient:
        """The sum over the processes, one flat all-reduce, if it is finite."""
        # The losses too, so that all processes come to the same verdict.
        totals = self.group.total([*part.gradient, *part.losses.values()])
        n = len(part.gradient)
        found = part._replace(gradient=totals[:n])
        self._check(player, found, totals[n:], draw)
        return found

    def _check(self, player: Player, found: Gradient, losses: Sequence[Tensor], draw: Draw) -> None:
        """Refuse a gradient that is not finite before anyone has moved by it.

        An accelerator is not waited for: there the optimizer leaves the step out by itself, and
        `check` finds out later.
        """
        sizes = [*torch._foreach_norm(list(found.gradient)), *losses]
        mover = self.movers[player]
        if mover.can_skip and not self._waits:
            mover.skip_unless(torch.isfinite(torch.stack(sizes).sum()))
        elif not math.isfinite(sum(map(float, sizes))):
            self._stop(player, found, draw)

    def check(self) -> None:
        """Raise where a device has left an update out since the last call."""
        for player in PLAYERS:
            if (update := self.movers[player].skipped()) is not None:
                raise self._non_finite(player, update, "found while the device went on")

    def _stop(self, player: Player, found: Gradient, draw: Draw) -> NoReturn:
        """Play the update once more, watching every layer, to say where it began."""
        game, where = self.recipe.game, list[str]()
        with watched(self.players, where), torch.set_grad_enabled(player == "generator"):
            batch = self._batch(draw, player, ALONE)
            charge = game.generator_losses if player == "generator" else game.discriminator_losses
            with torch.enable_grad(), self._autocast():
                charge(self._sees, batch)
        named = self.players[player].named_parameters()
        names = [name for name, weight in named if weight.requires_grad]
        where += first_bad(found.losses, zip(names, found.gradient, strict=True))
        raise self._non_finite(player, self.movers[player].updates, ", and so is ".join(where[:2]))

    def _non_finite(self, player: Player, update: int, where: str) -> NonFiniteError:
        lr = self.movers[player].rates().get("lr")
        return NonFiniteError(player, update=update, where=where, lr=lr)

    # What a checkpoint holds.

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state, by name."""
        tensors = {f"memory.{name}": tensor for name, tensor in self.memory.items()}
        for player in PLAYERS:
            tensors |= {f"{player}.{k}": v for k, v in self.players[player].state_dict().items()}
            tensors |= {
                f"optimizer.{player}.{k}": v for k, v in self.movers[player].tensors().items()
            }
        if self.averaged:
            tensors |= {f"average.{k}": v for k, v in self.averaged.module.state_dict().items()}
        return tensors

    def counters(self) -> dict[str, float]:
        """Every number of the state, by name. Random streams are functions of these."""
        return {
            "step": self.step,
            "draws": self._draws,
            "real_draws": self._real_draws,
            **{f"updates.{player}": self.movers[player].updates for player in PLAYERS},
            **{f"scale.{player}": self.movers[player].scale for player in PLAYERS},
        }

    def load(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Take up where `tensors` and `counters` were left."""
        parts = _by_prefix(tensors)
        for player in PLAYERS:
            self.players[player].load_state_dict(parts.get(player, {}))
            optimizer = {
                key.removeprefix(f"{player}."): value
                for key, value in parts.get("optimizer", {}).items()
                if key.startswith(f"{player}.")
            }
            self.movers[player].load(optimizer, counters[f"updates.{player}"])
            self.movers[player].scale = counters[f"scale.{player}"]
        if self.averaged:
            self.averaged.module.load_state_dict(parts.get("average", {}))
        self.memory = {k: v.to(self.device) for k, v in parts.get("memory", {}).items()}
        self.step = counters["step"]
        self.rewind(counters)

    def rewind(self, counters: Mapping[str, Any]) -> None:
        """Place all random streams where `counters` were taken."""
        self._draws, self._real_draws = counters["draws"], counters["real_draws"]

    # Details of this machine.

    @property
    def _waits(self) -> bool:
        """Whether a number can be read without holding up a queue of work."""
        return self.device.type == "cpu"

    @property
    def _generator_needs_data(self) -> bool:
        return self.recipe.game.objective.generator_sees_real or self.recipe.joint.conditional

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.recipe.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _in_float32(self, module: nn.Module) -> Net:
        """In bfloat16, nets compute in half precision but samples and logits are single."""
        return Float32(module) if self.recipe.precision == "bfloat16" else module


def _by_prefix(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = tensor
    return parts
