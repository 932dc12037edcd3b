"""The duality gap: what each player would gain if it alone went on training.

DG(G, D) = max_D' V(G, D') - min_G' V(G', D), Grnarova et al. (2019), "A domain agnostic measure for
monitoring and evaluating GANs", eq. 3. It is the sum of two gaps, each at least 0, and 0 at an
equilibrium alone. The best answers are not known: copies of D and of G are trained for some steps
against the other player as it is, and what they gain is a lower bound.

V is minus D's loss, the objective's without any penalty, whatever the objective: for `Minimax` the
value function of Goodfellow et al. (2014). A copy descends its own player's whole loss, penalties
included, which for G need not be V itself (non-saturating, least squares); what is reported is then
by how much that raises D's loss. V before and after is measured on the same held-out samples, so
that a D that learns by heart gains nothing.

The gap says how far the game is from rest, not how far p_g is from p_data: a D that is blind where
they differ has no gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Player, Players, Stream
from gannets.metrics.clones import Clone, balanced_accuracy, threshold, train_clone
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.overfitting import mann_whitney
from gannets.metrics.played import Played
from gannets.metrics.resampling import Z
from gannets.updates import Adam, Optimizer

__all__ = ["DualityGap", "discriminator_gains", "interval_of_groups", "student"]

WORTH = 0.1
"""Share of V, below which a gain is no reason to change the run's settings."""
STARVED = 0.35
"""Share of the reference copy's gain, below which the run's own settings are to blame."""


@dataclass(frozen=True)
class DualityGap:
    """The duality gap and its two pieces, from copies of both players.

    Each player is copied twice: one copy is trained by `reference`, the same for all runs, and its
    gain is the estimate; the other by the run's own optimizer (details: "own"). Where the second
    gains much less than the first, the run's settings are what holds the player back.

    A gain is negative where the copy ended worse than it began. Intervals are those of the gain of
    these very copies on more held-out data; other seeds train other copies.
    """

    steps: int = 150
    reference: Optimizer = Adam(lr=1e-3, betas=(0.5, 0.999))
    samples: int = 2_000
    """Held-out samples on which V is measured, at most."""
    groups: int = 20
    """Parts of them, from whose spread the intervals come."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.samples < 20 or self.groups < 2:
            raise InputError(
                "DualityGap takes steps >= 1, samples >= 20 and groups >= 2, not "
                f"steps={self.steps}, samples={self.samples}, groups={self.groups}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """`gap_discriminator`, `gap_generator` and their sum `duality_gap`.

        Cost: `steps` updates of each player, twice.
        """
        played = comparison.played
        if played is None:
            raise Unmeasurable(
                "The duality gap is measured on the game, by training copies of both players, and "
                "only samples were given: give a run or a checkpoint."
            )
        trial = _Trial(self, played, comparison.seed)
        before = trial.before()
        d = trial.answers("discriminator", before)
        g = trial.answers("generator", before)
        n, value = (len(before.real), len(before.fake)), float(before.values.mean())

        def piece(key: str, label: str, gains: Tensor, meaning: str, **details: Any) -> Estimate:
            return comparison.estimate(
                self,
                key,
                label,
                float(gains.mean()),
                through="samples",
                n=n,
                interval=interval_of_groups(gains),
                floor=0.0,
                meaning=meaning,
                notes=trial.notes(*details.values()),
                details={name: answer.to_json() for name, answer in details.items()}
                | {"value": value, "steps": self.steps},
            )

        best_d, best_g = d["reference"], g["reference"]
        of_d = _says("D", d, self.steps, abs(value))
        of_g = _says("G", g, self.steps, abs(value))
        both = best_d.gains + best_g.gains
        return (
            piece("gap_discriminator", "gap of D", best_d.gains, of_d, **d),
            piece("gap_generator", "gap of G", best_g.gains, of_g, **g),
            piece("duality_gap", "duality gap", both, _together(both, self.steps)),
        )


def discriminator_gains(
    played: Played, *, metric: DualityGap, seed: int
) -> dict[str, tuple[float, float]]:
    """D's side of the gap alone: for "reference" and "own", the gain of V and the copy's accuracy.

    Raises `InputError` where a copy's numbers are not finite.
    """
    trial = _Trial(metric, played, seed)
    answers = trial.answers("discriminator", trial.before())
    return {name: (float(a.gains.mean()), a.accuracy) for name, a in answers.items()}


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a pair of players comes to on the held-out samples."""

    real: Tensor
    fake: Tensor
    values: Tensor
    """V of each group."""


@dataclass(frozen=True, eq=False)
class _Answer:
    """What a copy has gained, group by group."""

    gains: Tensor
    clone: Clone
    accuracy: float
    auc: float

    def to_json(self) -> dict[str, Any]:
        interval = interval_of_groups(self.gains)
        return {
            "gain": float(self.gains.mean()),
            "interval": None if interval is None else list(interval),
            "accuracy": self.accuracy,
            "auc": self.auc,
            "steps": self.clone.steps,
        }


