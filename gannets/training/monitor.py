"""Measuring a game as it is played: at intervals, on samples that G was not trained on."""

from __future__ import annotations

from typing import Any

import gannets
from gannets.errors import InputError
from gannets.metrics.catalogue import needs_game
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Estimate
from gannets.metrics.features import extractor
from gannets.metrics.opened import Opened, draw
from gannets.metrics.report import Report, measure
from gannets.training.evaluation import Evaluated, Evaluation, best_of, reached
from gannets.training.model import Model
from gannets.training.standing import game_of, held_out
from gannets.training.state import State
from gannets.training.subject import LatentSpace, samples_of

__all__ = ["Monitor"]


class Monitor:
    """Measures a game as it is, and knows what that says of it; the real side is seen once."""

    def __init__(self, state: State, evaluation: Evaluation) -> None:
        self._state, self._evaluation = state, evaluation
        self._comparison: Comparison | None = None
        self.evaluated: list[Evaluated] = []
        """What was measured so far, oldest first."""

    def rewind(self) -> None:
        """Forget what was measured of what has been taken back."""
        self.evaluated = [each for each in self.evaluated if each[0] <= self._state.step]

    @property
    def due(self) -> bool:
        """Whether it is time, and this has not been measured yet."""
        step = self._state.step
        return step % self._evaluation.every == 0 and not self._now

    def measure(self, model: Model) -> Report:
        """Measure the generator to sample from, as it is now.

        Samples that no number can be made of are no reason to stop once the game has begun.
        """
        step = self._state.step
        try:
            report = self._measured(model)
        except InputError as error:
            if step == 0:
                raise
            report = Report((), ((f"step {step}", str(error)),))
        else:
            stop = self._evaluation.stop
            for key in (self._evaluation.best, stop and stop.metric):
                # Refused, with what there is, where no metric has an estimate of that name.
                _ = key and report[key]
        self.evaluated.append((step, report))
        return report

    @property
    def best(self) -> Estimate | None:
        """The estimate that makes the game, as it is now, the best so far."""
        if not self._now or best_of(self.evaluated, self.key) != self._state.step:
            return None
        return self.evaluated[-1][1].get(self.key)

    @property
    def key(self) -> str:
        """The estimate that decides which is the best."""
        measured = (estimate.key for _, report in self.evaluated for estimate in report)
        return self._evaluation.best or next(measured, "")

    @property
    def reached(self) -> str | None:
        """Why the game is to end now; None where it is to go on."""
        stop = self._evaluation.stop
        return reached(self.evaluated, stop) if stop is not None and self._now else None

    @property
    def _now(self) -> bool:
        """Whether the last evaluation is of the game as it is."""
        return bool(self.evaluated) and self.evaluated[-1][0] == self._state.step

    def _measured(self, model: Model) -> Report:
        evaluation, state = self._evaluation, self._state
        before = self._comparison or self._begin(model)
        fakes = samples_of(
            model, len(before.real), seed=state.recipe.seed, name="samples", like=before.real
        )
        about: dict[str, Any] = {
            "fake": f"step {state.step}",
            "real": f"{before.real.name} ({len(before.real):,})",
            "features": before.map.id,
            "gannets": gannets.__version__,
        }
        self._comparison = comparison = before.facing(fakes, about=about)
        return measure(comparison, {type(metric).__name__: metric for metric in evaluation.metrics})

    def _begin(self, model: Model) -> Comparison:
        """The real side: what the data hold out, or for want of that what G is trained on."""
        state, recipe = self._state, self._state.recipe
        found = held_out(recipe, device=state.device)
        part, source = found or ("trained on", state.source)
        side = Opened(part, source=source)
        n = self._evaluation.n
        reals = draw(side, n if side.there is None else min(n, side.there), seed=recipe.seed)
        train = None
        if found is not None and not source.endless:
            train = draw(Opened("training data", source=state.source), None, seed=recipe.seed)
        return Comparison(
            real=reals,
            fake=reals,
            map=extractor(self._evaluation.features).build(reals, device=state.device),
            train=train,
            holdout=None if train is None else reals,
            density=getattr(source, "density", None),
            generator=LatentSpace(model),
            played=game_of(state) if any(map(needs_game, self._evaluation.metrics)) else None,
            seed=recipe.seed,
        )
