"""The paper of 2014 line by line: each theorem, figure and table is a file here, and a command.

Each file defines a frozen dataclass, see `common.Reproduction`, and a value of the file's own name.
Its docstring says what is shown and where that stands; `SECTION` places it among the others and
`TAKES` says how long it works, in full and with `--quick`, measured on one free core; it uses as
many threads as torch takes. A file that is added here is a reproduction by that.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gannets.errors import InputError, unknown

if TYPE_CHECKING:
    from gannets.reproduce.common import Claim, Figure, Reproduced, Reproduction
    from gannets.reproduce.common.bench import Bench

__all__ = ["About", "about", "get", "names", "place", "reproduce", "spelt"]

HOME = Path("runs") / "reproduce"


class About(NamedTuple):
    """What there is to know of a reproduction before it is run."""

    name: str
    section: str
    """Of the paper, such as 4.1; 6+ is what later work found."""
    shows: str
    takes: tuple[str, str]
    """How long it works, in full and with `--quick`."""


ORDER = (
    *("figure1", "vanishing_gradient", "k_steps", "proposition1", "theorem1", "proposition2"),
    *("table1_mnist", "table1_faces", "figure2_mnist", "figure2_faces", "figure2_cifar10"),
    *("figure2_cifar10_conv", "figure3"),
)
"""The paper's own; what is not among them comes after, by section and name."""


def names() -> list[str]:
    """The names of all reproductions, in the order of the paper."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    first = [name for name in ORDER if name in found]
    others = [name for name in found if name not in ORDER]
    return first + sorted(others, key=lambda name: (about(name).section, name))


def spelt(name: str) -> str:
    """The name of a reproduction as its file has it; dashes will do. Refuses what is none."""
    module = name.replace("-", "_")
    if module not in names():
        raise unknown("reproduction", name, [each.replace("_", "-") for each in names()])
    return module


@cache
def about(name: str) -> About:
    """What a reproduction's file says of it; the file is read, not run."""
    tree = ast.parse((Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8"))
    said = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("SECTION", "TAKES")
    }
    if missing := {"SECTION", "TAKES"} - set(said):
        raise InputError(f"gannets/reproduce/{name}.py lacks {' and '.join(sorted(missing))}.")
    first = (ast.get_docstring(tree) or "").split("\n\n")[0]
    return About(name, said["SECTION"], " ".join(first.split()), said["TAKES"])


def get(name: str) -> Reproduction:
    """The reproduction of that name, with its settings in full."""
    module = spelt(name)
    found: Reproduction = getattr(importlib.import_module(f"{__name__}.{module}"), module)
    return found


def reproduce(
    name: str,
    *,
    quick: bool = False,
    out: str | Path | None = None,
    runs: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    reproduction: Reproduction | None = None,
    tell: Callable[[Claim | Figure], None] = lambda found: None,
    watch: Callable[[str, int, int], None] = lambda what, done, total: None,
    halted: Callable[[], bool] = lambda: False,
) -> Reproduced:
    """Reproduce what `name` stands for; figures and the report are kept in `out`.

    By default `out` is `runs/reproduce/NAME`, with `-quick` and `-seedN` behind it where they are
    asked for. What is trained is kept in `runs`, by default `runs/reproduce/trained` or
    `trained-quick`, where other reproductions find it.

    `reproduction` is played in place of the one of that name: the same with other settings. `tell`
    is called with each claim and figure as it is found, `watch` with what is being done and how far
    it is; where `halted` says so, `Halted` is raised, and its message says what is kept. Raises
    `InputError` before anything is done where `out` or `runs` cannot be written to.
    """
    from gannets.reproduce.common import Bench

    module = spelt(name)
    work = get(module) if reproduction is None else reproduction
    bench = Bench(
        place(module, quick=quick, out=out, seed=seed),
        trained(quick=quick, runs=runs),
        seed=seed,
        device=device,
        watch=watch,
        halted=halted,
    )
    return _record(module, work.quick() if quick else work, bench, quick=quick, tell=tell)


def place(name: str, *, quick: bool, out: str | Path | None, seed: int = 0) -> Path:
    """The folder of a reproduction, whether or not it is there."""
    if out is not None:
        return Path(out)
    ends = ("-quick" if quick else "", f"-seed{seed}" if seed else "")
    return HOME / "".join((name, *ends))


def trained(*, quick: bool, runs: str | Path | None) -> Path:
    """The folder of what is trained on the way, whether or not it is there."""
    return Path(runs) if runs is not None else HOME / ("trained-quick" if quick else "trained")


def _record(
    name: str,
    work: Reproduction,
    bench: Bench,
    *,
    quick: bool,
    tell: Callable[[Claim | Figure], None],
) -> Reproduced:
    """Let `work` be done at `bench` and keep what it found in `report.json` there."""
    import gannets
    from gannets.reproduce.common import Claim, Figure, Reproduced

    begun = time.perf_counter()
    found: list[Claim | Figure] = []
    for item in work(bench):
        found.append(item)
        tell(item)
        bench.go_on()
    report = Reproduced(
        name=name,
        settings=repr(work),
        quick=quick,
        seed=bench.seed,
        claims=tuple(item for item in found if isinstance(item, Claim)),
        figures=tuple(item for item in found if isinstance(item, Figure)),
        seconds=time.perf_counter() - begun,
        hours=sum(bench.taken.values()),
        version=gannets.__version__,
    )
    report.save(bench.folder())
    return report
