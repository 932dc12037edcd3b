"""Plateau: p_g is not p_data, and the game no longer brings it nearer.

Half of the run brought nothing: the best distance of its last half, as the median of three probes
in a row, is no better than that of the first, and what is left of the distance, of what nearest
neighbours tell beyond 1/2 and of what coverage lacks has not fallen by a tenth over that half: the
Theil-Sen slope, where Mann's test (1945) says that there is one. With many probes a trend is sure
that is next to nothing. The nearest neighbours see the most: where the distance is lost in its
noise they still tell that a game improves. Asked of half of a run, and not of so many probes, the
question grows with the time that was spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from gannets.diagnosis.case import Case, judged
from gannets.diagnosis.finding import Answer, Evidence, Remedy
from gannets.diagnosis.trend import won

__all__ = ["Plateau"]

FEWEST = 8
"""Probes of a half: from here on Mann's test sees what is there to be seen."""
WARM = 250
NOISE = 0.005
"""Of the distance of two samples of 256 of one law: what is below is nothing to gain."""


@dataclass(frozen=True)
class Plateau:
    """Not equal, and not improving."""

    symptom = "plateau"

    gain: float = 0.05
    """Of the last half of the run on the first, as a share of its best distance, at most."""
    trend: float = 0.1
    """Of what is left, won over that half, at most."""
    even: float = 0.555
    """Of fakes and reals, told by nearest neighbours, at least: else there is nothing to improve.
    2.5 standard errors beyond 1/2, with 256 of each."""

    def __call__(self, case: Case) -> Answer:
        seen = [(step, v) for step, v in case.values("referee.distance") if step >= WARM]
        if len(seen) < 2 * FEWEST:
            need = f"{2 * FEWEST} probes are needed, and there are {len(seen)}"
            return Answer(symptom=self.symptom, state="unknown", why=need)
        since = seen[len(seen) // 2][0]
        return judged(
            self.symptom,
            (
                case.evidence(
                    "fakes and held-out reals that nearest neighbours tell",
                    "referee.nearest",
                    above=self.even,
                ),
                self._gained(case, since),
                self._won(case, "referee.distance", since, 0.0),
                self._won(case, "referee.nearest", since, 0.5),
                self._won(case, "referee.coverage_share", since, 1.0),
            ),
            why="fakes can be told from held-out samples, and half of the run has not brought them "
            "nearer: stop here, or change the recipe.",
            remedies=lambda: remedies(case),
        )

    def _gained(self, case: Case, since: int) -> Evidence:
        values = [(step, v) for step, v in case.values("referee.distance") if step >= WARM]
        first, last = (
            best_of([v for step, v in values if (step >= since) is late]) for late in (False, True)
        )
        gain = 1 - max(last, NOISE) / max(first, NOISE)
        return Evidence(
            statistic="gain of the last half of the run on the best distance of the first",
            path="referee.distance",
            value=gain,
            threshold=self.gain,
            side="below",
            window=(since, case.step),
            interval=(gain, gain),
            trend=True,
            held=FEWEST if gain <= self.gain else 0,
            needs=FEWEST,
        )

    def _won(self, case: Case, path: str, since: int, perfect: float) -> Evidence:
        """What that half has won of what is left to what a perfect generator has."""
        seen = [(step, abs(v - perfect)) for step, v in case.values(path) if step >= since]
        left = [v for _, v in seen]
        value = won([step for step, _ in seen], left)
        name = path.partition(".")[2].partition("_")[0]
        return Evidence(
            statistic=f"won over that half, of what is left of {name}",
            path=path,
            value=value,
            threshold=self.trend,
            side="below",
            window=(since, case.step),
            interval=(value, value),
            trend=True,
            held=len(left) if value <= self.trend else 0,
            needs=FEWEST,
            source="Mann 1945",
        )


def best_of(values: list[float]) -> float:
    """The least median of three in a row, which a single lucky probe does not make."""
    return min(median(values[i : i + 3]) for i in range(max(len(values) - 2, 1)))


def remedies(case: Case) -> tuple[Remedy, ...]:
    """Where one does not stop: less noise in the gradients."""
    return (
        Remedy(
            changes=(f"batch={2 * case.recipe.batch}",),
            why="What is left may be the noise of the gradients: larger batches have less.",
            source="Brock et al. 2019, section 3.1",
        ),
    )
