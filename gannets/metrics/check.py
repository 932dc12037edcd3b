"""The contract of a metric: whole estimates, of sets without order, pure, and not blind."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gannets.game.check.result import Result, Verdict, normal, results
from gannets.metrics.comparison import Comparison, Metric, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.features import Pixels
from gannets.metrics.samples import Samples

__all__ = ["check_metric", "is_metric"]

N = 200


def is_metric(value: Any) -> bool:
    """Whether it is called with a comparison, by that name: `def __call__(self, comparison)`."""
    if isinstance(value, type) or not callable(value):
        return False
    try:
        return list(inspect.signature(value).parameters) == ["comparison"]
    except (TypeError, ValueError):
        return False


def check_metric(metric: Metric) -> list[Result]:
    """Hold a metric to its contract, on points in four dimensions; one that needs more says so."""
    try:
        metric(_comparison())
    except Unmeasurable as error:
        sentence = f"Points are not enough for it: {error}"
        return [Result("says what it needs", str(error).endswith("."), sentence)]
    except Exception:  # is said by the first check
        pass
    return results(_CHECKS, metric)


_FAILURES: dict[str, Callable[[Tensor], Tensor]] = {
    "far off": lambda x: x + 5,
    "nearly alike": lambda x: x / 10,
    "on a line": lambda x: x[:, :1].expand_as(x).clone(),
}


def _comparison(*, failure: str | None = None, turned: bool = False) -> Comparison:
    """Both sides N(0, I), or the fake one failing; `turned` gives the rows backwards."""
    sets = [normal(N, 4, index=40 + i).float() for i in range(3)]
    if failure is not None:
        sets[1] = _FAILURES[failure](sets[1])
    real, fake, holdout = (
        Samples(x.flip(0) if turned else x, name=name)
        for x, name in zip(sets, ("real", "fake", "holdout"), strict=True)
    )
    seen_as = Pixels().build(real, device=torch.device("cpu"))
    return Comparison(real=real, fake=fake, map=seen_as, train=real, holdout=holdout)


def _numbers(estimates: tuple[Estimate, ...]) -> list[dict[str, Any]]:
    return [estimate.to_json() for estimate in estimates]


def _whole(metric: Metric) -> Verdict:
    """Estimates with finite values, keys of their own, and nothing that JSON could not keep."""
    estimates = metric(_comparison())
    if not isinstance(estimates, tuple) or not estimates:
        return False, f"It gives a {type(estimates).__name__}, not a tuple of estimates."
    keys = [estimate.key for estimate in estimates]
    if len(set(keys)) < len(keys):
        return False, f"Its keys repeat: {', '.join(keys)}."
    for estimate in estimates:
        if not math.isfinite(estimate.value):
            return False, f"{estimate.key} is {estimate.value}."
        text = json.dumps(estimate.to_json(), allow_nan=False)
        if Estimate.from_json(json.loads(text)) != estimate:
            return False, f"{estimate.key} is another when it is read back from JSON."
    return True, f"{', '.join(keys)}: whole, and kept by JSON."


def _unordered(metric: Metric) -> Verdict:
    """The order in which samples come does not matter."""
    same = _numbers(metric(_comparison())) == _numbers(metric(_comparison(turned=True)))
    return same, f"With the rows backwards it is {'the same' if same else 'another'}."


def _pure(metric: Metric) -> Verdict:
    """The same seed gives the same numbers; samples and global random state stay as they are."""
    comparison, state = _comparison(), torch.random.get_rng_state()
    kept = comparison.fake.x.clone(), comparison.real.x.clone()
    same = _numbers(metric(comparison)) == _numbers(metric(comparison))
    untouched = torch.equal(state, torch.random.get_rng_state())
    whole = torch.equal(kept[0], comparison.fake.x) and torch.equal(kept[1], comparison.real.x)
    return same and untouched and whole, (
        f"Twice it is {'the same' if same else 'not the same'}; it "
        f"{'leaves' if untouched else 'draws from'} the global random state and "
        f"{'leaves' if whole else 'changes'} the samples."
    )


def _sees(metric: Metric) -> Verdict:
    """Of the ways in which fakes can fail, one at least is worse than none."""
    good = metric(_comparison())
    worse = []
    for failure in _FAILURES:
        found = metric(_comparison(failure=failure))
        if any(b.badness > g.badness for g, b in zip(good, found, strict=True)):
            worse.append(failure)
    if not worse:
        return False, f"Fakes that are {', '.join(_FAILURES)} are no worse to it than good ones."
    return True, f"It sees fakes that are {', or '.join(worse)}."


_CHECKS: dict[str, Callable[[Any], Verdict]] = {
    "estimates are whole": _whole,
    "order does not matter": _unordered,
    "metric is pure": _pure,
    "metric sees failures": _sees,
}
