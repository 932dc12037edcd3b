"""Does the advice help? A failing game played on as it is, and with its first remedy.

Both are of as many updates in all: the failing one goes on, whatever was found, to the end; the
remedied one begins anew, or at the update where the failure was found if the remedy says so. Helped
means that at the end nothing is found any more, this failure or another, and that p_g is nearer to
p_data by a measure that no rule looks at.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.diagnosis.play import place
from benchmarks.diagnosis.scenario import Scenario
from benchmarks.diagnosis.yardstick import Yardstick
from gannets.diagnosis import Finding, Remedy
from gannets.errors import StoppedError
from gannets.training import Recipe, Training, change
from gannets.training.examination import Examination

__all__ = ["Advised", "advised", "remembered", "remedied"]

ENOUGH = 750
"""Updates after which a healthy game of any family is near its data, at 10 seconds a game or less;
those of scenarios that take longer to fail are as long as these."""
LAST = (0.8, 0.85, 0.9, 0.95, 1.0)
"""Where in a game its distance is measured. What swings has many: the median counts."""
RECORD = "advice.json"


@dataclass(frozen=True, kw_only=True)
class Advised:
    """A failing run, and what became of it by the first remedy."""

    symptom: str
    """That was provoked."""
    data: str
    """The family, and which of several of it."""
    seed: int
    found: str
    """What was found first,"""
    right: bool
    """and whether that is right. The rest is of no meaning where it is not."""
    step: int
    remedy: str = ""
    before: float = math.inf
    """Distance to p_data at the end of the failing game."""
    after: float = math.inf
    """The same of the remedied one."""
    verdict: str = ""
    """At its end,"""
    ill: bool = True
    """and whether that is a failure, or still what was found."""
    seconds: float = 0.0
    """Of one core, for both."""

    @property
    def recognised(self) -> bool:
        """Whether what was provoked was found, so that there is a remedy to be tried."""
        return self.right and bool(self.remedy)

    @property
    def gone(self) -> bool:
        """Whether the failure is gone, and no other is there."""
        return self.recognised and not self.ill

    @property
    def nearer(self) -> bool:
        """Whether p_g has come nearer to p_data."""
        return self.recognised and self.after < self.before

    @property
    def helped(self) -> bool:
        """Both."""
        return self.gone and self.nearer


def advised(scenario: Scenario, seed: int, folder: Path) -> Advised:
    """Play a failing scenario and its first remedy, or take up what was kept of both in `folder`.

    The remedy is not played where what was provoked is not what was found first.
    """
    if (kept := remembered(scenario, seed, folder)) is not None:
        return kept
    games = place(scenario, seed, folder) / "games"
    shutil.rmtree(games, ignore_errors=True)
    games.mkdir(parents=True)
    begun = time.process_time()
    row = _compared(scenario, seed, games)
    row = replace(row, seconds=time.process_time() - begun)
    shutil.rmtree(games)  # some hundred runs with their checkpoints are gigabytes
    (games.parent / RECORD).write_text(json.dumps(asdict(row)))
    return row


def remembered(scenario: Scenario, seed: int, folder: Path) -> Advised | None:
    """What was kept, if anything."""
    record = place(scenario, seed, folder) / RECORD
    return Advised(**json.loads(record.read_text())) if record.exists() else None


def remedied(recipe: Recipe, remedy: Remedy) -> Recipe:
    """The recipe under a remedy."""
    for assignment in remedy.changes:
        recipe = change(recipe, assignment)
    return recipe


def _compared(scenario: Scenario, seed: int, games: Path) -> Advised:
    recipe = scenario.recipe(seed)
    enough = scenario.long or max(recipe.steps, ENOUGH)
    recipe = replace(recipe, steps=enough)
    title = f" ({scenario.title})" if scenario.title else ""
    failing = _Game(Training.start(recipe, out=games / "failing", device="cpu"), Yardstick(recipe))
    finding = failing.play(lambda found: found.serious or found.symptom == scenario.symptom)
    row = Advised(
        symptom=scenario.symptom,
        data=scenario.family + title,
        seed=seed,
        found=finding.symptom,
        right=scenario.right(finding.symptom),
        step=finding.step,
    )
    if not row.right or not finding.remedies:
        failing.training.close()
        return row
    first = finding.remedies[0]
    cured = remedied(recipe, first)
    out = games / "remedied"
    training = (
        Training.start(cured, out=out, device="cpu")
        if first.fresh
        else Training.branch(failing.training.run.path, cured, out=out, device="cpu")
    )
    other = _Game(training, failing.yardstick)
    other.play()
    failing.play()
    verdict = _at_the_end(cured, other.training)
    return replace(
        row,
        remedy="; ".join(first.changes),
        before=failing.distance,
        after=other.distance,
        verdict=verdict.symptom,
        ill=verdict.serious or verdict.symptom == finding.symptom,
    )


def _at_the_end(recipe: Recipe, training: Training) -> Finding:
    """What `gannets diagnose` says of a run; the recipe is given, for nets that no file can say."""
    run = training.run
    seen = Examination(path=run.path, recipe=recipe, store=run.store, probes=run.probes())
    return seen.finding(seen.case())


class _Game:
    """A game that is measured as it is played."""

    def __init__(self, training: Training, yardstick: Yardstick) -> None:
        self.training, self.yardstick = training, yardstick
        self._places = {round(share * training.recipe.steps) for share in LAST}
        self._seen: list[float] = []

    def play(self, ends: Callable[[Finding], bool] = lambda _: False) -> Finding:
        """Play on until something is found at which it `ends`, or to the last update; what is said
        of it then.
        """
        training = self.training
        try:
            for step in training if math.inf not in self._seen else ():
                if step.index in self._places:
                    self._seen.append(self.yardstick(training.state))
                found = training.finding
                if found is not None and found.step == step.index and ends(found):
                    training.save()
                    break
        except StoppedError:  # numbers that are none are a finding, too
            self._seen = [math.inf]
            training.close()
        assert training.finding is not None
        return training.finding

    @property
    def distance(self) -> float:
        """To p_data, at the end."""
        return median(self._seen)
