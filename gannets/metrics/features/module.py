"""Features of the user's own: a function or a net in a Python file of theirs."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannets.errors import InputError, unknown
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.features.weights import weights_hash
from gannets.metrics.samples import Samples

__all__ = ["OwnFeatures"]

AT_ONCE = 100


@dataclass(frozen=True)
class OwnFeatures:
    """The features that `name` in the Python file `path` makes; the file is run.

    `name` is a function of a batch of samples (images have values in [0, 1]) that returns a row
    of features for each, or an `nn.Module`, or takes nothing and returns one of the two. Modules
    are put into evaluation mode. The id has a hash of the file, and of a module's weights.
    """

    path: str
    name: str

    def build(self, real: Samples, *, device: torch.device) -> FeatureMap:
        """Run the file, and take what `name` stands for there."""
        path = Path(self.path).expanduser()
        if path.suffix != ".py" or not path.is_file():
            raise InputError(
                f"There is no Python file {self.path}: give features as module:FILE.py:NAME."
            )
        sha = hashlib.sha256(path.read_bytes())
        module = _run(path)
        if not hasattr(module, self.name):
            public = [each for each in vars(module) if not each.startswith("_")]
            raise unknown(f"name in {self.path}", self.name, public)
        function = getattr(module, self.name)
        if _needs_nothing(function):
            function = _try(f"{self.name}() in {self.path}", function)
        if not callable(function):
            raise InputError(
                f"{self.name} in {self.path} is a {type(function).__name__}: features are made by "
                "a function of a batch of samples, or an nn.Module."
            )
        if isinstance(function, nn.Module):
            function = function.to(device).eval().requires_grad_(False)
            sha.update(weights_hash(function.state_dict()).encode())
        where = f"{self.name} in {self.path}"
        return _Own(f"module:{self.name}:{sha.hexdigest()[:8]}", where, function, device)


@dataclass(frozen=True, eq=False)
class _Own:
    id: str
    where: str
    function: Callable[[Tensor], Any]
    device: torch.device
    preprocessing: str = "as given"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: Float[Tensor, "m ..."]) -> Float[Tensor, "m d"]:
        return torch.cat([self._rows(part.to(self.device)) for part in x.split(AT_ONCE)])

    def _rows(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = _try(self.where, self.function, x)
        if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != len(x):
            shape = (
                tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            )
            raise InputError(
                f"{self.where} makes {shape} of {len(x)} samples: it is to return a tensor with a "
                "row of features for each."
            )
        return features.flatten(1).double().cpu()


def _run(path: Path) -> ModuleType:
    # Under a name that no module has, and in sys.modules: dataclasses look themselves up there.
    name = f"gannets_features_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _try(str(path), spec.loader.exec_module, module)
    return module


def _try(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what is the user's own, and say where what it raises comes from."""
    try:
        return function(*arguments)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what} fails with {type(error).__name__}: {error}.") from error


def _needs_nothing(function: object) -> bool:
    """Whether it is called with no argument: a factory, not features."""
    if isinstance(function, nn.Module) or not callable(function):
        return False
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind not in starred]
    takes_one = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    return not required and not takes_one
