"""What a Python file says, without running it."""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["data_of", "docstring", "imported"]


def data_of(file: Path) -> str:
    """What the recipe in `file` is for, by its name: `Images("mnist", ...)` is mnist."""
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.keyword) and node.arg == "data":
            match node.value:
                case ast.Call(args=[ast.Constant(value=str(name)), *_]):
                    return name
                case ast.Call(func=ast.Name(id=name)):
                    return name.lower()
    return ""


def imported(file: Path) -> set[str]:
    """The names that the file has from elsewhere."""
    return {
        alias.asname or alias.name
        for node in ast.walk(_parsed(file))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def docstring(file: Path) -> str:
    """The file's docstring, or an empty string."""
    return ast.get_docstring(_parsed(file)) or ""


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return ast.Module(body=[], type_ignores=[])
