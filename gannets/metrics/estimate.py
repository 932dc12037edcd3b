"""A measured number is never a bare float."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gannets.errors import InputError

__all__ = ["Estimate"]

Better = Literal["lower", "higher", "near"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with what makes it one: its uncertainty, its floor, and how it was obtained."""

    key: str
    """How a report finds it: "fd"."""
    name: str
    """How it is printed, extractor and all: "FD[randconv:1]"."""
    value: float
    interval: tuple[float, float] | None = None
    """95 % confidence interval of what `value` is the estimate of, at this n."""
    floor: float | None = None
    """What a perfect generator, p_g = p_data, gets on average at this n."""
    p: float | None = None
    """The probability of a value as extreme as this were p_g = p_data."""
    better: Better = "lower"
    """Which way is better; "near": the nearer to the floor."""
    meaning: str = ""
    """A sentence on what this value says."""
    notes: tuple[str, ...] = ()
    """What has to be known of this number besides: clamped, subsampled, at the grid's edge."""
    n: tuple[int, int] = (0, 0)
    """How many real and fake samples it was computed from."""
    features: str = ""
    """The extractor through which both sides were seen, weights and all."""
    preprocessing: str = ""
    """What was done to the samples before they were given to the extractor."""
    protocol: str = ""
    """The metric with all its settings, as a value."""
    reference: str = ""
    """Content hash of the real samples."""
    seed: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    """What there is beyond one number, in JSON's types: shares by mode, curves, suspects."""

    def __post_init__(self) -> None:
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"{self.key}: {self.interval} is no interval.")
        if self.p is not None and not 0 <= self.p <= 1:
            raise ValueError(f"{self.key}: {self.p} is no probability.")

    @property
    def excess(self) -> float | None:
        """How far the value is beyond that of a perfect generator."""
        return None if self.floor is None else self.value - self.floor

    @property
    def identity(self) -> tuple[object, ...]:
        """Two estimates may stand side by side where this is equal: one protocol, one reference."""
        return (
            self.name,
            self.protocol,
            self.features,
            self.preprocessing,
            self.reference,
            self.n,
        )

    def better_than(self, other: Estimate) -> bool:
        """Whether this is the better value of the two, of one protocol."""
        if self.identity != other.identity:
            raise InputError(
                f"{self.name} ({self.differs(other)}) cannot be compared: measure both alike."
            )
        return self.badness < other.badness

    @property
    def badness(self) -> float:
        """A number that is smaller the better the value, however `better` is meant."""
        if self.better == "lower":
            return self.value
        if self.better == "higher":
            return -self.value
        return abs(self.value - (self.floor or 0.0))

    def differs(self, other: Estimate) -> str:
        """In what two estimates' protocols differ, in words; empty where they do not."""
        parts = ("name", "protocol", "features", "preprocessing", "reference", "n")
        return ", ".join(
            f"{part} {_short(mine)} against {_short(theirs)}"
            for part in parts
            if (mine := getattr(self, part)) != (theirs := getattr(other, part))
        )

    def to_json(self) -> dict[str, Any]:
        """As an object of JSON, whose numbers are finite or null."""
        fields = {name: value for name, value in vars(self).items() if value not in ("", (), {})}
        fields["details"] = dict(self.details)
        return _jsonable({**fields, "excess": self.excess})

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Estimate:
        """The estimate that `to_json` wrote."""
        given = {name: value for name, value in fields.items() if name != "excess"}
        try:
            for name in ("interval", "notes", "n"):
                if given.get(name) is not None:
                    given[name] = tuple(given[name])
            if given["value"] is None:
                given["value"] = math.nan
            if given.get("interval") is not None:  # JSON has no infinity.
                low, high = given["interval"]
                given["interval"] = (
                    -math.inf if low is None else low,
                    math.inf if high is None else high,
                )
            return cls(**given)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"This is no estimate as gannets writes them: {error}.") from None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
