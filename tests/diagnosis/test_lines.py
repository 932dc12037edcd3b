"""What is read back of `probes.jsonl`: what was written, or a sentence that names the line."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gannets.diagnosis import Clones, Probe
from gannets.errors import InputError
from gannets.training.metrics_file import MetricsFile
from gannets.training.probes_file import probes_in
from tests.diagnosis.synthetic import EVEN, NEW, probe

WHOLE = replace(
    probe(250),
    apart=100,
    raw=EVEN,
    learned=NEW,
    clones=Clones(steps=100, reference=0.1, own=0.2, accuracy=0.5),
    leaks=0.1,
    failed="layer 3 (generator)",
    outputs=replace(probe(250).outputs, track=(0.5, -1.0), still={"generator": 0.0}),  # type: ignore[type-var]
)
LINE: dict[str, Any] = json.loads(json.dumps(WHOLE.to_json()))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["generator", "step", "distance", "x"]), inner)
    ),
    max_leaves=5,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


def with_(value: Any, at: tuple[Any, ...], new: Any, *, gone: bool) -> Any:
    """The value with another, or nothing, at one place."""
    if not at:
        return {} if gone else new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(at) == 1 and gone:
        del copy[at[0]]
    else:
        copy[at[0]] = with_(value[at[0]], at[1:], new, gone=gone)
    return copy


def is_sound(value: Any) -> bool:
    """Whether all that a probe holds are numbers, and text where it says what failed."""
    if isinstance(value, dict):
        return all(is_sound(each) for key, each in value.items() if key != "failed")
    if isinstance(value, (tuple, list)):
        return all(map(is_sound, value))
    return value is None or type(value) in (int, float)


def test_what_was_written_is_read() -> None:
    assert Probe.from_json(LINE) == WHOLE
    holes = replace(WHOLE, verdicts=replace(WHOLE.verdicts, auc=math.inf))  # type: ignore[type-var]
    again = Probe.from_json(json.loads(json.dumps(holes.to_json(), allow_nan=False)))
    assert again.verdicts is not None
    assert math.isnan(again.verdicts.auc)


@settings(max_examples=300)
@given(st.sampled_from(places(LINE)[1:]), JSON, st.booleans())
def test_whatever_happens_to_a_line_it_is_read_or_refused(
    at: tuple[Any, ...], new: Any, gone: bool
) -> None:
    try:
        found = Probe.from_json(with_(LINE, at, new, gone=gone))
    except InputError:
        return
    assert type(found.step) is type(found.n) is int
    assert found.failed is None or type(found.failed) is str
    assert is_sound(asdict(found))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ({"referee": 5}, "'referee' has to be an object, not '5'"),
        ({"outputs": {"move": None, "moved": [1]}}, "'moved' has to be numbers by name"),
        ({"outputs": {"move": None, "track": [1, "a"]}}, "'track' has to be a number, not 'a'"),
        ({"n": "x"}, "'n' has to be a whole number, not 'x'"),
        ({"n": True}, "'n' has to be a whole number, not 'True'"),
        ({"leaks": "0.5"}, "'leaks' has to be a number, not '0.5'"),
        ({"clones": {"steps": 3}}, "'clones' has no 'reference'"),
        ({"failed": 3}, "'failed' has to be text"),
        ({"step": 250}, "its step, 250, does not follow on 250"),
        ({"step": 30}, "its step, 30, does not follow on 250"),
    ],
)
def test_the_damaged_line_is_named(tmp_path: Path, damage: dict[str, Any], why: str) -> None:
    file = MetricsFile(tmp_path / "probes.jsonl")
    for line in (LINE, {"step": 500, "n": 0, **damage}, {"step": 750, "n": 0}):
        file.add(line)
    with pytest.raises(InputError) as refused:
        probes_in(file)
    said = str(refused.value)
    assert said.startswith(f"{file.path}, line 2, is damaged: ")
    assert why in said
    assert said.endswith("remove the line to go on without it.")


def test_a_failure_is_noted_after_the_update_of_the_last_probe(tmp_path: Path) -> None:
    """The update that failed was not made; taken up again there, it fails again."""
    file = MetricsFile(tmp_path / "probes.jsonl")
    failed = {"step": 250, "n": 0, "failed": "layer 1 (generator)"}
    for line in ({"step": 250, "n": 0}, failed, failed):
        file.add(line)
    assert [each.failed is None for each in probes_in(file)] == [True, False, False]
