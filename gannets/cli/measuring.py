"""What `gannets train` is asked to measure as it goes, as a change of the recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gannets.errors import InputError

if TYPE_CHECKING:
    from gannets.training import Recipe
    from gannets.training.evaluation import StopWhen

__all__ = ["measured"]

_STOP = re.compile(r"(?P<key>\w+)(?::(?P<patience>\d{1,9}))?(?:[<>]=?(?P<value>[-+.\deE]+))?")


def measured(
    recipe: Recipe, *, every: int | None, metrics: str | None, stop_when: str | None
) -> Recipe:
    """`recipe` with its evaluation as --eval-every, --metrics and --stop-when have it."""
    from gannets.training.evaluate import named
    from gannets.training.evaluation import Evaluation

    if every is None and metrics is None and stop_when is None:
        return recipe
    if every == 0:
        if metrics is not None or stop_when is not None:
            raise InputError(
                "--eval-every 0 measures nothing, so --metrics and --stop-when cannot be given "
                "with it: leave one of them out."
            )
        return replace(recipe, evaluation=None)
    evaluation = recipe.evaluation or Evaluation()
    if every is not None:
        evaluation = replace(evaluation, every=every)
    if metrics is not None:
        evaluation = replace(evaluation, metrics=tuple(named(metrics).values()), best=None)
    if stop_when is not None:
        stop = _stop(stop_when)
        _refuse_unmeasured(stop.metric, evaluation.metrics)
        evaluation = replace(evaluation, stop=stop, best=stop.metric)
    return replace(recipe, evaluation=evaluation)


def _refuse_unmeasured(name: str, metrics: Sequence[object]) -> None:
    """Refuse to stop by a metric that is not measured; whether it is an estimate is seen later."""
    from gannets.metrics import METRICS

    wanted = METRICS.get(name)
    if wanted is None or any(isinstance(metric, type(wanted)) for metric in metrics):
        return
    there = [
        next((n for n, known in METRICS.items() if metric == known), repr(metric))
        for metric in metrics
    ]
    raise InputError(
        f"--stop-when asks for {name}, which is not measured: add it to --metrics, as in "
        f"--metrics '{','.join([*there, name])}'."
    )


def _stop(text: str) -> StopWhen:
    """`fd`, `fd:8` (a patience of 8 evaluations), `fd<0.5` (a value that is good enough)."""
    from gannets.training.evaluation import StopWhen

    match = _STOP.fullmatch(text.replace(" ", ""))
    try:
        if match is None:
            raise ValueError
        value = None if match["value"] is None else float(match["value"])
    except ValueError:
        raise InputError(
            f"--stop-when takes an estimate, and a patience or a value for it, such as fd, fd:8 "
            f"or fd<0.5, not {text!r:.60}."
        ) from None
    given = match["patience"]
    patience = int(given) if given is not None else (5 if value is None else None)
    return StopWhen(metric=match["key"], patience=patience, value=value)
