"""The contract of a net: what it builds for a `Space` has its shape, and does what it states."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game.check.result import Result, Verdict, normal, results
from gannets.game.judge import input_gradient
from gannets.game.players import PLAYERS, Player
from gannets.game.space import Space
from gannets.game.stream import Stream, seeded

__all__ = ["check_net"]

_ROWS = 5


def _space(*event: int, classes: int | None = None, images: bool = False) -> Space:
    bounds = (0.0, 1.0) if images else None
    return Space(event, latent=4, classes=classes, bounds=bounds, mean=torch.full(event, 0.5))


SPACES = (
    _space(6),
    _space(6, classes=3),
    _space(3, 16, 16, images=True),
    _space(1, 8, 8, classes=3, images=True),
)
"""A net may refuse some of these with an `InputError`, but not all."""


class _Net(NamedTuple):
    """A net built for a space."""

    player: Player
    make: Callable[[Space], Any]
    space: Space

    def build(self) -> nn.Module:
        with seeded(Stream(0, "init")):
            module = self.make(self.space)
        if not isinstance(module, nn.Module):
            raise TypeError(f"it builds a {type(module).__name__}, not a torch.nn.Module")
        return module.double().train()

    def inputs(self, index: int = 0) -> tuple[Tensor, ...]:
        """What it is called with: z or x, and y where there are classes."""
        shape = (self.space.latent,) if self.player == "generator" else self.space.event
        first = normal(_ROWS, *shape, index=40 + index)
        if self.space.classes is None:
            return (first,)
        return first, Stream(0, "labels").at(index).integers(self.space.classes, _ROWS)

    def __str__(self) -> str:
        labelled = f" with {self.space.classes} classes" if self.space.classes else ""
        return f"{self.space.event}{labelled}"


def check_net(value: Any) -> list[Result]:
    """Hold a description of one or both nets to its contract, for each kind of data it accepts."""
    makers = {p: getattr(value, p) for p in PLAYERS if callable(getattr(value, p, None))}
    found = []
    for player, make in (makers or {_player(value): value}).items():
        nets, refusals = _accepted(player, make)
        checks = {f"{player}: {name}": verdict for name, verdict in _CHECKS[player].items()}
        if nets:
            found += results(checks, nets)
        else:
            found.append(Result(f"{player}: builds", False, f"No data suits it: {refusals[0]}"))
    return found


def _player(make: Callable[[Space], Any]) -> Player:
    """Whose net a plain function builds: one that answers x with one number a row is D's."""
    for net in _accepted("discriminator", make)[0]:
        try:
            if net.build()(*net.inputs()).shape == (_ROWS,):
                return "discriminator"
        except Exception:
            continue  # it does not take x: it is G's
    return "generator"


def _accepted(player: Player, make: Callable[[Space], Any]) -> tuple[list[_Net], list[str]]:
    nets, refusals = [], []
    for space in SPACES:
        try:
            make(space)
        except InputError as error:
            refusals.append(str(error))
            continue
        except Exception:  # no sentence: the checks will say which
            pass
        nets.append(_Net(player, make, space))
    return nets, refusals


def _call(module: nn.Module, inputs: tuple[Tensor, ...], *, still: bool = False) -> Tensor:
    """A training call of a copy, so that buffers start the same; `still`: without noise inside."""
    output: Tensor = _attached(copy.deepcopy(module), still=still)(*inputs)
    return output


def _attached(module: nn.Module, *, still: bool = False) -> nn.Module:
    for part in module.modules():
        if getattr(part, "draws_random", False):
            part.random = Stream(0, "nets")  # type: ignore[assignment]
            part.train(not still)
    return module


def _shape(nets: list[_Net]) -> Verdict:
    """G makes (m, *event), D one logit a row, (m,)."""
    for net in nets:
        asked = (_ROWS, *net.space.event) if net.player == "generator" else (_ROWS,)
        output = _call(net.build(), net.inputs())
        if output.shape != asked or not output.isfinite().all():
            return False, f"For {net} it makes {tuple(output.shape)}, not finite numbers {asked}."
    return True, f"Right and finite for samples of shape {', '.join(map(str, nets))}."


def _repeatable(nets: list[_Net]) -> Verdict:
    """Initial weights are a function of the stream they are drawn from."""
    for net in nets:
        first, second = (net.build().state_dict() for _ in range(2))
        unequal = [name for name in first if not torch.equal(first[name], second[name])]
        if unequal:
            return False, f"For {net}, two nets of one seed differ in {', '.join(unequal)}."
    return True, "Two nets of one seed are equal."


def _explicit(nets: list[_Net]) -> Verdict:
    """In training it neither reads nor moves the global generator."""
    for net in nets:
        module, outputs = net.build(), []
        for seed in (1, 2):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                before = torch.get_rng_state()
                outputs.append(_call(module, net.inputs()))
                moved = not torch.equal(before, torch.get_rng_state())
            if moved:
                return False, f"For {net} it draws from torch's global generator."
        if not torch.equal(*outputs):
            return False, f"For {net} the same input gives two outputs."
    return True, "It draws nothing from the global generator."


def _slope(nets: list[_Net]) -> Verdict:
    """What is charged on its output, and on D's slope, has a finite gradient in the parameters."""
    for net in nets:
        module = _attached(net.build())
        parameters = [weight for weight in module.parameters() if weight.requires_grad]
        if not parameters:
            return False, f"For {net} no weight requires a gradient: there is none to train."
        charges = [module(*net.inputs()).square().mean()] if net.player == "generator" else []
        if net.player == "discriminator":
            charges += [module(*net.inputs()).mean()]
            charges += [input_gradient(module, net.inputs()).square().sum()]
        for charge in charges:
            gradient = torch.autograd.grad(charge, parameters, materialize_grads=True)
            norm = float(torch.stack([g.square().sum() for g in gradient]).sum().sqrt())
            if not 0 < norm < torch.inf:
                return False, f"For {net} a gradient in the parameters has norm {norm:.3g}."
    twice = " (twice, for penalties)" if nets[0].player == "discriminator" else ""
    return True, f"It can be differentiated{twice}."


def _alone(nets: list[_Net]) -> Verdict:
    """Where it states `judges_alone`, a logit does not depend on the other rows."""
    worst, stated = 0.0, 0
    for net in nets:
        module = net.build()
        if not getattr(module, "judges_alone", False):
            continue
        stated += 1
        row, others = net.inputs(), net.inputs(index=1)
        joined = tuple(torch.cat(pair) for pair in zip(row, others, strict=True))
        alone, among = _call(module, row, still=True), _call(module, joined, still=True)[:_ROWS]
        worst = max(worst, float((alone - among).abs().max() / alone.abs().max()))
    if not stated:
        return True, "It does not state judges_alone: real and fake are judged in two passes."
    return worst < 1e-9, f"It states judges_alone; other rows change a logit by {worst:.2g} of it."


_COMMON: dict[str, Callable[[list[_Net]], Verdict]] = {
    "shapes are right": _shape,
    "weights are a function of the seed": _repeatable,
    "randomness is explicit": _explicit,
    "it can be trained": _slope,
}
_CHECKS: dict[Player, dict[str, Callable[[list[_Net]], Verdict]]] = {
    "generator": _COMMON,
    "discriminator": {**_COMMON, "judges_alone is true": _alone},
}
