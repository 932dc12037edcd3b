"""JSD >= log 2 - BCE/2: a lower bound from a fresh critic, on samples that it has not seen.

For any critic with logit d, V = E log σ(d(x)) + E log σ(-d(G(z))) <= -log 4 + 2 JSD, with equality
for the optimal one (Goodfellow et al. 2014, theorem 1). BCE = -V is both sides' loss together. On
samples held out from training the bound holds on average, however bad the critic is; a critic on
its own training data, or that of the game, proves nothing (Arora et al. 2017; Gulrajani et al.
2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import normal_interval

__all__ = ["CriticDivergence", "divergence_bound"]

SCALES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4)
"""Factors for a critic's logits: one that has learnt by heart is too sure of itself."""
FEWEST = 20
"""Samples a side: fewer leave too little to learn from and to be tested on."""


def divergence_bound(
    *, real: Float[Tensor, " m"], fake: Float[Tensor, " n"]
) -> tuple[float, float]:
    """JSD >= log 2 - BCE/2 of logits at held-out samples, and its standard error.

    BCE = mean softplus(-d(real)) + mean softplus(d(fake)), in nats. Needs 2 logits a side.
    """
    loss_real, loss_fake = F.softplus(-real.double()), F.softplus(fake.double())
    value = math.log(2) - float(loss_real.mean() + loss_fake.mean()) / 2
    variance = float(loss_real.var()) / len(real) + float(loss_fake.var()) / len(fake)
    return value, math.sqrt(variance) / 2


