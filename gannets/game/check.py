"""The public contract of an objective, a term or a net, checked on values whose answer is known.

`gannets check FILE.py` and the contract tests of gannets run the same checks. All numbers are
float64. Expectations are exact: p_data = (3, 1, 4)/8 and p_g = (1, 5, 2)/8 are laid out as all 64
pairs of 8 real and 8 generated samples, in which each outcome, and each pair of outcomes, occurs in
proportion to its mass, so that the mean over the batch *is* the expectation.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game.batch import Batch
from gannets.game.game import Term
from gannets.game.judge import Judge, input_gradient
from gannets.game.objective import Objective, Solved
from gannets.game.players import PLAYERS, Player, Players
from gannets.game.space import Space
from gannets.game.stream import Stream, seeded

__all__ = ["Result", "check"]

Verdict = tuple[bool, str]
P_DATA = torch.tensor([3, 1, 4], dtype=torch.float64) / 8
P_G = torch.tensor([1, 5, 2], dtype=torch.float64) / 8
_REAL = torch.repeat_interleave(torch.arange(3), torch.tensor([3, 1, 4])).repeat_interleave(8)
_FAKE = torch.repeat_interleave(torch.arange(3), torch.tensor([1, 5, 2])).repeat(8)
_STEEP = 40.0  # sigmoid(40) rounds to 1 in float64: log(1 - sigmoid) is -inf, softplus is not


@dataclass(frozen=True)
class Result:
    """What one check found."""

    name: str
    passed: bool
    sentence: str
    """What was measured."""


def check(value: object) -> list[Result]:
    """Run the contract that `value` is held to: that of an objective, a net or a term.

    What a thing is, its shape says: an objective has `generator_sees_real`; a net has a method
    `generator(space)` or `discriminator(space)`, or is itself a function of a space; a term is a
    function of (players, batch). Anything else raises `InputError`.
    """
    if isinstance(value, type):
        name = value.__name__
        raise InputError(f"Only values can be checked: give {name}(...), not the class {name}.")
    if isinstance(value, Objective):
        checks = list(_OBJECTIVE.items())
        if isinstance(value, Solved):
            checks += _SOLVED.items()
        return [_result(name, verdict, value) for name, verdict in checks]
    described = [player for player in PLAYERS if callable(getattr(value, player, None))]
    if described or _arguments(value) == 1:
        makers = {player: getattr(value, player) for player in described} or {None: value}
        return [result for player, maker in makers.items() for result in _net(player, maker)]
    if _arguments(value) == 2:
        return [_result(name, verdict, value) for name, verdict in _TERM.items()]
    raise InputError(
        f"A {type(value).__name__} cannot be checked: give an objective (with generator_sees_real), "
        f"a net (with generator(space) or discriminator(space)) or a term (players, batch) -> scalar."
    )


def _result(name: str, verdict: Callable[..., Verdict], *given: Any) -> Result:
    try:
        return Result(name, *verdict(*given))
    except Exception as error:  # what is checked is foreign code, and may fail in any way
        return Result(name, False, f"It raised {type(error).__name__}: {error}")


def _arguments(value: object) -> int:
    """How many arguments a function must be given; 0 for what is no function."""
    if not callable(value):
        return 0
    parameters = inspect.signature(value).parameters.values()
    return sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in parameters)


def _normal(*shape: int, index: int = 0) -> Tensor:
    return Stream(0, "check").at(index).normal(*shape).double()


# ------------------------------------------------------------------------------------- objectives


def _losses(objective: Objective, real: Tensor, fake: Tensor) -> Players[Tensor]:
    seen = real if objective.generator_sees_real else None
    return Players(objective.generator(seen, fake), objective.discriminator(real, fake))


def _scalar(objective: Objective) -> Verdict:
    """Scalar and finite, value and slope, however sure D is."""
    worst = 0.0
    for m in (1, 2, 64):
        for sure in (1.0, _STEEP):
            real = (sure * _normal(m, index=1).sign()).requires_grad_()
            fake = (sure * _normal(m, index=2).sign()).requires_grad_()
            losses = _losses(objective, real, fake)
            for loss in (losses.generator, losses.discriminator):
                if loss.shape != ():
                    return False, f"A loss of {m} samples has shape {tuple(loss.shape)}, not ()."
                slopes = torch.autograd.grad(loss, (real, fake), allow_unused=True)
                known = [s.abs().max() for s in slopes if s is not None]
                worst = max(worst, *map(float, torch.stack([loss.detach().abs(), *known])), key=_size)
    finite = math.isfinite(worst)
    return finite, f"Largest loss or slope for logits up to {_STEEP:g} in size: {worst:.4g}."


def _size(number: float) -> float:
    return math.inf if math.isnan(number) else number


def _shapes(objective: Objective) -> Verdict:
    """A column (m, 1) next to a vector (m,) must not broadcast to (m, m)."""
    real, fake = _normal(5, index=3), _normal(5, index=4)
    expected = _losses(objective, real, fake)
    for wrong in ((real[:, None], fake), (real, fake[:, None])):
        try:
            found = _losses(objective, *wrong)
        except Exception:
            continue
        for player in PLAYERS:
            error = float((found[player] - expected[player]).abs().max())
            if not error < 1e-12:
                return False, f"Logits (5, 1) next to (5,) change the {player}'s loss by {error:.3g}."
    return True, "Logits (5, 1) next to (5,) are refused, or change nothing."


def _symmetric(objective: Objective) -> Verdict:
    """The order of samples is of no account (of pairs, where real and fake are paired)."""
    real, fake = _normal(9, index=5), _normal(9, index=6)
    order = Stream(0, "check").at(7).permutation(9)
    paired = getattr(objective, "paired", False)
    before = _losses(objective, real, fake)
    after = _losses(objective, real[order], fake[order] if paired else fake)
    change = max(float((before[player] - after[player]).abs()) for player in PLAYERS)
    what = "pairs" if paired else "real samples"
    return change < 1e-12, f"Another order of the {what} changes a loss by {change:.2g}."


def _direction(objective: Objective) -> Verdict:
    """Where D has it all wrong its loss falls as it learns; where D is right, G's as it deceives."""
    low, high = torch.full((2, 4), -1.0, dtype=torch.float64), torch.ones(2, 4, dtype=torch.float64)
    real, fake = low[0].requires_grad_(), high[0].requires_grad_()
    loss = objective.discriminator(real, fake)
    on_real, on_fake = (float(s.sum()) for s in torch.autograd.grad(loss, (real, fake)))
    good, caught = high[1], low[1].requires_grad_()
    (of_fake,) = torch.autograd.grad(_losses(objective, good, caught).generator, caught)
    on_caught = float(of_fake.sum())
    return on_real < 0 < on_fake and on_caught < 0, (
        f"Real judged -1 and fake judged 1: D's loss has slopes {on_real:.3g} (should be < 0) and "
        f"{on_fake:.3g} (> 0); fake judged -1: G's loss has slope {on_caught:.3g} (< 0)."
    )


