"""What `gannets check` finds of metrics: nothing of ours, and each of these faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gannets.metrics import METRICS, Comparison, Estimate, Metric, Unmeasurable
from gannets.metrics.check import check_metric, is_metric

CHEAP = ("fd", "mmd", "energy", "prdc", "one_nn", "memorisation", "effective_rank", "c2st")


@pytest.mark.parametrize("name", CHEAP)
def test_ours_pass(name: str) -> None:
    assert is_metric(METRICS[name])
    found = check_metric(METRICS[name])
    assert len(found) == 4
    assert [result for result in found if not result.passed] == []


def test_one_that_needs_more_says_so() -> None:
    (result,) = check_metric(METRICS["ppl"])
    assert result.passed
    assert "generator" in result.sentence


class Own:
    """The gap between means, with a fault."""

    def __init__(self, fault: Callable[[Comparison, float], Any]) -> None:
        self.fault = fault

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        gap = comparison.fake_features.mean(0) - comparison.real_features.mean(0)
        found: tuple[Estimate, ...] = self.fault(comparison, float(gap.norm()))
        return found


def estimate(comparison: Comparison, value: float, key: str = "gap", **more: Any) -> Estimate:
    return comparison.estimate("Own()", key, "gap", value, **more)


def _changes(comparison: Comparison, value: float) -> tuple[Estimate, ...]:
    comparison.fake.x.mul_(0.5)
    return (estimate(comparison, value),)


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        pytest.param(lambda c, v: (estimate(c, v),), None, "", id="none"),
        pytest.param(lambda c, v: v, "estimates are whole", "a float", id="a float"),
        pytest.param(lambda c, v: (), "estimates are whole", "a tuple", id="nothing"),
        pytest.param(
            lambda c, v: (estimate(c, v), estimate(c, v)),
            "estimates are whole",
            "repeat",
            id="keys",
        ),
        pytest.param(
            lambda c, v: (estimate(c, float("nan")),), "estimates are whole", "nan", id="NaN"
        ),
        pytest.param(
            lambda c, v: (estimate(c, v, details={"x": {1, 2}}),),
            "estimates are whole",
            "not JSON serializable",
            id="details",
        ),
        pytest.param(
            lambda c, v: (estimate(c, v + float(torch.rand(()))),),
            "metric is pure",
            "global",
            id="global random state",
        ),
        pytest.param(_changes, "metric is pure", "changes", id="changes samples"),
        pytest.param(
            lambda c, v: (estimate(c, 1.0),), "metric sees failures", "no worse", id="blind"
        ),
        pytest.param(lambda c, v: 1 / 0, "estimates are whole", "ZeroDivisionError", id="raises"),
    ],
)
def test_faults_are_found(fault: Callable[..., Any], check: str | None, words: str) -> None:
    metric = Own(fault)
    assert is_metric(metric)
    failed = {result.name: result.sentence for result in check_metric(metric) if not result.passed}
    if check is None:
        assert not failed
    else:
        assert words in failed[check]


def test_what_is_no_metric_is_not_taken_for_one() -> None:
    assert not is_metric(Own)
    assert not is_metric(lambda players, batch: 0)
    assert not is_metric(3)


def test_the_command_line_checks_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gannets.cli import main

    file = tmp_path / "mine.py"
    file.write_text(
        "class Gap:\n"
        "    def __call__(self, comparison):\n"
        "        gap = comparison.fake_features.mean() - comparison.real_features.mean()\n"
        "        return (comparison.estimate('Gap()', 'gap', 'gap', abs(float(gap))),)\n"
    )
    assert main(["check", str(file)]) == 0
    out = capsys.readouterr().out
    assert "metric sees failures" in out
    assert "4 checks passed" in out


def test_the_exception_is_public() -> None:
    assert issubclass(Unmeasurable, ValueError)
    assert isinstance(METRICS["fd"], Metric)