@dataclass(frozen=True)
class CriticDivergence:
    """The bound by a small MLP, trained on one half of the samples and tested on the other.

    The interval is of the bound that this critic, as it was trained, has on all of p_data and p_g;
    that of a critic trained on other samples differs by more (about a third of such intervals hold
    the mean over critics, at 50 samples a side). The floor is the most that a perfect generator
    gets on average: at p_g = p_data any critic's expectation is 0 or less, and less where it took
    chance for a difference.

    It starts undecided, where the bound is 0. A fifth of its training half, kept aside, says when
    it was best, and by how much it was too sure of itself.
    """

    width: int = 64
    epochs: int = 40
    patience: int = 5
    """Epochs without an improvement after which training stops."""
    batch: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    largest: int = 20_000
    """Samples a side at most."""

    def __post_init__(self) -> None:
        """Refuse a critic that cannot learn, and sets that cannot be halved."""
        if min(self.width, self.epochs, self.patience, self.batch) < 1 or self.learning_rate <= 0:
            raise InputError(f"CriticDivergence takes numbers > 0, not {self}.")
        if self.largest < FEWEST:
            raise InputError(f"CriticDivergence takes largest >= {FEWEST}, not {self.largest}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        fewest = min(len(comparison.real), len(comparison.fake))
        if fewest < FEWEST:
            raise InputError(
                f"JSD's bound takes {FEWEST} samples a side or more, to train on one half and "
                f"test on the other, not {fewest}: give more samples."
            )
        stream = comparison.stream("jsd")
        sides = []
        for x in (comparison.real_features, comparison.fake_features):
            drawn = x[stream.permutation(len(x))[: self.largest]]
            sides.append(drawn.split(math.ceil(len(drawn) / 2)))
        (real_train, real_test), (fake_train, fake_test) = sides
        logits, epochs = self._train(real_train, fake_train, stream)
        real, fake = logits(real_test), logits(fake_test)
        value, error = divergence_bound(real=real, fake=fake)
        right = (float((real > 0).double().mean()) + float((fake <= 0).double().mean())) / 2
        return (
            comparison.estimate(
                self,
                "jsd",
                "JSD>=",
                value,
                n=(len(real), len(fake)),
                interval=normal_interval(value, error),
                floor=0.0,
                p=_above_zero(value, error),
                meaning=_meaning(value, error, right),
                notes=_notes(value, len(real_train), len(fake_train)),
                details={
                    "at_least": min(max(value, 0.0), math.log(2)),
                    "at_most": math.log(2),
                    "accuracy": right,
                    "epochs": epochs,
                },
            ),
        )

    def _train(self, real: Tensor, fake: Tensor, stream: Stream) -> tuple[_Critic, int]:
        """The critic as it was at its best, and after how many epochs that was."""
        aside = [len(real) // 5, len(fake) // 5]
        x = torch.cat([real[aside[0] :], fake[aside[1] :]])
        critic = _Critic.start(x, self.width, stream)
        sign = torch.ones(len(x))
        sign[len(real) - aside[0] :] = -1.0
        # Each side weighs as much as the other, whatever their numbers.
        weight = torch.where(sign > 0, 1 / (sign > 0).sum(), 1 / (sign < 0).sum()) * len(x)
        x = critic.standardised(x)
        optimizer = torch.optim.AdamW(
            critic.weights, lr=self.learning_rate, weight_decay=self.weight_decay
        )

        def look() -> tuple[float, _Critic]:
            left, right = critic(real[: aside[0]]), critic(fake[: aside[1]])
            bounds = [divergence_bound(real=s * left, fake=s * right)[0] for s in SCALES]
            at = max(range(len(SCALES)), key=bounds.__getitem__)
            return bounds[at], critic.scaled(SCALES[at])

        best, kept, best_epoch = 0.0, critic.scaled(1.0), 0
        for epoch in range(1, self.epochs + 1):
            for rows in stream.permutation(len(x)).split(self.batch):
                loss = (weight[rows] * F.softplus(-sign[rows] * critic.logits(x[rows]))).mean()
                gradients = torch.autograd.grad(loss, critic.weights)
                for each, gradient in zip(critic.weights, gradients, strict=True):
                    each.grad = gradient
                optimizer.step()
            now, scaled = look()
            if now > best:
                best, kept, best_epoch = now, scaled, epoch
            if epoch - best_epoch >= self.patience:
                break
        return kept, best_epoch


@dataclass(frozen=True, eq=False)
class _Critic:
    """An MLP with two hidden layers beside a linear and a quadratic path, of standardised x."""

    mean: Tensor
    deviation: Tensor
    weights: list[Tensor]

    @staticmethod
    def start(x: Tensor, width: int, stream: Stream) -> _Critic:
        deviation = x.std(0, correction=0)
        deviation = torch.where(x.amax(0) == x.amin(0), 1.0, deviation)
        d, start = x.shape[1], []
        for rows, columns in ((d, width), (width, width)):
            start += [stream.normal(rows, columns) * math.sqrt(2 / rows), torch.zeros(columns)]
        # The last layers are 0: the critic starts undecided.
        start += [torch.zeros(width), torch.zeros(d), torch.zeros(d), torch.zeros(1)]
        return _Critic(x.mean(0), deviation, [each.requires_grad_() for each in start])

    def standardised(self, x: Tensor) -> Tensor:
        # A constant feature that is another one at test must not drown all else.
        return ((x - self.mean) / self.deviation).clamp(-10, 10).float()

    def logits(self, z: Tensor) -> Tensor:
        first, b1, second, b2, last, linear, quadratic, offset = self.weights
        h = torch.addmm(b1, z, first).relu()
        h = torch.addmm(b2, h, second).relu()
        return h @ last + z @ linear + z.square() @ quadratic + offset

    def __call__(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.logits(self.standardised(x))

    def scaled(self, by: float) -> _Critic:
        """A copy whose logits are `by` times these."""
        kept = [w.detach().clone() for w in self.weights]
        return _Critic(self.mean, self.deviation, kept[:4] + [by * w for w in kept[4:]])


def _above_zero(value: float, error: float) -> float:
    """P(a bound as large | JSD = 0), where its expectation is 0 or less for any critic."""
    if error == 0:
        return 0.0 if value > 0 else 1.0
    return 1 - NormalDist().cdf(value / error)


def _meaning(value: float, error: float, accuracy: float) -> str:
    if _above_zero(value, error) <= 0.05:
        share = min(value / math.log(2), 1.0)
        return (
            f"A fresh critic tells {accuracy:.0%} of unseen samples right: at least {share:.0%} "
            "of the largest possible divergence."
        )
    return "A fresh critic finds no difference on unseen samples, which proves no equality."


def _notes(value: float, real: int, fake: int) -> tuple[str, ...]:
    notes = [
        f"The critic was trained on {real:,} real and {fake:,} fake samples, not counted in.",
        "Interval and p are of this critic on other samples: one trained anew has another bound.",
        "A perfect generator gets at most the floor of 0, with few samples a little less.",
    ]
    if value < 0:
        notes.append("Below 0, where it says no more than JSD >= 0: it is not clipped.")
    if value > math.log(2):
        notes.append("Above log 2, the largest JSD, by rounding: it is not clipped.")
    return tuple(notes)
