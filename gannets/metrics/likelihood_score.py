"""FLD = 100/d (mean -log p(x | fake) - C), x held out: Feature Likelihood Divergence.

p is a mixture of one Gaussian about each fake sample, each with a variance of its own, and all
variances are fitted to the training samples (Jiralerspong et al. 2023, section 3). About a copy of
a training sample the variance shrinks to nothing, and with it the likelihood of new samples. C is
the same number with real samples in the fakes' place. The gap, that of held-out less that of
training samples, is overfitting alone. In nats per 100 features: a point is 1 % of a nat a feature.

Blind, as any mixture about samples is, where few broad Gaussians are a good density: samples at the
mean of data that are one Gaussian get less than 0.

As in the authors' code: Adam (rate 0.5, at most 50 epochs) on the logarithms of the variances, each
first that to the nearest training sample; while fitting, a broad Gaussian about the training mean
stands by, so that no stray training sample blows a variance up. Otherwise than there:

* C is of one half of the held-out samples as seen by the other, and the other way round, fitted to
  all training samples as the fakes are: a perfect generator's samples are as good as these, so that
  its FLD is 0 on average at any n, and its gap that of C. The authors' C is of half of the training
  samples fitted to the other half, other sets than the fakes are fitted to and scored on.
* Features are standardised by training and held-out samples in equal parts, where the authors take
  the held-out ones: neither is favoured. Features that do not vary are divided by the mean
  deviation of the others, not by 0.
* The gap is positive for memorising; in the code it is the training samples' less the held-out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.mixture import fit_variances, mixture_log_likelihood
from gannets.metrics.resampling import Z, normal_interval
from gannets.metrics.wording import meaning

__all__ = ["FLD"]

FEWEST = 20
"""Training and held-out samples below which nothing can be fitted and tested."""
SOME = 0.01
"""The share of copies from which on they are said to be there."""
GROUPS = 8
"""Parts of the centres, whose scatter tells what another choice of centres would do."""


@dataclass(frozen=True)
class FLD:
    """Feature Likelihood Divergence and its gap. Needs training and held-out samples.

    Fakes are cut to `most`, and to half of the held-out samples, as many of which stand in their
    place for the constant; the authors take 10,000, which takes many minutes on a CPU.
    """

    most: int = 1_000
    epochs: int = 50

    def __post_init__(self) -> None:
        """Refuse no samples and no epochs."""
        if self.most < 2 or self.epochs < 1:
            raise InputError(
                f"FLD takes most >= 2 and epochs >= 1, not {self.most} and {self.epochs}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        train, holdout = comparison.need_generalisation("FLD", least=FEWEST)
        stream = comparison.stream("fld")
        seen, new, fake = _standardised(
            comparison.see(train), comparison.see(holdout), comparison.fake_features
        )
        new = new[stream.permutation(len(new))]
        k = min(len(fake), self.most, len(new) // 2)
        fake = fake[stream.at(1).permutation(len(fake))[:k]]
        ours = self._scores(fake, seen, new, stream)
        # Halves of the held-out samples, each scored by k of the other.
        middle = len(new) // 2
        base = (
            self._scores(new[:k], seen, new[middle:], stream),
            self._scores(new[middle : middle + k], seen, new[:middle], stream),
        )
        shrunk = _shrunk(ours, base)
        if shrunk > SOME:  # their likelihoods are as small as fitting was long, and do not scatter
            ours = replace(ours, variance=0.0, gap_centres=0.0)
        n, notes = (len(new), k), _notes(k, len(comparison.fake), shrunk)
        return (
            self._divergence(comparison, ours, base, n, notes),
            self._gap(comparison, ours, base, n, notes),
        )

    def _scores(self, centres: Tensor, seen: Tensor, new: Tensor, stream: Stream) -> _Scores:
        held, known, s = self._score(centres, seen, new, stream)
        # What the choice of centres does is seen from disjoint groups of them.
        groups = [
            [float(part.mean()) for part in self._score(group, seen, new, stream)[:2]]
            for group in centres.tensor_split(min(GROUPS, len(centres)))
        ]
        means = torch.tensor(groups, dtype=torch.float64)
        return _Scores(
            held,
            known,
            float(means[:, 0].var()) / len(groups),
            float((means[:, 0] - means[:, 1]).var()) / len(groups),
            s,
        )

    def _score(
        self, centres: Tensor, seen: Tensor, new: Tensor, stream: Stream
    ) -> tuple[Tensor, Tensor, Tensor]:
        s = fit_variances(centres=centres, points=seen, epochs=self.epochs, stream=stream.at(2))
        held, known = (
            mixture_log_likelihood(centres=centres, log_variances=s, points=points)
            for points in (new, seen)
        )
        scale = -100 / centres.shape[1]
        return scale * held, scale * known, s

    def _divergence(
        self,
        comparison: Comparison,
        ours: _Scores,
        base: tuple[_Scores, _Scores],
        n: tuple[int, int],
        notes: tuple[str, ...],
    ) -> Estimate:
        constant = torch.cat([base[1].new, base[0].new])  # in the order of the held-out samples
        difference = ours.new - constant
        value = float(difference.mean())
        error = math.sqrt(
            float(difference.var()) / len(difference)
            + ours.variance
            + sum(half.variance for half in base) / 4
        )
        interval = normal_interval(value, error)
        known = sum(float(half.known.mean()) for half in base) / 2
        return comparison.estimate(
            self,
            "fld",
            "FLD",
            value,
            n=n,
            interval=interval,
            floor=0.0,
            meaning=meaning(
                value,
                floor=0.0,
                interval=interval,
                level="New data is as likely about these samples as about real ones.",
                worse=f"New data is {value / 100:.3g} nats a feature less likely about these "
                "samples than about real ones.",
                beyond="New data is likelier about these samples than about real ones, as it is "
                "about blurred samples: no sign of quality.",
            ),
            notes=notes,
            details={
                "held_out": float(ours.new.mean()),
                "constant": float(constant.mean()),
                "train": float(ours.known.mean()) - known,
                "log_variance": ours.quartiles,
                "log_variance_of_real": base[0].quartiles,
            },
        )

    def _gap(
        self,
        comparison: Comparison,
        ours: _Scores,
        base: tuple[_Scores, _Scores],
        n: tuple[int, int],
        notes: tuple[str, ...],
    ) -> Estimate:
        value, error = ours.gap, math.sqrt(ours.gap_variance)
        floor = sum(half.gap for half in base) / 2
        # Both are of the same training and held-out samples.
        new = ours.new - torch.cat([base[1].new, base[0].new])
        known = ours.known - (base[0].known + base[1].known) / 2
        variance = sum(float(x.var()) / len(x) for x in (new, known))
        variance += ours.gap_centres + sum(half.gap_centres for half in base) / 4
        excess = normal_interval(value - floor, math.sqrt(variance))
        interval = normal_interval(value, error)
        says = "These samples are as near to new data as to what G was trained on."
        if excess[0] > 0 and value - Z * error > 0:
            says = "What G was trained on is likelier about these samples than new data is."
        elif excess[1] < 0:
            says = "These samples lean less to what G was trained on than new real samples do."
        elif not interval[0] <= floor <= interval[1]:
            says = "Undecided at this n: it is apart from its floor by what that may be off."
        return comparison.estimate(
            self,
            "fld_gap",
            "FLD gap",
            value,
            n=n,
            interval=interval,
            floor=floor,
            better="near",
            meaning=says,
            notes=notes,
            details={"excess_interval": list(excess)},
        )


@dataclass(frozen=True, eq=False)
class _Scores:
    """-100/d log p of held-out and of training samples, and how well their means are known."""

    new: Tensor
    known: Tensor
    variance: float
    """Of the mean of `new`, from the choice of the centres;"""
    gap_centres: float
    """of the gap, from the same."""
    log_variances: Tensor

    @property
    def gap(self) -> float:
        return float(self.new.mean() - self.known.mean())

    @property
    def gap_variance(self) -> float:
        """Of a difference of means of independent samples, about centres that are a sample too."""
        return self.gap_centres + sum(float(x.var()) / len(x) for x in (self.new, self.known))

    @property
    def quartiles(self) -> list[float]:
        at = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
        found: list[float] = self.log_variances.quantile(at).tolist()
        return found


def _standardised(train: Tensor, holdout: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All three by the mean and deviation of training and held-out samples in equal parts."""
    mean = (train.mean(0) + holdout.mean(0)) / 2
    squares = [(x - mean).square().mean(0) for x in (train, holdout)]
    scale = ((squares[0] + squares[1]) / 2).sqrt()
    varies = scale > 1e-9 * torch.maximum(mean.abs(), scale.max())
    if not bool(varies.any()):
        raise InputError(
            "The real samples are all alike in these features, so they have no density: choose "
            "other features."
        )
    scale = torch.where(varies, scale, scale[varies].mean())
    return (train - mean) / scale, (holdout - mean) / scale, (fake - mean) / scale


def _shrunk(ours: _Scores, base: tuple[_Scores, _Scores]) -> float:
    """The share of samples with a variance far below those about real ones: that are copies."""
    least = min(float(half.log_variances.quantile(SOME)) for half in base)
    return float((ours.log_variances < least - 2).double().mean())


def _notes(k: int, fakes: int, shrunk: float) -> tuple[str, ...]:
    notes = []
    if k < fakes:
        notes.append(
            f"{k:,} of {fakes:,} samples were looked at: as many held-out ones stand in their "
            "place for the constant."
        )
    if shrunk > SOME:
        notes.append(
            f"About {shrunk:.0%} of the samples the variance shrinks, as about copies: how large "
            "the value is depends on when fitting ended, and the interval is for these samples as "
            "they are."
        )
    return tuple(notes)
