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
  all training samples as the fakes are. A perfect generator's samples are then as good as these,
  and its FLD is 0 on average. The authors' C, half of the training samples fitted to the other
  half, gives it -3 on 590 digits, for variances fitted to fewer samples are worse.
* Features are standardised by training and held-out samples in equal parts, where the authors take
  the held-out ones: neither is favoured. Features that do not vary are divided by the mean
  deviation of the others, not by 0.
* The gap is positive for memorising, as in the paper; in the code it is negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import blocks, pair_distances, squared_distances
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import Z, normal_interval

__all__ = ["FLD", "feature_log_likelihood", "fit_variances", "mixture_log_likelihood"]

FEWEST = 20
"""Training and held-out samples below which nothing can be fitted and tested."""
SHRUNK = 0.81
"""What squared distances to the training mean are multiplied by: (1 - 0.1)²."""
OFFSET = 1e-3
"""Added to the squared distance to the nearest training sample for the first variance, over d."""
BOUND = 40.0
"""Log variances stay within ± this, as copies would go to -∞."""
PATIENCE, TOLERANCE = 5, 5e-4
"""Fitting ends where nats a feature change by less within so many epochs."""
GROUPS = 8
"""Parts of the centres, whose scatter tells what another choice of centres would do."""
CACHE = 1 << 24
"""Distances that are kept from epoch to epoch, 128 MiB; more are computed anew in each."""


def feature_log_likelihood(
    *,
    fake: Float[Tensor, "m d"],
    train: Float[Tensor, "n d"],
    points: Float[Tensor, "p d"],
    epochs: int = 50,
) -> Float[Tensor, " p"]:
    """Log p(x) in nats of each of `points`, p centred on `fake` with variances fitted to `train`.

    In the units given: standardise first. Raises `InputError` for unequal widths.
    """
    widths = {len(each.T) for each in (fake, train, points)}
    if len(widths) > 1 or not len(fake) or not len(train):
        shapes = ", ".join(str(tuple(each.shape)) for each in (fake, train, points))
        raise InputError(f"Shapes {shapes}: give rows of features of one width, at least one each.")
    variances = fit_variances(centres=fake, points=train, epochs=epochs)
    return mixture_log_likelihood(centres=fake, log_variances=variances, points=points)


def mixture_log_likelihood(
    *,
    centres: Float[Tensor, "m d"],
    log_variances: Float[Tensor, " m"],
    points: Float[Tensor, "p d"],
) -> Float[Tensor, " p"]:
    """Log 1/m Σ_j N(x; c_j, σ_j² I) of each point, float64, in blocks."""
    mixture = _Mixture.of(centres, points)
    parts = [
        mixture.exponents(rows, log_variances).logsumexp(1)
        for rows in blocks(len(points), len(centres))
    ]
    d = centres.shape[1]
    return torch.cat(parts) - math.log(len(centres)) - d / 2 * math.log(2 * math.pi)


