"""W1 of each feature alone, exactly, in standard deviations: transport along the axes.

On a line the optimal coupling is the monotone one (Villani 2003, theorem 2.18), see `sliced`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import quadratic_interval
from gannets.metrics.sliced import halves, influence_variance, split_floor, transport_1d
from gannets.metrics.wording import meaning

__all__ = ["MarginalWasserstein"]


@dataclass(frozen=True)
class MarginalWasserstein:
    """The mean over features of the exact W1 between their marginals, in standard deviations.

    Sees every feature alone, and nothing of how they hang together.
    """

    splits: int = 4
    """Splits of the real samples into halves, for the floor."""

    def __post_init__(self) -> None:
        """Refuse a floor without a split."""
        if self.splits < 1:
            raise InputError(f"MarginalWasserstein takes splits >= 1, not {self.splits}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        real, fake = comparison.real_features, comparison.fake_features
        m, n = len(real), len(fake)
        unit, constant = _units(real, fake)
        lines = transport_1d(real=real / unit, fake=fake / unit)
        # The unit is estimated too: W/σ moves by -W/σ (z² - 1)/2 with a real sample at z.
        z = (real - real.mean(0)) / unit
        moved = torch.where(constant, 0.0, lines.cost * (z.square() - 1) / 2)
        value = float(lines.cost.mean())
        first_order = influence_variance((lines.real - moved).mean(1), lines.fake.mean(1))
        stream = comparison.stream("w1")
        floor = null = 0.0
        for _ in range(self.splits):
            x, y = halves(real / unit, stream)
            same = transport_1d(real=x, fake=y)
            floor += float(same.cost.mean()) / self.splits
            null += influence_variance(same.real.mean(1), same.fake.mean(1)) / 2 / self.splits
        null *= split_floor(m, n, m // 2, rate=1)
        low, high = quadratic_interval(value, first_order=first_order, null=null)
        interval = (max(0.0, low), high)
        floor *= split_floor(m, n, m // 2, rate=1 / 2)
        worst = int(lines.cost.argmax())
        gap = float((fake / unit).mean(0)[worst] - (real / unit).mean(0)[worst])
        return (
            comparison.estimate(
                self,
                "w1",
                "W1",
                value,
                interval=interval,
                floor=floor,
                meaning=meaning(
                    value,
                    floor=floor,
                    interval=interval,
                    level="The marginals are no further apart than those of two sets of real "
                    "samples, as far as this n can tell.",
                    worse=f"Feature {worst} is worst: W1 {float(lines.cost[worst]):.3g}, its mean "
                    f"off by {gap:+.3g}, in standard deviations.",
                ),
                notes=_constants(constant),
                details={
                    "features": lines.cost.tolist(),
                    "worst": worst,
                    "worst_mean_gap": gap,
                },
            ),
        )


def _units(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The unit of each feature, and which features are constant among the real samples."""
    constant = real.amax(0) == real.amin(0)
    both = torch.cat([real, fake])
    spread = torch.where(both.amax(0) == both.amin(0), 1.0, both.std(0, correction=0))
    return torch.where(constant, spread, real.std(0, correction=0)), constant


def _constants(constant: Tensor) -> tuple[str, ...]:
    k = int(constant.sum())
    if not k:
        return ()
    return (
        f"{k:,} of {len(constant):,} features are constant among the real samples: their unit is "
        "the standard deviation of both sides together.",
    )
