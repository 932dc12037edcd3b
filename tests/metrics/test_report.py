"""Nothing is lost on the way through JSON, and unlike is not set beside unlike."""

import json
import math
from dataclasses import dataclass, replace

import pytest
import torch

from gannets.errors import InputError
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.report import Report, Reports, figure, measure
from tests.metrics.helpers import compare

ESTIMATE = Estimate(
    key="fd",
    name="FD[pca:32]",
    value=1.5,
    interval=(1.25, 1.75),
    floor=0.5,
    p=0.01,
    n=(100, 90),
    features="pca:32",
    preprocessing="as given",
    protocol="Frechet()",
    reference="abc",
    seed=3,
    meaning="Far.",
    notes=("one",),
    details={"parts": [1.0, 2.0], "worst": {"x": 1}},
)


@dataclass(frozen=True)
class Gap:
    """How far the means are apart."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        gap = comparison.fake_features.mean(0) - comparison.real_features.mean(0)
        return (comparison.estimate(self, "gap", "gap", float(gap.norm()), floor=0.0),)


@dataclass(frozen=True)
class Impossible:
    """Needs what nobody has."""

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        raise Unmeasurable("This needs a crystal ball: give one.")


def test_excess_is_value_above_floor() -> None:
    assert ESTIMATE.excess == 1.0
    assert replace(ESTIMATE, floor=None).excess is None


def test_an_estimate_survives_json() -> None:
    text = json.dumps(ESTIMATE.to_json(), allow_nan=False)
    assert Estimate.from_json(json.loads(text)) == ESTIMATE


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_becomes_null(value: float) -> None:
    text = json.dumps(replace(ESTIMATE, value=value).to_json(), allow_nan=False)
    assert math.isnan(Estimate.from_json(json.loads(text)).value)


@pytest.mark.parametrize("part", ["value", "key"])
def test_a_mutilated_estimate_is_refused(part: str) -> None:
    fields = ESTIMATE.to_json()
    del fields[part]
    with pytest.raises(InputError, match="no estimate"):
        Estimate.from_json(fields)


@pytest.mark.parametrize(
    ("better", "good", "bad"), [("lower", 1.0, 2.0), ("higher", 2.0, 1.0), ("near", 0.6, 2.0)]
)
def test_which_of_two_is_better(better: str, good: float, bad: float) -> None:
    one = replace(ESTIMATE, better=better, value=good)  # type: ignore[arg-type]
    other = replace(ESTIMATE, better=better, value=bad)  # type: ignore[arg-type]
    assert one.better_than(other)
    assert not other.better_than(one)


@pytest.mark.parametrize(
    "change",
    [
        {"features": "pixels"},
        {"name": "FID"},
        {"protocol": "Frechet(blocks=9)"},
        {"preprocessing": "resized"},
        {"reference": "another"},
        {"n": (100, 100)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_unlike_protocols_stand_side_by_side_nowhere(change: dict[str, object]) -> None:
    other = replace(ESTIMATE, **change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be compared"):
        ESTIMATE.better_than(other)
    with pytest.raises(InputError, match="different protocols"):
        Reports((Report((ESTIMATE,)), Report((other,))))


def test_like_protocols_do_whatever_the_seed() -> None:
    other = replace(ESTIMATE, value=1.0, interval=(0.9, 1.1), seed=4)
    table = Reports((Report((ESTIMATE,), (), {"fake": "a"}), Report((other,), (), {"fake": "b"})))
    assert table.rows()[0] == ("metric", "floor", "a", "b")
    assert table.rows()[1] == ("FD[pca:32]", "0.5", "1.5 ± 0.25", "1 ± 0.1 *")


def test_a_report_is_read_by_key_and_survives_json() -> None:
    report = Report((ESTIMATE,), (("fld", "no holdout"),), {"fake": "a"})
    again = Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False)))
    assert again == report
    assert again["fd"].value == 1.5
    assert "fd" in again
    with pytest.raises(InputError, match="fld could not be measured: no holdout"):
        again["fld"]
    with pytest.raises(InputError, match="Did you mean 'fd'"):
        again["fdd"]


def test_the_table_says_all_of_it() -> None:
    text = str(Report((ESTIMATE,), (("fld", "no holdout"),), {"fake": "a", "seed": 3}))
    for part in ("FD[pca:32]", "1.25 .. 1.75", "0.5", "+1", "0.01", "100/90", "Far.", "no holdout"):
        assert part in text


def test_measuring() -> None:
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    comparison = compare(x, x + 1.0)
    seen: list[str] = []
    report = measure(
        comparison, {"gap": Gap(), "none": Impossible()}, lenient=True, watch=seen.append
    )
    # Both sides are stored in single precision: 2^-24 relative, of values up to 3.
    assert report["gap"].value == pytest.approx(2**0.5, abs=1e-6)
    assert report["gap"].protocol == "Gap()"
    assert report["gap"].reference == comparison.real.fingerprint
    assert report.skipped == (("none", "This needs a crystal ball: give one."),)
    assert seen == ["gap", "none"]
    with pytest.raises(Unmeasurable, match="crystal"):
        measure(comparison, {"none": Impossible()})


def test_sides_must_be_of_one_shape() -> None:
    with pytest.raises(InputError, match=r"\(3,\), those of real of \(2,\)"):
        compare(torch.zeros(4, 2), torch.zeros(4, 3))


def test_features_that_are_no_numbers_are_refused() -> None:
    @dataclass(frozen=True)
    class Broken:
        id: str = "broken"
        preprocessing: str = "as given"
        titles = {}  # noqa: RUF012

        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1).log()

    with pytest.raises(InputError, match="broken makes numbers that are not finite of real"):
        _ = compare(-torch.ones(4, 2), torch.ones(4, 2), map=Broken()).real_features


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.23456, "1.235"),
        (123456.7, "1.23e+05"),
        (12345.6, "12346"),
        (1e-5, "1.00e-05"),
    ],
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
