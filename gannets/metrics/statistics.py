"""Reference statistics in a file: moments of the real samples' features, and what they are of.

Nothing looks for such a file: it is used where it is named, for moments of other samples than one
thinks are the worst of defects in a distance. `load_statistics(path, expect=...)` is for whoever
keeps many: a hit has the very samples (by content), the extractor and what is done before it, the
split and the version of gannets. One safetensors file holds numbers and
description; it is written whole or not at all, and read back only if its digest bears it out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from gannets.errors import InputError
from gannets.files import write_bytes
from gannets.metrics.comparison import CHUNK, FeatureMap
from gannets.metrics.moments import MomentsAccumulator, SampleMoments
from gannets.metrics.samples import Samples

__all__ = [
    "Origin",
    "Statistics",
    "build_statistics",
    "load_statistics",
    "save_statistics",
    "verify_statistics",
]

SCHEMA = 1
KEY = "gannets.statistics"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What statistics are of. Equal origins have equal statistics."""

    reference: str
    """Content hash of the samples: `Samples.fingerprint`."""
    features: str
    """The extractor, weights and all."""
    preprocessing: str
    split: str
    """Which part of the data: "train", "test"."""

    def differs(self, other: Origin) -> str:
        """In what the two differ, in words; empty where they do not."""
        names = {"reference": "samples", "features": "extractor"}
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(
            f"{names.get(name, name)} {_short(mine[name])} and not {_short(theirs[name])}"
            for name in mine
            if mine[name] != theirs[name]
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Statistics:
    """Moments of features, with what they are of and what computed them."""

    moments: SampleMoments
    origin: Origin
    version: str
    """The version of gannets that computed them."""
    event: tuple[int, ...] = ()
    """Shape of one sample."""
    seed: int = 0
    """The seed of the extractor's fit, or of a draw of the samples, where there was one."""

    def describe(self) -> dict[str, Any]:
        """What a person wants to know of them, in JSON's types."""
        return {
            "n": self.moments.n,
            "d": len(self.moments.mean),
            **asdict(self.origin),
            "event": list(self.event),
            "version": self.version,
            "seed": self.seed,
        }


def origin_of(samples: Samples, map: FeatureMap, *, split: str) -> Origin:
    """What statistics of these samples, seen through this map, are of."""
    return Origin(
        reference=samples.fingerprint,
        features=map.id,
        preprocessing=map.preprocessing,
        split=split,
    )


def build_statistics(samples: Samples, map: FeatureMap, *, split: str, seed: int = 0) -> Statistics:
    """The statistics of samples; features are looked at a chunk at a time, and not kept."""
    seen = MomentsAccumulator()
    with torch.no_grad():
        for part in samples.x.split(CHUNK):
            seen.update(map(part).double().cpu())
    origin = origin_of(samples, map, split=split)
    return Statistics(
        moments=seen.compute(),
        origin=origin,
        version=_version(),
        event=samples.event,
        seed=seed,
    )


def save_statistics(statistics: Statistics, path: Path) -> None:
    """Put statistics at `path`, replacing what is there in one step."""
    tensors = {name: each.contiguous() for name, each in statistics.moments.tensors().items()}
    about = {
        "schema": SCHEMA,
        "origin": asdict(statistics.origin),
        "version": statistics.version,
        "event": list(statistics.event),
        "seed": statistics.seed,
    }
    text = json.dumps({**about, "sha256": _digest(tensors, about)}, sort_keys=True)
    blob = safetensors.torch.save(tensors, metadata={KEY: text})
    try:
        write_bytes(path, blob)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None


def load_statistics(path: Path, *, expect: Origin | None = None) -> Statistics:
    """The statistics at `path`.

    Raises `InputError` where the file is none of gannets', is damaged, or is of something other
    than expected: the sentence says in what it differs.
    """
    about, tensors = _read(path)
    digest = about.pop("sha256", None)
    if about.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {_short(about.get('schema'))}, and this version of gannets reads "
            f"{SCHEMA}: build the statistics again."
        )
    if digest != _digest(tensors, about):
        raise InputError(f"{path} is damaged: its digest is not that of what it holds.")
    try:
        statistics = Statistics(
            moments=SampleMoments.from_tensors(tensors),
            origin=Origin(**about["origin"]),
            version=str(about["version"]),
            event=tuple(map(int, about["event"])),
            seed=int(about["seed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no statistics as gannets writes them: {error}") from None
    if expect is not None:
        differs = statistics.origin.differs(expect)
        if statistics.version != _version():
            newer = f"gannets {statistics.version} and not {_version()}"
            differs = f"{differs}, {newer}" if differs else newer
        if differs:
            raise InputError(
                f"{path} has other statistics than are asked for: {differs}. Build them again, or "
                "name the file that belongs to these."
            )
    return statistics


def verify_statistics(path: Path, samples: Samples, map: FeatureMap, *, split: str) -> Statistics:
    """Compute the statistics again, and raise `InputError` where the file's are others.

    Numbers may differ by rounding: 1e-8 of the spread, for other processors sum in other orders.
    """
    stored = load_statistics(path, expect=origin_of(samples, map, split=split))
    fresh = build_statistics(samples, map, split=split, seed=stored.seed)
    mine, theirs = stored.moments, fresh.moments
    scale = float(theirs.covariance.diagonal().max().sqrt())
    apart = max(
        float((mine.mean - theirs.mean).abs().max()),
        float((mine.covariance - theirs.covariance).abs().max()) / scale if scale > 0 else 0.0,
    )
    if mine.n != theirs.n or apart > 1e-8 * scale + 1e-12 * float(theirs.mean.abs().max()):
        raise InputError(
            f"{path} has not the moments of {samples.name}: they are {apart:.3g} apart. The "
            "extractor may have changed under one id: build the statistics again."
        )
    return stored


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = None if text is None else json.loads(text)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no file of statistics: {error!s:.200}.") from None
    if not isinstance(about, dict):
        raise InputError(f"{path} is a safetensors file, but holds no statistics of gannets.")
    return about, tensors


def _digest(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    sha = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        each = tensors[name]
        sha.update(f"{name}/{each.dtype}/{tuple(each.shape)}/".encode())
        sha.update(each.contiguous().numpy().tobytes())
    return sha.hexdigest()


def _version() -> str:
    try:
        return version("gannets")
    except PackageNotFoundError:
        return "unknown"


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
