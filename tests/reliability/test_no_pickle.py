"""Nothing in the package unpickles, evaluates or executes what it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gannets

FILES = sorted(Path(gannets.__file__).parent.rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
CALLS = {
    "torch.load",
    "torch.save",
    "torch.jit.load",
    "torch.package",
    "yaml.load",
    "pd.read_pickle",
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
PICKLING = {"broadcast_object_list", "all_gather_object", "gather_object", "scatter_object_list"}
"""What torch.distributed sends as pickles."""


def offences(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name for name in names if name.split(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "torch.load" and _is_tensors_only(node):
                continue
            if called in CALLS | BUILTINS or called.split(".")[-1] in PICKLING:
                yield called
            yield from (
                f"{called}(allow_pickle)"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            )


def _is_tensors_only(call: ast.Call) -> bool:
    """Whether torch reads nothing but tensors: the public Inception weights come in no other file.

    What such a file may name is a fixed list of torch's own classes; nothing else is called.
    """
    return any(
        keyword.arg == "weights_only"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_of_the_package_can_execute_what_it_reads(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import yaml; yaml.load(x)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "eval(text)",
        "dist.broadcast_object_list(x)",
    ],
)
def test_the_offences_are_seen(text: str) -> None:
    assert list(offences(text))
    assert not list(offences("module.eval(); np.load(path, allow_pickle=False); re.compile(x)"))
    assert not list(offences("torch.load(path, weights_only=True)"))