class _Trial:
    """The held-out samples, and the copies that are tried on them."""

    def __init__(self, metric: DualityGap, played: Played, seed: int) -> None:
        self.metric, self.played, self.seed = metric, played, seed
        draw = Stream(seed, "metrics/gap/draw", played.device)
        self.learned = played.holdout is None and not played.train.endless
        source = played.train if played.holdout is None else played.holdout
        self.held = played.examples(source, metric.samples, draw.at(0))
        self.finder = played.examples(played.train, metric.samples // 2, draw.at(1))

    def before(self) -> _Judged:
        """The game as it stands."""
        judged = self.judged(
            self.played.copies(Stream(self.seed, "metrics/gap/before", self.played.device))
        )
        _finite(judged, "The game as it stands has", "go back to an earlier checkpoint")
        return judged

    def judged(self, players: Players[nn.Module]) -> _Judged:
        """V(G, D) on the held-out samples, and D's logits there."""
        views = Stream(self.seed, "metrics/gap/views", self.played.device)
        real, fake = self.played.logits(players.map(_as_played), self.held, views)
        return _Judged(real, fake, self._values(real, fake))

    def answers(self, player: Player, before: _Judged) -> dict[str, _Answer]:
        """What copies of `player` gain over `before`, by both optimizers."""
        return {
            "reference": self._answer(player, self.metric.reference, before),
            "own": self._answer(player, None, before),
        }

    def notes(self, *answers: _Answer) -> tuple[str, ...]:
        """What has to be known of the numbers besides."""
        notes = [
            f"A copy's numbers were no longer finite after {answer.clone.steps} of "
            f"{self.metric.steps} steps; its gain is that until then."
            for answer in answers
            if not answer.clone.complete
        ]
        if self.learned:
            notes.append(
                "There are no held-out samples: V is measured on training samples, which a D that "
                "learns by heart knows."
            )
        if answers and answers[1].gains.mean() > answers[0].gains.mean():
            notes.append("The run's own optimizer gained more than the reference: see details.")
        return tuple(notes)

    def _answer(self, player: Player, optimizer: Optimizer | None, before: _Judged) -> _Answer:
        clone = train_clone(
            self.played, player, steps=self.metric.steps, seed=self.seed, optimizer=optimizer
        )
        after = self.judged(clone.players)
        how = "the run's own optimizer" if optimizer is None else repr(optimizer)
        owner = "D" if player == "discriminator" else "G"
        _finite(
            after,
            f"{owner}'s copy, trained by {how}, has",
            "take a smaller learning rate, DualityGap(reference=Adam(1e-4)) or the recipe's",
        )
        views = Stream(self.seed, "metrics/gap/finder", self.played.device)
        real, fake = self.played.logits(clone.players, self.finder, views)
        line = threshold(real=real, fake=fake)
        sign = 1.0 if player == "discriminator" else -1.0
        return _Answer(
            gains=sign * (after.values - before.values),
            clone=clone,
            accuracy=balanced_accuracy(real=after.real, fake=after.fake, above=line),
            auc=mann_whitney(above=after.real, below=after.fake)[0],
        )

    def _values(self, real: Tensor, fake: Tensor) -> Tensor:
        """V of each group; an objective that is no mean over samples takes whole batches."""
        objective = self.played.game.objective
        if getattr(objective, "separable", True):
            size = max(1, len(real) // self.metric.groups)
        else:
            size = len(real) // len(self.held)
        parts = zip(real.split(size), fake.split(size), strict=True)
        whole = [(r, f) for r, f in parts if len(r) == size]
        return torch.stack([-objective.discriminator(r, f) for r, f in whole]).double()


def _as_played(net: nn.Module) -> nn.Module:
    """In training, as the players meet each other, but without dropout, which adds only noise."""
    net.train()
    for module in net.modules():
        if getattr(module, "draws_random", False):
            module.eval()
    return net


def _finite(judged: _Judged, whose: str, instead: str) -> None:
    if not bool(torch.isfinite(judged.values).all() and torch.isfinite(judged.real).all()):
        raise InputError(f"{whose} a value that is not finite, which has no gap: {instead}.")


def interval_of_groups(gains: Float[Tensor, " groups"]) -> tuple[float, float] | None:
    """Student's interval of the mean of a few groups; none where there is but one."""
    n = len(gains)
    if n < 2:
        return None
    half = student(n - 1) * float(gains.std()) / math.sqrt(n)
    mean = float(gains.mean())
    return mean - half, mean + half


def student(freedom: int) -> float:
    """The .975 quantile of Student's t, to .1 % (Abramowitz and Stegun 26.7.5)."""
    if freedom == 1:
        return math.tan(0.475 * math.pi)
    if freedom == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    z, v = Z, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def _says(who: str, answers: Mapping[str, _Answer], steps: int, value: float) -> str:
    gain, own = (float(answers[name].gains.mean()) for name in ("reference", "own"))
    low = (interval_of_groups(answers["reference"].gains) or (gain, gain))[0]
    other = "G" if who == "D" else "D"
    if low <= 0:
        return (
            f"{who} gains nothing in {steps} steps alone: it is as good as it gets against {other}."
        )
    text = f"{who} would gain {gain:.2g} in {steps} steps alone"
    if own <= STARVED * gain and gain >= WORTH * value:
        return f"{text}, but only {own:.2g} by the run's own optimizer: that is what holds it back."
    return f"{text}: it is not yet the best answer to {other}."


def _together(gains: Tensor, steps: int) -> str:
    if (interval_of_groups(gains) or (float(gains.mean()),))[0] <= 0:
        return f"Neither player gains in {steps} steps alone: the game is at rest, good or not."
    return "The players are not at rest: one of them or both would gain by going on alone."
