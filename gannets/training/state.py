"""A game under way: everything that changes as it is played, and nothing else.

What has state of its own (optimizers, averages) is described by a value in the recipe and built
here into its stateful twin. `State.tensors` and `State.counters` are the whole of it: a game that
is built from its recipe and loaded with them continues as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gannets.data import Source, open_source
from gannets.errors import InputError
from gannets.game import PLAYERS, Batch, Losses, Net, Player, Players, Space, Stream
from gannets.nets import build
from gannets.nets.layers import attach
from gannets.training.recipe import Recipe
from gannets.updates import Averaged, Gradient, Mover

__all__ = ["State", "resolve_device"]

STREAMS = ("latent", "terms", "views", *PLAYERS)
"""The players' own streams are for what their nets draw: dropout masks."""


class State:
    """A `Position` (see `gannets.updates`) that is played on real nets and data."""

    def __init__(self, recipe: Recipe, *, device: str | torch.device = "auto") -> None:
        self.recipe = recipe
        self.device = resolve_device(device)
        self.source: Source = open_source(recipe.data, seed=recipe.seed, device=self.device)
        self.source.check(max(recipe.batch, recipe.generator_batch or 0))
        self.space = _space(recipe, self.source)
        self.random = {name: Stream(recipe.seed, name, self.device) for name in STREAMS}
        judged = replace(self.space, event=recipe.joint.event(self.space.event), mean=None)
        nets = build(recipe.nets, Players(self.space, judged), Stream(recipe.seed, "init"))
        self.players: Players[nn.Module] = nets.map(lambda net: net.to(self.device))
        self.averaged: Averaged | None = (
            recipe.averaging.build(self.players.generator) if recipe.averaging else None
        )
        for player in PLAYERS:
            attach(self.players[player], self.random[player])
        self.movers: Players[Mover] = Players(
            *(
                recipe.optimizers[player].build(list(self.players[player].parameters()))
                for player in PLAYERS
            )
        )
        self.parameters: Players[Sequence[Tensor]] = self.movers.map(lambda mover: mover.parameters)
        self.memory: dict[str, Tensor] = {}
        self.step = 0
        self._draws = 0
        self._real_draws = 0
        self._sees: Players[Net] = self.players.map(self._in_float32)

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

    def draw(self, player: Player | None) -> Batch:
        """Fresh data and noise. G's part of the graph is built unless it is D's turn."""
        recipe, joint = self.recipe, self.recipe.joint
        for stream in self.random.values():
            stream.at(self._draws)
        self._draws += 1
        m = recipe.generator_batch if player == "generator" else None
        m = m or recipe.batch
        step = self.movers[player or "generator"].updates

        real: tuple[Tensor, ...] = ()
        labels = None
        if player != "generator" or self._generator_needs_data:
            x, labels = self.source.batch(self._real_draws, m)
            self._real_draws += 1
            labels = labels if joint.conditional else None
            real = joint.real(x, labels, self.random["views"], step)

        z = recipe.prior(m, self.random["latent"])
        with torch.set_grad_enabled(player != "discriminator"), self._autocast():
            fake = joint.fake(self._sees.generator, z, labels, self.random["views"], step)
        return Batch(real, fake, z, labels, step, self.random["terms"])

    def gradient(self, player: Player, batch: Batch) -> Gradient:
        """Ask autograd for exactly one player's gradient."""
        game = self.recipe.game
        charge = game.generator_losses if player == "generator" else game.discriminator_losses
        with self._autocast():
            losses = charge(self._sees, batch)
        return _gradient(losses, self.parameters[player])

    def gradients(self, batch: Batch, *, differentiable: bool = False) -> Players[Gradient]:
        """Both players' gradients from one pass through D."""
        with self._autocast():
            losses = self.recipe.game.losses(self._sees, batch)
        generator = _gradient(
            losses.generator, self.parameters.generator, keep=True, differentiable=differentiable
        )
        discriminator = _gradient(
            losses.discriminator, self.parameters.discriminator, differentiable=differentiable
        )
        return Players(generator, discriminator)

    def move(self, player: Player, gradient: Sequence[Tensor]) -> None:
        """Let the player's optimizer step."""
        self.movers[player].move(gradient)
        if player == "discriminator" and self.recipe.constraint is not None:
            self.recipe.constraint(self.parameters.discriminator)

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

    def counters(self) -> dict[str, int]:
        """Every integer of the state, by name. Random streams are functions of these."""
        return {
            "step": self.step,
            "draws": self._draws,
            "real_draws": self._real_draws,
            **{f"updates.{player}": self.movers[player].updates for player in PLAYERS},
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
        if self.averaged:
            self.averaged.module.load_state_dict(parts.get("average", {}))
        self.memory = {k: v.to(self.device) for k, v in parts.get("memory", {}).items()}
        self.step, self._draws = counters["step"], counters["draws"]
        self._real_draws = counters["real_draws"]

    # Details of this machine.

    @property
    def _generator_needs_data(self) -> bool:
        return self.recipe.game.objective.generator_sees_real or self.recipe.joint.conditional

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _in_float32(self, module: nn.Module) -> Net:
        """In bfloat16, nets compute in half precision but samples and logits are single."""
        return module if self.recipe.precision == "float32" else _Float32(module)


class _Float32:
    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.judges_alone = getattr(module, "judges_alone", False)

    def __call__(self, *inputs: Tensor) -> Tensor:
        output: Tensor = self._module(*inputs)
        return output.float()


def _gradient(
    losses: Losses,
    parameters: Sequence[Tensor],
    *,
    keep: bool = False,
    differentiable: bool = False,
) -> Gradient:
    # Autograd adds up what it differentiates. A lazy term's 0 hangs on nothing.
    gradient = torch.autograd.grad(
        [loss for loss in losses.values() if loss.requires_grad],
        list(parameters),
        retain_graph=keep or differentiable,
        create_graph=differentiable,
        materialize_grads=True,
    )
    return Gradient({name: loss.detach() for name, loss in losses.items()}, gradient)


def _space(recipe: Recipe, source: Source) -> Space:
    if recipe.joint.conditional and source.classes is None:
        raise InputError(
            f"{type(recipe.joint).__name__} needs data with labels, and this data has none: "
            "give labelled data, or a recipe whose joint is Marginal()."
        )
    return Space(
        event=source.shape,
        latent=recipe.prior.dimension,
        classes=source.classes if recipe.joint.conditional else None,
        bounds=source.bounds,
        mean=source.mean,
    )


def _by_prefix(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        prefix, _, rest = name.partition(".")
        parts.setdefault(prefix, {})[rest] = tensor
    return parts


def resolve_device(device: str | torch.device) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, or Apple's MPS, or the CPU."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"There is no device {str(device)!r} here: use cpu, cuda, cuda:1, mps or auto."
        ) from error
    return chosen
