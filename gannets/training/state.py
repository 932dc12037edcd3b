"""A game under way: everything that changes as it is played, and nothing else.

What has state of its own (optimizers, averages) is described by a value in the recipe and built
here into its stateful twin. `State.tensors` and `State.counters` are the whole of it: a game that
is built from its recipe and loaded with them continues as if it had never stopped.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gannets.data import Source, open_source
from gannets.errors import InputError, RunWarning
from gannets.game import ALONE, PLAYERS, Group, Losses, Player, Players, Stream
from gannets.nets import build
from gannets.nets.description import trained
from gannets.nets.layers import attach, synchronise
from gannets.terms import constraint_of
from gannets.training.autograd import Autograd
from gannets.training.device import resolve_device
from gannets.training.draws import Draw, Draws
from gannets.training.finite import Guard
from gannets.training.pieces import sizes, whole_batch_needed
from gannets.training.recipe import Recipe
from gannets.updates import Averaged, Gradient, Mover

__all__ = ["State"]


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
        judged = replace(self.space, event=recipe.joint.event(self.space.event), mean=None)
        nets = build(recipe.nets, Players(self.space, judged), Stream(recipe.seed, "init"))
        self.dtype = torch.float64 if recipe.precision == "float64" else torch.float32
        self.draws = Draws(recipe, self.source, group, self.device, self.dtype)
        self.players: Players[nn.Module] = nets.map(lambda net: net.to(self.device, self.dtype))
        self.averaged: Averaged | None = (
            recipe.averaging.build(self.players.generator) if recipe.averaging else None
        )
        for player in PLAYERS:
            attach(self.players[player], self.draws.random[player])
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
        self._autograd = Autograd(
            recipe, self.players, self.parameters, self.draws, group=group, device=self.device
        )
        self.guard = Guard(
            self.players, self.movers, self._autograd.losses, waits=self.device.type == "cpu"
        )
        self.notes = list(
            whole_batch_needed(recipe, self.players, sizes(recipe, None, self.group)[1])
        )
        """What there is to be said of the game before it is played."""
        for note in self.notes:
            warnings.warn(note, RunWarning, stacklevel=2)

    def compile_gradients(self) -> None:
        """From here on compute gradients by compiled functions, the same but for rounding."""
        if not self.group.alone:
            raise InputError("--compile serves one process: leave it out, or --processes.")
        if sizes(self.recipe, None, self.group)[1] > 1:
            raise InputError("--compile takes the batch whole: leave it out, or --micro-batch.")
        self._autograd.compile()

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
        game, joint = self.recipe.game, self.recipe.joint
        sees_data = (
            player == "discriminator" or game.objective.generator_sees_real or joint.conditional
        )
        m, pieces = sizes(self.recipe, player, self.group)
        draw = self.draws.next(m, self.movers[player].updates, data=sees_data)
        return self._everybodys(player, self._autograd.one(player, draw, pieces=pieces), draw)

    def gradients(self, *, differentiable: bool = False) -> Players[Gradient]:
        """Both players' gradients, on one fresh batch and from one pass through D."""
        rule = type(self.recipe.update).__name__
        if self.recipe.micro_batch is not None:
            raise InputError(
                f"{rule} takes both gradients from one pass, which cannot be made in pieces: leave "
                "micro_batch out, or use Alternating()."
            )
        if differentiable and self._autograd.compiled:
            raise InputError(
                f"{rule} differentiates gradients, which it cannot where they are compiled: leave "
                "--compile out."
            )
        m, _ = sizes(self.recipe, None, self.group)
        draw = self.draws.next(m, self.movers.generator.updates, data=True)
        field = self._autograd.both(draw, differentiable=differentiable)
        if differentiable:
            self._field = draw, field
            return field
        return Players(*(self._everybodys(player, field[player], draw) for player in PLAYERS))

    def total(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sum over the processes of what was made of both players' gradients, if finite."""
        totals = self.group.total(tensors)
        draw, field = self._field
        n = len(field.generator.gradient)
        for player, own in zip(PLAYERS, (totals[:n], totals[n:]), strict=True):
            self.guard.check(player, field[player]._replace(gradient=own), (), draw)
        return totals

    def move(self, player: Player, gradient: Sequence[Tensor]) -> None:
        """Let the player's optimizer step."""
        self.movers[player].move(gradient)
        if (constraint := constraint_of(player, self.recipe.constraint)) is not None:
            constraint(self.parameters[player])

    def _everybodys(self, player: Player, part: Gradient, draw: Draw) -> Gradient:
        """The sum over the processes, one flat all-reduce, if it is finite."""
        # The losses too, so that all processes come to the same verdict.
        totals = self.group.total([*part.gradient, *part.losses.values()])
        n = len(part.gradient)
        found = part._replace(gradient=totals[:n])
        self.guard.check(player, found, totals[n:], draw)
        return found

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
            **self.draws.counters(),
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
        self.draws.rewind(counters)


def _by_prefix(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = tensor
    return parts