def _honest(objective: Objective) -> Verdict:
    """`generator_sees_real` is true if and only if G's loss depends on D(x)."""
    real, fake = _normal(6, index=8), _normal(6, index=9)
    change = float((objective.generator(real, fake) - objective.generator(real + 1, fake)).abs())
    if not objective.generator_sees_real:
        change += float((objective.generator(None, fake) - objective.generator(real, fake)).abs())
    return (change > 0) == objective.generator_sees_real, (
        f"generator_sees_real is {objective.generator_sees_real}; other D(x) change G's loss by "
        f"{change:.3g}."
    )


def _pure(objective: Objective) -> Verdict:
    """The same logits give the same losses, and are left as they were."""
    real, fake = _normal(6, index=10), _normal(6, index=11)
    kept = real.clone(), fake.clone()
    first, second = _losses(objective, real, fake), _losses(objective, real, fake)
    same = all(torch.equal(first[player], second[player]) for player in PLAYERS)
    untouched = torch.equal(real, kept[0]) and torch.equal(fake, kept[1])
    return same and untouched, f"Two calls agree: {same}; the logits are untouched: {untouched}."


def _expected(objective: Objective, logits: Tensor) -> Tensor:
    """D's exact expected loss where its logit at outcome k is logits[k]."""
    return objective.discriminator(logits[_REAL], logits[_FAKE])


