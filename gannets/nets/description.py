"""Nets are described by values, and built for the spaces of one experiment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import PLAYERS, Player, Players, Space, Stream, both, seeded

__all__ = ["DiscriminatorNet", "GeneratorNet", "build", "build_net", "trained"]


@runtime_checkable
class GeneratorNet(Protocol):
    """Describes a generator."""

    def generator(self, space: Space) -> nn.Module:
        """A module of z, (m, latent), to samples, (m, *event); of (z, y) if there are classes."""
        ...


@runtime_checkable
class DiscriminatorNet(Protocol):
    """Describes a discriminator."""

    def discriminator(self, space: Space) -> nn.Module:
        """A module of x, (m, *event), to logits, (m,); of (x, y) where there are classes.

        It may state `judges_alone = True`: each logit depends on its own row alone, also in
        training, so that real and generated samples can be judged in one pass. One that draws
        random numbers (dropout) states `draws_random = True`.
        """
        ...


def build(nets: Players[Any], space: Space | Players[Space], stream: Stream) -> Players[nn.Module]:
    """Build both nets, G at index 0 of `stream` and D at index 1.

    A net is a `GeneratorNet`, a `DiscriminatorNet`, or a function of a `Space` that makes a module.
    Initial weights are a function of the stream's seed and name, and one net's do not depend on the
    other; torch's global generator is left as it was. Where D sees something else than one sample
    (a pack of them), `space` is one space for each player.
    """
    spaces = space if isinstance(space, Players) else both(space)
    return Players(
        build_net(nets.generator, "generator", space=spaces.generator, stream=stream),
        build_net(nets.discriminator, "discriminator", space=spaces.discriminator, stream=stream),
    )


def build_net(net: Any, player: Player, *, space: Space, stream: Stream) -> nn.Module:
    """Build one player's net, see `build`."""
    with seeded(stream.at(PLAYERS.index(player))):
        module = _maker(net, player)(space)
        _check_shape(module, player, space)
    return module


def trained(module: nn.Module, player: Player) -> list[nn.Parameter]:
    """The weights that a player's gradient is asked for: those that are not held, as the layers of
    a net that was trained before may be. Raises `InputError` where there are none.
    """
    weights = list(module.parameters())
    free = [weight for weight in weights if weight.requires_grad]
    if not free:
        why = f"all {len(weights)} of them have requires_grad=False" if weights else "it has none"
        raise InputError(
            f"No weight of the {player} can be trained: {why}. Let at least one parameter of the "
            "net require a gradient; those that do not stay as they are."
        )
    return free


def _maker(net: Any, player: Player) -> Callable[[Space], nn.Module]:
    if isinstance(net, nn.Module):
        raise InputError(
            f"The {player} is given as a module that exists already, whose start no seed repeats: "
            "give a description such as MLP(), or a function of a Space that makes the module."
        )
    maker = getattr(net, player, net)
    if not callable(maker) or isinstance(net, type):
        name = net.__name__ if isinstance(net, type) else type(net).__name__
        raise InputError(
            f"{name} describes no {player}: give a value with a method {player}(space), such as "
            "MLP(), or a function of a Space that makes a module."
        )
    return cast("Callable[[Space], nn.Module]", maker)


def _check_shape(module: nn.Module, player: Player, space: Space) -> None:
    """Two rows through the net, in evaluation: a wrong shape is found here, not by a broadcast."""
    inputs: list[Tensor] = [
        torch.zeros(2, space.latent) if player == "generator" else torch.zeros(2, *space.event)
    ]
    if space.classes is not None:
        inputs.append(torch.zeros(2, dtype=torch.int64))
    modes = {part: part.training for part in module.modules()}
    with torch.no_grad():
        output = module.eval()(*inputs)
    for part, training in modes.items():
        part.training = training
    given, asked = tuple(output.shape), (2, *space.event) if player == "generator" else (2,)
    if given != asked:
        raise InputError(
            f"The {player} makes {given} of a batch of 2, but must make {asked}: "
            + ("samples of the data's shape." if player == "generator" else "one logit a row.")
        )
