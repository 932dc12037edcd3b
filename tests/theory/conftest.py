"""What the tests of the theory share."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import pytest


@pytest.fixture
def production() -> Iterator[None]:
    """Shapes unchecked, as for a user: wrong ones reach our own sentences."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
