"""What all tests share: shapes are checked, one thread a worker, exact repeats, the real data."""

from __future__ import annotations

import os
import sys
import types

# Before numpy and torch are loaded. One thread a worker: the workers fill the cores. The
# environment carries it to the processes a test starts, so that their sums round alike.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["HF_HUB_OFFLINE"] = "1"

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# The shapes in signatures are checked in tests, and nowhere else. Every worker of pytest-xdist
# reads this file. pytest's option --jaxtyping-packages reaches the workers too, but would hold for
# the documents as well, and they are to run as a reader runs them.
if "gannets" in sys.modules:
    raise RuntimeError(
        "gannets was imported before tests/conftest.py, so its shapes would go unchecked; "
        "import it in the tests, or later than this file."
    )
# To beartype an int is a float too (PEP 484), once it is told; the hook wants its checker by name.
sys.modules["shape_checker"] = types.ModuleType("shape_checker")
sys.modules["shape_checker"].checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # type: ignore[attr-defined]
install_import_hook("gannets", "shape_checker.checked")

torch.set_num_threads(1)

# Where CI is set, the examples hypothesis draws are a function of the test alone.
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.register_profile("repeat", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("repeat" if os.environ.get("CI") else "explore")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that draws from torch's global generator sees the same numbers in any order."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return the path of a real data set, `shared_data("mnist")`, or skip the test that asks.

    The sets lie in the folder that the environment variable GANNETS_DATA names, or else in the
    shared data folder next to the checkout.
    """
    given = os.environ.get("GANNETS_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(given).resolve() if given else beside

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            place = "GANNETS_DATA" if given else "the shared data folder next to the checkout"
            pytest.skip(f"needs the data set {name!r}, which is not in {place}")
        return path

    return find
