"""Whether D knows its training samples by heart: AUC of D(train) against D(held out).

A D that has learned the distribution judges samples it was trained on as it judges others of the
same distribution. The AUC, P(D(x) > D(x')) + P(D(x) = D(x'))/2 for x trained on and x' held out, is
1/2 then, for any objective: it does not change under increasing functions of D's output.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.data import Source
from gannets.errors import InputError
from gannets.game import Stream
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.played import Played
from gannets.metrics.resampling import Z
from gannets.metrics.wording import meaning, used

__all__ = ["DiscriminatorAUC", "auc_interval", "mann_whitney"]

FEWEST = 10
"""Samples a side, from which on the normal approximation of U is good."""


def mann_whitney(*, above: Float[Tensor, " m"], below: Float[Tensor, " n"]) -> tuple[float, float]:
    """The AUC P(above > below) + P(=)/2, and the two-sided p that it is 1/2 by chance.

    Mann and Whitney (1947): U is nearly normal; its variance is corrected for ties, and U for
    continuity. Raises `InputError` for fewer than 10 a side.
    """
    m, n = len(above), len(below)
    if min(m, n) < FEWEST:
        raise InputError(
            f"{m} against {n} scores are too few to rank: give at least {FEWEST} each."
        )
    both = torch.cat([above, below]).double()
    if not bool(torch.isfinite(both).all()):
        raise InputError("The scores hold NaN or infinity, which have no rank.")
    _, which, counts = torch.unique(both, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    ranks = last - (counts.double() - 1) / 2
    u = float(ranks[which[:m]].sum()) - m * (m + 1) / 2
    ties = float((counts.double().pow(3) - counts.double()).sum())
    total = m + n
    variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:  # all scores are equal
        return 0.5, 1.0
    z = max(abs(u - m * n / 2) - 0.5, 0.0) / math.sqrt(variance)
    return u / (m * n), math.erfc(z / math.sqrt(2))


def auc_interval(auc: float, m: int, n: int) -> tuple[float, float]:
    """95 % interval of an AUC from m and n scores, within [0, 1], sensible at 0 and 1 too.

    Newcombe (2006), "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic", part 2, method 5: the θ with |auc - θ| <= 1.96 √V(θ), V that of Hanley and McNeil
    (1982) with m and n replaced by their mean where they weigh V's terms.
    """

    def far(theta: float) -> bool:
        weigh = (m + n) / 2 - 1
        spread = 1 + weigh * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (auc - theta) ** 2 > Z * Z * theta * (1 - theta) * spread / (m * n)

    def edge(outside: float) -> float:
        inside = auc
        if not far(outside):
            return outside
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if far(middle) else (middle, outside)
        return (inside + outside) / 2

    # An AUC of exactly 0 or 1 is its own far edge: V is 0 there.
    return edge(0.0) if auc > 0 else 0.0, edge(1.0) if auc < 1 else 1.0


@dataclass(frozen=True)
class DiscriminatorAUC:
    """AUC of D(train) against D(held out); 1/2 for a D that knows no sample by heart.

    With it r_v = (E D_train - E D_held)/(E D_train - E D_fake) and r_t = E sign D_train of Karras
    et al. (2020), "Training GANs with limited data", section 3.1, as published: r_t supposes that
    D's output is 0 where it is undecided, and neither is robust where D_train is near D_fake.

    The floor and p suppose that training and held-out samples are draws of one distribution. Slices
    of data that are in some order (of writers, of days) are not: any D, trained or not, may tell.

    D judges in evaluation (no dropout, running statistics), through the run's own augmentation.
    """

    samples: int = 2_000
    """At most so many a side."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, `d_auc`. Cost: one pass of D over three times `samples`."""
        played, holdout = _held_out(comparison)
        train, held, fake = self._scores(played, holdout, comparison.seed)
        auc, p = mann_whitney(above=train, below=held)
        interval = auc_interval(auc, len(train), len(held))
        return (
            comparison.estimate(
                self,
                "d_auc",
                "AUC D(train),D(holdout)",
                auc,
                through="samples",
                n=(len(train), len(held)),
                interval=interval,
                floor=0.5,
                p=p,
                better="near",
                meaning=_meaning(auc, interval, p),
                notes=_notes(played, holdout, len(train)),
                details=_karras(train, held, fake),
            ),
        )

    def _scores(self, played: Played, holdout: Source, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        draw, on_train, on_held = (
            Stream(seed, f"metrics/d_auc/{name}", played.device)
            for name in ("draw", "train", "holdout")
        )
        nets = played.copies(draw).map(lambda net: net.eval())
        # As many of both, so that n says all of how well the AUC is known.
        n = min(self.samples, len(played.train), len(holdout))
        train, fake = played.logits(nets, played.examples(played.train, n, draw.at(0)), on_train)
        held, _ = played.logits(nets, played.examples(holdout, n, draw.at(1)), on_held)
        return train, held, fake


def _held_out(comparison: Comparison) -> tuple[Played, Source]:
    played = comparison.played
    if played is None:
        raise Unmeasurable(
            "Whether D knows its training samples by heart is asked of D, and only samples were "
            "given: give a run or a checkpoint."
        )
    if played.train.endless:
        raise Unmeasurable(
            "D's training samples are drawn afresh from a density at every step: it cannot know "
            "them by heart, so there is nothing to measure."
        )
    if played.holdout is None:
        raise Unmeasurable(
            "D's answers on its training samples are compared with those on samples it never saw: "
            "train on a slice such as train[:90%], or give held-out data."
        )
    return played, played.holdout


def _notes(played: Played, holdout: Source, n: int) -> tuple[str, ...]:
    a_time = getattr(played.joint, "samples", 1)
    there = {"training": len(played.train), "held-out": len(holdout)}
    return used({side: (n, all_of // a_time) for side, all_of in there.items()})


def _karras(train: Tensor, held: Tensor, fake: Tensor) -> dict[str, float | None]:
    """r_v and r_t; r_v is null where D does not tell data from fakes at all."""
    gap = float(train.mean() - fake.mean())
    return {
        "r_v": float(train.mean() - held.mean()) / gap if gap != 0 else None,
        "r_t": float(train.sign().mean()),
        "mean_train": float(train.mean()),
        "mean_holdout": float(held.mean()),
        "mean_fake": float(fake.mean()),
    }


def _meaning(auc: float, interval: tuple[float, float], p: float) -> str:
    worse = "D takes held-out samples for more real than its own: they are not of one kind."
    if auc > 0.5:
        worse = (
            f"In {auc:.0%} of pairs D takes the sample it was trained on for the more real one: it "
            + ("knows" if auc >= 0.65 else "begins to know")
            + " its data by heart."
        )
    return meaning(
        auc,
        floor=0.5,
        interval=interval,
        p=p,
        better="near",
        level="D judges samples it was trained on no differently from others.",
        worse=worse,
    )