def _value(objective: Solved) -> Verdict:
    """`value` is D's expected loss at `optimal_discriminator`."""
    optimum = float(_expected(objective, objective.optimal_discriminator(P_DATA, P_G)))
    value = float(objective.value(P_DATA, P_G))
    return abs(optimum - value) < 1e-9, f"D's loss at D* is {optimum:.9g}, its value {value:.9g}."


def _level(objective: Solved) -> Verdict:
    """At D* no logit can move either way to lower the loss (the slope is 0, or the kink's is)."""
    optimum, step, worst = objective.optimal_discriminator(P_DATA, P_G), 1e-6, -math.inf
    for outcome in range(3):
        for sign in (1.0, -1.0):
            logits = optimum.clone()
            logits[outcome] += sign * step
            logits.requires_grad_()
            (slope,) = torch.autograd.grad(_expected(objective, logits), logits)
            worst = max(worst, -sign * float(slope[outcome]), key=_size)
    return worst < 1e-5, f"Steepest descent from D*, {step:g} beside it: {worst:.2g} (should be 0)."


def _unbeaten(objective: Solved) -> Verdict:
    """None of 600 other discriminators does better than D*."""
    optimum = objective.optimal_discriminator(P_DATA, P_G)
    noise = _normal(600, 3, index=12)
    beside = optimum + noise[:300] * torch.logspace(-3, 1, 300, dtype=torch.float64)[:, None]
    losses = torch.stack([_expected(objective, d) for d in torch.cat([beside, 3 * noise[300:]])])
    lead = float(objective.value(P_DATA, P_G) - losses.min())
    return lead < 1e-9, f"The best of 600 other discriminators beats D* by {lead:.2g}."


def _equilibrium(objective: Solved) -> Verdict:
    """D does worst where p_g = p_data (Goodfellow et al. 2014, Theorem 1)."""
    others = [P_G, *_normal(20, 3, index=13).softmax(1)]
    values = torch.stack([objective.value(P_DATA, other) for other in others])
    gap = float(objective.value(P_DATA, P_DATA) - values.max())
    return gap > 0, f"D's least loss is higher at p_g = p_data than at 21 other p_g by {gap:.3g}."


_OBJECTIVE: dict[str, Callable[[Any], Verdict]] = {
    "losses are finite scalars": _scalar,
    "shapes do not broadcast": _shapes,
    "order does not matter": _symmetric,
    "slopes have the right sign": _direction,
    "generator_sees_real is true": _honest,
    "losses are pure": _pure,
}
_SOLVED: dict[str, Callable[[Any], Verdict]] = {
    "value is the loss at D*": _value,
    "slope is zero at D*": _level,
    "no discriminator beats D*": _unbeaten,
    "p_g = p_data is D's worst case": _equilibrium,
}

# ------------------------------------------------------------------------------------------ terms


