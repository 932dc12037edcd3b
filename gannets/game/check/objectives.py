"""The contract of an objective: slopes, shapes, honesty; and, where it is solved, its theory.

All numbers are float64. Expectations are exact: p_data = (3, 1, 4)/8 and p_g = (1, 5, 2)/8 are laid
out as all 64 pairs of 8 real and 8 generated samples, in which each outcome, and each pair of
outcomes, occurs in proportion to its mass, so that the mean over the batch *is* the expectation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gannets.game.check.result import Result, Verdict, normal, results
from gannets.game.objective import Objective, Solved
from gannets.game.players import PLAYERS, Players
from gannets.game.stream import Stream

__all__ = ["check_objective"]

P_DATA = torch.tensor([3, 1, 4], dtype=torch.float64) / 8
P_G = torch.tensor([1, 5, 2], dtype=torch.float64) / 8
_REAL = torch.repeat_interleave(torch.arange(3), torch.tensor([3, 1, 4])).repeat_interleave(8)
_FAKE = torch.repeat_interleave(torch.arange(3), torch.tensor([1, 5, 2])).repeat(8)
_STEEP = 40.0  # sigmoid(40) rounds to 1 in float64: log(1 - sigmoid) is -inf, softplus is not


def check_objective(objective: Objective) -> list[Result]:
    """Hold an objective to its contract."""
    checks = {**_OBJECTIVE, **(_SOLVED if isinstance(objective, Solved) else {})}
    return results(checks, objective)


def _losses(objective: Objective, real: Tensor, fake: Tensor) -> Players[Tensor]:
    seen = real if objective.generator_sees_real else None
    return Players(objective.generator(seen, fake), objective.discriminator(real, fake))


def _scalar(objective: Objective) -> Verdict:
    """Scalar and finite, value and slope, however sure D is."""
    worst = 0.0
    for m in (1, 2, 64):
        for sure in (1.0, _STEEP):
            real = (sure * normal(m, index=1).sign()).requires_grad_()
            fake = (sure * normal(m, index=2).sign()).requires_grad_()
            losses = _losses(objective, real, fake)
            for loss in (losses.generator, losses.discriminator):
                if loss.shape != ():
                    return False, f"A loss of {m} samples has shape {tuple(loss.shape)}, not ()."
                slopes = torch.autograd.grad(loss, (real, fake), allow_unused=True)
                known = [s.abs().max() for s in slopes if s is not None]
                worst = max(
                    worst, *map(float, torch.stack([loss.detach().abs(), *known])), key=_size
                )
    finite = math.isfinite(worst)
    return finite, f"Largest loss or slope for logits up to {_STEEP:g} in size: {worst:.4g}."


def _size(number: float) -> float:
    return math.inf if math.isnan(number) else number


def _shapes(objective: Objective) -> Verdict:
    """A column (m, 1) next to a vector (m,) must not broadcast to (m, m)."""
    real, fake = normal(5, index=3), normal(5, index=4)
    expected = _losses(objective, real, fake)
    for wrong in ((real[:, None], fake), (real, fake[:, None])):
        try:
            found = _losses(objective, *wrong)
        except Exception:
            continue
        for player in PLAYERS:
            error = float((found[player] - expected[player]).abs().max())
            if not error < 1e-12:
                return (
                    False,
                    f"Logits (5, 1) next to (5,) change the {player}'s loss by {error:.3g}.",
                )
    return True, "Logits (5, 1) next to (5,) are refused, or change nothing."


def _symmetric(objective: Objective) -> Verdict:
    """The order of samples is of no account (of pairs, where real and fake are paired)."""
    real, fake = normal(9, index=5), normal(9, index=6)
    order = Stream(0, "check").at(7).permutation(9)
    paired = getattr(objective, "paired", False)
    before = _losses(objective, real, fake)
    after = _losses(objective, real[order], fake[order] if paired else fake)
    change = max(float((before[player] - after[player]).abs()) for player in PLAYERS)
    what = "pairs" if paired else "real samples"
    return change < 1e-12, f"Another order of the {what} changes a loss by {change:.2g}."


def _direction(objective: Objective) -> Verdict:
    """Where D has it all wrong, its loss falls in learning; where D is right, G's in deceiving."""
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
    real, fake = normal(6, index=8), normal(6, index=9)
    change = float((objective.generator(real, fake) - objective.generator(real + 1, fake)).abs())
    if not objective.generator_sees_real:
        change += float((objective.generator(None, fake) - objective.generator(real, fake)).abs())
    return (change > 0) == objective.generator_sees_real, (
        f"generator_sees_real is {objective.generator_sees_real}; other D(x) change G's loss by "
        f"{change:.3g}."
    )


def _pure(objective: Objective) -> Verdict:
    """The same logits give the same losses, and are left as they were."""
    real, fake = normal(6, index=10), normal(6, index=11)
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
    noise = normal(600, 3, index=12)
    beside = optimum + noise[:300] * torch.logspace(-3, 1, 300, dtype=torch.float64)[:, None]
    losses = torch.stack([_expected(objective, d) for d in torch.cat([beside, 3 * noise[300:]])])
    lead = float(objective.value(P_DATA, P_G) - losses.min())
    return lead < 1e-9, f"The best of 600 other discriminators beats D* by {lead:.2g}."


def _equilibrium(objective: Solved) -> Verdict:
    """D does worst where p_g = p_data (Goodfellow et al. 2014, Theorem 1)."""
    others = [P_G, *normal(20, 3, index=13).softmax(1)]
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
