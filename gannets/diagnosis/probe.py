"""What is seen of a game after one update: numbers alone, a line of JSON.

A probe holds no verdict. The rules of `gannets.diagnosis` read a row of probes; they can be asked
again, with other thresholds, for as long as the run is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gannets.diagnosis.line import plain, read
from gannets.errors import InputError

__all__ = ["Clones", "Learned", "Outputs", "Probe", "Referee", "Verdicts"]


@dataclass(frozen=True, kw_only=True)
class Referee:
    """Fakes against held-out samples, through features: nothing here asks the run's own D.

    See `gannets.diagnosis.referee`, which computes it.
    """

    distance: float
    """Unbiased energy distance over the mean distance of two reals: 0 where p_g = p_data."""
    distance_p: float
    """Its permutation p."""
    c2st: float
    """Balanced leave-one-out accuracy of a kNN classifier, k = √(2n); 1/2 where p_g = p_data."""
    coverage: float
    """Share of reals in whose ball (to the 5th neighbour) a fake lies (Naeem et al. 2020)."""
    coverage_floor: float
    """What a perfect generator gets, in closed form."""
    precision: float
    """Share of fakes in a ball of a real."""
    nearest_real: float
    """1-NN accuracy on reals: low where fakes crowd between them (Xu et al. 2018)."""
    nearest_fake: float
    """1-NN accuracy on fakes: high where they are near each other alone."""
    spread: float
    """√(tr cov(fake) / tr cov(real)): 0 for constant output, 1 for p_g = p_data."""
    beyond: float = math.nan
    """As c2st, by the length of what the features leave out of a sample alone; NaN where they leave
    out nothing."""
    missing: float = math.nan
    """Share of reals that p_g leaves out: among their √n nearest reals are fewer than a fifth of
    the √n fakes that a perfect generator has there. A mode that is too narrow is not missing."""

    @property
    def coverage_share(self) -> float:
        """Coverage over what a perfect generator gets."""
        return self.coverage / self.coverage_floor

    @property
    def variety(self) -> float:
        """The smaller of coverage_share and spread: 1 where p_g = p_data, near 0 for a collapse.

        Of many dimensions the middle lies in the balls of far-off reals: fakes that all stand there
        seem to cover, and have no spread.
        """
        return min(self.coverage_share, self.spread)

    @property
    def nearest(self) -> float:
        """Balanced 1-NN accuracy: the sharpest of these tests, 1/2 where p_g = p_data."""
        return (self.nearest_real + self.nearest_fake) / 2

    @property
    def told(self) -> float:
        """The larger share of fakes and reals that are told apart: by features, or beyond them."""
        return self.c2st if math.isnan(self.beyond) else max(self.c2st, self.beyond)


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the run's D says."""

    accuracy: float
    """Balanced, of held-out reals and fakes; the threshold is found on others."""
    auc: float
    """P(D(held out) > D(fake))."""
    auc_train: float
    """P(D(train) > D(held out)): 1/2 unless D knows its training samples by heart."""
    auc_train_p: float
    """Mann and Whitney's p that it is 1/2."""
    train: float
    """Mean logits: of training samples,"""
    held: float
    """of held-out ones,"""
    fake: float
    """and of fakes."""
    factor: float
    """Mean |dL_G/dd| over fakes, d the logit: how much of G's gradient D lets through."""
    loss: float
    """D's objective on these samples,"""
    loss_undecided: float
    """and what it is where D says the same of all: log 4, hinge 2, least squares 1/2 ..."""
    hidden: float = math.nan
    """Share of the data's variance in values on which no logit of D's hangs; NaN where they hang on
    none at all."""
    label_effect: float | None = None
    """RMS of D(x, y) - D(x, y') for another class y', over the spread of D(x, y) over x and y."""

    @property
    def r_v(self) -> float:
        """Karras et al. (2020), eq. 1: (train - held) / (train - fake), 0 for no overfitting."""
        whole = self.train - self.fake
        return (self.train - self.held) / whole if whole else math.nan


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What G makes of fixed latents, and how both players have moved in the last ten updates."""

    move: float | None
    """RMS movement of G(z) in ten updates over the spread of the data."""
    moved: Mapping[str, float] = field(default_factory=dict)
    """|w - w'| / |w| of each player in ten updates; {} where that was not seen."""
    still: Mapping[str, float] = field(default_factory=dict)
    """Share of each player's weights that did not move at all."""
    size: Mapping[str, float] = field(default_factory=dict)
    """|w| of each player."""
    track: tuple[float, ...] = ()
    """Fixed projections of G at fixed latents, in units of the data's spread, for oscillation."""
    track_raw: tuple[float, ...] = ()
    """The same of the last weights, where those sampled from are an average."""
    latent_effect: float = 1.0
    """Spread of G(z) over z (within a class, and not from noise of its own) over the data's."""
    label_effect: float | None = None
    """Spread of G(z, y) over y at fixed z, over that of the data's class means."""
    label_agreement: float | None = None
    """Slope of G's class means on the data's, (g·r)/(r·r) about their centres: 1 where p(x | y) is
    learnt, 0 where y is ignored or says nothing."""
    low: float = math.nan
    """Least and greatest value of the fakes, 0.1 % left out on both ends,"""
    high: float = math.nan
    real_low: float = math.nan
    """and of the reals."""
    real_high: float = math.nan
    outside: float = 0.0
    """Share of real values that lie beyond what G's last layer can give."""
    least: float = math.nan
    """Least and greatest value that it can give; NaN for no bound."""
    greatest: float = math.nan
    shared: int = 0
    """How many of D's weights are also G's."""

    @property
    def label_cosine(self) -> float | None:
        """Cosine of G's class means and the data's, about their centres; near 0, too, where G's
        hardly differ.
        """
        if self.label_agreement is None or self.label_effect is None:
            return None
        return self.label_agreement / max(self.label_effect, 0.1)

    @property
    def excess(self) -> float:
        """How much wider the interval of the fakes is than that of the reals, over the latter."""
        width = self.real_high - self.real_low
        beyond = max(self.real_low - self.low, 0.0) + max(self.high - self.real_high, 0.0)
        return beyond / width if width > 0 else math.nan

    @property
    def slack(self) -> float:
        """The same of all that G's last layer can give; NaN where that has no bounds."""
        width = self.real_high - self.real_low
        beyond = max(self.real_low - self.least, 0.0) + max(self.greatest - self.real_high, 0.0)
        return beyond / width if width > 0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Whether fakes repeat what G was trained on: see `gannets.metrics.Memorisation`."""

    share: float
    """Of the fakes, how many are nearer to a training sample than to a held-out one."""
    share_p: float
    duplicates: float
    duplicates_p: float
    copying: float
    """C_T of Meehan et al. (2020): far below 0 for copies."""
    known: int = 0
    """Training samples that were looked at,"""
    whole: int = 0
    """of so many; copies of the others are not seen. 0 for not noted."""


@dataclass(frozen=True, kw_only=True)
class Clones:
    """What copies of D gain by going on alone against G as it is: D's side of the duality gap."""

    steps: int
    reference: float
    """Gain of V on held-out samples by a reference optimizer, begun afresh,"""
    own: float
    """and by the run's own optimizer with its moments and schedules."""
    accuracy: float
    """Balanced accuracy of the reference copy on held-out samples."""

    @property
    def share(self) -> float:
        """Of the gain that the reference optimizer finds, what the run's own does; NaN for none."""
        return self.own / self.reference if self.reference > 0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Probe:
    """All that was seen after `step`. A part is None where it was not looked at, or not there."""

    step: int
    n: int
    """Samples of each side."""
    apart: int | None = None
    """Held-out samples there are, of which these are some; 0 where training samples stand in for
    them, None where data are drawn anew for ever."""
    referee: Referee | None = None
    """Of the generator that is sampled from: the average, where there is one."""
    raw: Referee | None = None
    """Of the last weights, where those sampled from are an average."""
    verdicts: Verdicts | None = None
    outputs: Outputs | None = None
    learned: Learned | None = None
    clones: Clones | None = None
    leaks: float | None = None
    """How much more fakes look as D's views make data than data do: see `leak`."""
    failed: str | None = None
    """What ceased to be finite, in words; the first layer at fault."""

    @property
    def loss_size(self) -> float | None:
        """|D's loss|, over the greatest value of the data where that is above 1."""
        if self.verdicts is None:
            return None
        o = self.outputs
        sizes = [abs(v) for v in (() if o is None else (o.real_low, o.real_high)) if v == v]
        return abs(self.verdicts.loss) / max([1.0, *sizes])

    def to_json(self) -> dict[str, Any]:
        """A line for `probes.jsonl`; what is not finite is left out as null."""
        return {k: plain(v) for k, v in asdict(self).items() if v is not None}

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Probe:
        """The probe of a line. Raises `InputError` where it is none."""
        try:
            return read(cls, line)
        except InputError as error:
            raise InputError(f"This is no probe of a run: {error}") from None


DIRECTIONS = 4
"""In which each latent's output is followed."""