class _Critic(nn.Module):
    """D(x) = w·x + bend·tanh(V x): smooth, of slope above 1, and linear where bend is 0."""

    def __init__(self, bend: float) -> None:
        super().__init__()
        self.w = nn.Parameter(_normal(3, index=20) + 2)
        self.v = nn.Parameter(_normal(4, 3, index=21))
        self.register_buffer("bend", torch.full((4,), bend, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w + (x @ self.v.T).tanh() @ self.get_buffer("bend")


class _Scene:
    """Two small players and a batch for a term to be asked about."""

    def __init__(self, *, bend: float = 1.0, repeat: int = 1, position: int = 0) -> None:
        self.generator = nn.Linear(2, 3).double()
        with torch.no_grad():
            for i, parameter in enumerate(self.generator.parameters()):
                parameter.copy_(_normal(*parameter.shape, index=22 + i))
        self.players: Players[Any] = Players(self.generator, _Critic(bend))
        self.x, self.z = (_normal(6, n, index=24 + n).repeat(repeat, 1) for n in (3, 2))
        self.random = Stream(0, "terms")
        self.position = position

    def ask(self, term: Term, *, judged: bool = False) -> Tensor:
        """The term, on data and on what G makes of z."""
        fake = self.players.generator(self.z)
        players = self.players
        if judged:
            players = replace(players, discriminator=Judge(players.discriminator))
        random = self.random.at(self.position)
        return term(players, Batch((self.x,), (fake,), self.z, None, 0, random))

    def tensors(self) -> Iterator[Tensor]:
        """All that a term must leave as it is."""
        for player in PLAYERS:
            yield from self.players[player].state_dict().values()
        yield from (self.x, self.z, torch.get_rng_state())


def _term_scalar(term: Term) -> Verdict:
    """Scalar and finite."""
    found = _Scene().ask(term)
    if found.shape != ():
        return False, f"It has shape {tuple(found.shape)}, not ()."
    return bool(found.isfinite()), f"It is {float(found):.6g}."


def _term_slope(term: Term) -> Verdict:
    """Autograd's gradient in a player's parameters is that of finite differences."""
    scene, sentences, agrees = _Scene(), [], False
    for player in PLAYERS:
        parameters = list(scene.players[player].parameters())
        toward = [_normal(*p.shape, index=30) for p in parameters]
        gradient = torch.autograd.grad(scene.ask(term), parameters, materialize_grads=True)
        slope = float(sum((g * t).sum() for g, t in zip(gradient, toward, strict=True)))
        if slope == 0:
            continue
        ends = []
        for step in (1e-5, -2e-5, 1e-5):  # the third brings the parameters back
            with torch.no_grad():
                torch._foreach_add_(parameters, toward, alpha=step)
            ends.append(float(scene.ask(term).detach()))
        measured = (ends[0] - ends[1]) / 2e-5
        agrees |= abs(slope - measured) < 1e-5 * max(1.0, abs(measured))
        sentences.append(f"{slope:.8g} in the {player}, {measured:.8g} by finite differences")
    return agrees, "; ".join(sentences) or "It has no gradient in either player's parameters."


def _term_pure(term: Term) -> Verdict:
    """Nets, batch and the global random state are left as they were; the same position repeats."""
    scene = _Scene()
    kept = [tensor.clone() for tensor in scene.tensors()]
    first = scene.ask(term)
    changed = sum(not torch.equal(a, b) for a, b in zip(kept, scene.tensors(), strict=True))
    gap = float((first - scene.ask(term)).abs())
    return changed == 0 and gap == 0, (
        f"It changes {changed} tensors that are not its own; at the same place of its stream it "
        f"differs by {gap:.2g}."
    )


def _term_shared(term: Term) -> Verdict:
    """Through a `Judge`, which remembers D's verdicts, it is the same number."""
    gap = float((_Scene().ask(term) - _Scene().ask(term, judged=True)).abs())
    return gap < 1e-12, f"Evaluated on remembered verdicts of D it differs by {gap:.2g}."


def _term_mean(term: Term) -> Verdict:
    """A mean over samples does not change when each is repeated (on a D of constant slope)."""
    once, again = (_Scene(bend=0.0, position=i).ask(term) for i in (0, 1))
    if not torch.isclose(once, again, rtol=1e-9):
        return True, "It depends on its random draws, so repeated samples say nothing."
    gap = float((once - _Scene(bend=0.0, repeat=10).ask(term)).abs() / once.abs().clamp(min=1))
    return gap < 1e-9, f"Ten times the same batch changes it by {gap:.2g} of its size."


_TERM: dict[str, Callable[[Any], Verdict]] = {
    "term is a finite scalar": _term_scalar,
    "gradient is right": _term_slope,
    "term is pure": _term_pure,
    "verdicts can be shared": _term_shared,
    "term is a mean over samples": _term_mean,
}

# ------------------------------------------------------------------------------------------- nets