def fit_variances(
    *,
    centres: Float[Tensor, "m d"],
    points: Float[Tensor, "n d"],
    epochs: int = 50,
    rate: float = 0.5,
    batch: int = 10_000,
    stream: Stream | None = None,
) -> Float[Tensor, " m"]:
    """Log variances, one a centre, under which `points` are likely; by Adam on mini-batches.

    The points are shuffled once by `stream` where there are more than a batch.
    """
    if len(points) > batch:
        order = (stream or Stream(0, "metrics/fld")).permutation(len(points))
        points = points[order]
    mixture = _Mixture.of(centres, points)
    n, (m, d) = len(points), centres.shape
    log_variances = ((mixture.nearest() + OFFSET) / d).log().clamp(-BOUND, BOUND)
    broad = SHRUNK * (points.double() - points.double().mean(0)).square().sum(1)
    # The last is the broad Gaussian's, of weight 1 as the authors have it.
    parameters = torch.cat([log_variances, log_variances.new_zeros(1)])
    adam = torch.optim.Adam([parameters], lr=rate)
    history: list[float] = []
    for epoch in range(epochs):
        losses = []
        for start in range(0, n, batch):
            rows = slice(start, min(start + batch, n))
            loss, parameters.grad = mixture.loss(rows, parameters, broad)
            adam.step()
            parameters[:m].clamp_(-BOUND, BOUND)
            losses.append(loss)
        history.append(sum(losses) / len(losses))
        recent = history[-PATIENCE:]
        if epoch > PATIENCE and max(recent) - min(recent) < TOLERANCE:
            break
    return parameters[:m]


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Gaussians about centres as points see them, from both less the centres' mean."""

    centres: Tensor
    points: Tensor
    kept: Tensor | None
    """The squared distances, where they are few."""

    @staticmethod
    def of(centres: Tensor, points: Tensor) -> _Mixture:
        c, x = centres.double(), points.double()
        origin = c.mean(0)
        mixture = _Mixture(c - origin, x - origin, None)
        if len(c) * len(x) > CACHE:
            return mixture
        parts = [mixture.squared(rows) for rows in blocks(len(x), len(c))]
        return _Mixture(mixture.centres, mixture.points, torch.cat(parts))

    def squared(self, rows: slice) -> Float[Tensor, "r m"]:
        """|x_i - c_j|²; near copies from the differences, for the variances there are as small."""
        if self.kept is not None:
            return self.kept[rows]
        x, c = self.points[rows], self.centres
        squared = squared_distances(x, c)
        size = x.square().sum(1)[:, None] + c.square().sum(1)
        i, j = (squared < 1e-6 * size).nonzero().T
        if len(i):
            squared[i, j] = pair_distances(x[i], c[j]).square()
        return squared

    def nearest(self) -> Float[Tensor, " m"]:
        """Squared distance of each centre to its nearest point."""
        found = self.centres.new_full((len(self.centres),), torch.inf)
        for rows in blocks(len(self.points), len(self.centres)):
            found = torch.minimum(found, self.squared(rows).amin(0))
        return found

    def exponents(self, rows: slice, log_variances: Tensor) -> Float[Tensor, "r m"]:
        """Log N(x_i; c_j, σ_j² I) but for -d/2 log 2π."""
        d = self.centres.shape[1]
        scaled = self.squared(rows) * (-0.5 * (-log_variances).exp())
        return scaled.sub_(d / 2 * log_variances)

    def loss(self, rows: slice, parameters: Tensor, broad: Tensor) -> tuple[float, Tensor]:
        """Minus the mean log-likelihood a feature of these points, and its gradient.

        d log p(x_i) / d log σ_j² = r_ij (|x_i - c_j|²/(2 σ_j²) - d/2), r_ij the share of Gaussian j
        in p(x_i); the former is minus the exponent without its norm.
        """
        m, d = self.centres.shape
        s = parameters[:m]
        # Single precision will do for a step: distances, of near copies too, are as exact as ever.
        scale, offset = (-0.5 * (-s).exp()).float(), (d / 2 * s).float()
        gradient, total = torch.zeros_like(parameters), 0.0
        for block in blocks(rows.stop - rows.start, m):
            part = slice(rows.start + block.start, rows.start + block.stop)
            e = self.squared(part).float().mul_(scale).sub_(offset)
            far = 0.5 * broad[part] * (-parameters[m]).exp()
            last = math.log(m) - far - d / 2 * parameters[m]  # relative to weights of 1/m
            top = torch.maximum(e.amax(1), last.float())
            # Numbers below 1e-38 are slow: what is less than 1e-34 of the rest is no share anyway.
            r = (e - top[:, None]).clamp_(min=-78).exp_()
            r_last = (last - top).exp()
            sums = r.sum(1).double() + r_last
            total += float((sums.log() + top).sum())
            weights = (1 / sums).float()
            # e = -q - d/2 s with q = |x - c|²/(2σ²): q - d/2 = -e - d/2 (s + 1).
            shares = weights @ r
            gradient[:m] -= weights @ e.mul_(r) + d / 2 * (s + 1) * shares
            gradient[m] += (r_last / sums) @ (far - d / 2)
        n = rows.stop - rows.start
        constant = math.log(m) + d / 2 * math.log(2 * math.pi)
        return (constant - total / n) / d, gradient / (-n * d)


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
        train, holdout = comparison.need_generalisation("FLD")
        if min(len(train), len(holdout)) < FEWEST:
            raise InputError(
                f"{len(train):,} training and {len(holdout):,} held-out samples are too few for "
                f"FLD: give at least {FEWEST} of each."
            )
        if train.fingerprint == holdout.fingerprint:
            raise InputError(
                "The training and the held-out samples are the same: give held-out samples that G "
                "was not trained on."
            )
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
        n, notes = (len(new), k), _notes(k, len(comparison.fake), ours)
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
        if interval[0] > 0:
            meaning = (
                f"New data is {value / 100:.3g} nats a feature less likely about these samples "
                "than about real ones."
            )
        elif interval[1] < 0:
            meaning = (
                "New data is likelier about these samples than about real ones, as it is about "
                "blurred samples: no sign of quality."
            )
        else:
            meaning = "New data is as likely about these samples as about real ones."
        known = sum(float(half.known.mean()) for half in base) / 2
        return comparison.estimate(
            self,
            "fld",
            "FLD",
            value,
            n=n,
            interval=interval,
            floor=0.0,
            meaning=meaning,
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
        if excess[0] > 0 and value - Z * error > 0:
            meaning = "What G was trained on is likelier about these samples than new data is."
        else:
            meaning = "These samples are as near to new data as to what G was trained on."
        return comparison.estimate(
            self,
            "fld_gap",
            "FLD gap",
            value,
            n=n,
            interval=normal_interval(value, error),
            floor=floor,
            better="near",
            meaning=meaning,
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


def _notes(k: int, fakes: int, ours: _Scores) -> tuple[str, ...]:
    notes = []
    if k < fakes:
        notes.append(
            f"{k:,} of {fakes:,} samples were looked at: as many held-out ones stand in their "
            "place for the constant."
        )
    # A variance of a copy falls on until fitting ends: more epochs, a larger value.
    shrunk = float((ours.log_variances < math.log(OFFSET / 10)).double().mean())
    if shrunk > 0.01:
        notes.append(
            f"About {shrunk:.0%} of the samples, which are copies, the variance shrinks without "
            "end: how large the value is depends on when fitting stopped."
        )
    return tuple(notes)
