"""What is seen of a game as it is played, and what follows from it: probes and evaluations.

Of a group of processes the first looks, and all do what it decides.
"""

from __future__ import annotations

from typing import Literal

import torch

from gannets.diagnosis import Finding, Probe
from gannets.training.evaluation import Evaluated
from gannets.training.finite import NonFiniteError
from gannets.training.monitor import Monitor
from gannets.training.prober import Prober
from gannets.training.probing import due
from gannets.training.recorder import Recorder
from gannets.training.run import Run
from gannets.training.state import State

__all__ = ["OnFinding", "Watch", "verdict"]

OnFinding = Literal["stop", "warn", "apply"]
"""What is done where a finding says that going on as before is of no use."""


def verdict(finding: Finding | None) -> str:
    """What has to change for a finding to be news: healthy games improve now and then, and why it
    cannot be told is no news.
    """
    if finding is None:
        return "unknown"
    return finding.state if finding.state in ("healthy", "unknown") else finding.symptom


class Watch:
    """The probes and evaluations of a game, and whether they end it."""

    def __init__(self, state: State, writes: Recorder) -> None:
        self._state, self._writes = state, writes
        recipe = state.recipe
        self.monitor = None if recipe.evaluation is None else Monitor(state, recipe.evaluation)
        looks = writes.run is not None and recipe.probing is not None
        self.prober = Prober(state, recipe.probing) if looks and recipe.probing else None
        self.finding: Finding | None = None
        """What the probes so far say of the game."""
        self.on_finding: OnFinding | None = None
        """What is done where going on as before is of no use: "stop" and "apply" end the game, the
        latter also where its numbers are no longer finite, which else is an error. To be the same
        for all processes.
        """
        self.ended: str | None = None
        """Why the game ends before its last step, where it does."""
        self.heeded = False
        """Whether it is a finding that ends it."""

    @property
    def evaluated(self) -> list[Evaluated]:
        """What was measured so far, oldest first."""
        return [] if self.monitor is None else self.monitor.evaluated

    @property
    def decisive(self) -> str:
        """The estimate by which the best checkpoint is known."""
        return "" if self.monitor is None else self.monitor.key

    def take_up(self, run: Run | None, *, saved: int) -> None:
        """What was seen and measured before the run was left, and what follows from it."""
        if self.prober is not None and run is not None:
            self.prober.probes = run.probes()
            self.finding = self.prober.finding
        if self.monitor is not None:
            if run is not None:
                self.monitor.evaluated = run.evaluations()
            self.conclude(saved=saved)

    def rewind(self) -> None:
        """Forget what was seen of what has been taken back."""
        for twin in (self.monitor, self.prober):
            if twin is not None:
                twin.rewind()
        if self.prober is not None:
            self.finding = self.prober.finding

    # Evaluations.

    def measure(self) -> bool:
        """Measure where that is due; whether the game as it is now is the best so far."""
        monitor = self.monitor
        if monitor is None:
            return False
        if self._writes.run is not None and monitor.due:
            self._writes.evaluation(monitor.measure(self._writes.model))
        return self._agreed(monitor.best is not None)

    def conclude(self, *, saved: int) -> None:
        """What follows from the last evaluation, if it is of the game as it is now."""
        if (monitor := self.monitor) is None:
            return
        if (best := monitor.best) is not None and saved == self._state.step:
            self._writes.best(best)
        why = monitor.reached
        if self._agreed(why is not None):
            self.ended = f"stopped at step {self._state.step}: {why}"

    # Probes.

    def look(self) -> None:
        """Look at the game where that is due, keep what was seen, and ask what it says."""
        if self.prober is not None and (probe := self.prober.look()) is not None:
            self._writes.probe(probe)
            self._find(self.prober.finding)
        probing = self._state.recipe.probing
        if probing is not None and due(self._state.step, probing):
            self.heed()

    def heed(self) -> None:
        """End the game, where that is asked for, if going on as before is of no use."""
        if self.on_finding not in ("stop", "apply"):
            return
        found, step = self.finding, self._state.step
        if self._agreed(found is not None and found.settled and found.step == step):
            why = "of what was found" if found is None else f"{found.symptom}: {found.sentence}"
            self.ended, self.heeded = f"stopped at step {step}: {why}", True

    def note_failure(self, error: NonFiniteError) -> None:
        """Keep, as a probe, that the game's numbers ceased to be finite, and where that began."""
        if self.on_finding == "apply":
            self.ended, self.heeded = str(error), True
        if self.prober is None:
            return
        probe = Probe(step=self._state.step, n=0, failed=f"{error.where} ({error.player})")
        self.prober.probes.append(probe)
        self._writes.probe(probe)
        self._find(self.prober.finding)

    def _find(self, finding: Finding | None) -> None:
        before, self.finding = self.finding, finding
        if finding is not None and verdict(finding) != verdict(before):
            self._writes.log(f"found at step {finding.step}: {finding.symptom}: {finding.sentence}")

    def _agreed(self, decision: bool) -> bool:
        """What the first process has decided; the others have False."""
        group = self._state.group
        if group.alone:
            return decision
        said = torch.tensor([int(decision and group.rank == 0)], device=self._state.device)
        return bool(group.total([said])[0])
