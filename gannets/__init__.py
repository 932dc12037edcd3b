"""gannets: train generative adversarial nets, measure how far they are from the data, know why.

The public names are listed in `__init__.pyi`, one per line, for type checkers and for this file,
which imports each when it is first asked for: `gannets --help` does not wait for torch.
"""

import ast
import importlib
from pathlib import Path

__version__ = "0.1.0"


def _public() -> dict[str, str]:
    """The module of every public name, from the stub."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: node.module or ""
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


_modules = _public()
__all__ = [*sorted(_modules), "__version__"]


def __getattr__(name: str) -> object:
    if name not in _modules:
        raise AttributeError(f"module 'gannets' has no attribute {name!r}")
    value = getattr(importlib.import_module(_modules[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
