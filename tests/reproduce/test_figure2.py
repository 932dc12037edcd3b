"""Figure 2: how much of its samples G may repeat, and what is said of it."""

from __future__ import annotations

import torch

from gannets.metrics import Memorisation
from gannets.reproduce.common import Claim
from gannets.reproduce.common.nearest_sheet import Panel
from tests.metrics.helpers import compare


def judged(repeated: float, *, n: int = 2_000, seed: int = 0) -> tuple[Claim, ...]:
    """What is said of a G that gives this share of its training samples back, a little moved."""
    draw = torch.Generator().manual_seed(seed)
    train, held, fake = (torch.randn(n, 4, generator=draw) for _ in range(3))
    copies = round(repeated * len(fake))
    noise = 0.01 * torch.randn(copies, 4, generator=draw)
    fake[:copies] = train[:copies] + noise
    comparison = compare(held, fake, train=train, holdout=held, seed=seed)
    share = next(e for e in Memorisation()(comparison) if e.key == "closer_to_train")
    return tuple(Panel("").nearness(share))


def test_one_sample_in_five_is_too_much() -> None:
    """Their share is 0.6, and the upper end of its interval is above it but for one in forty."""
    found, bound = judged(0.0)
    assert found.holds is None
    assert bound.holds
    for repeated in (0.2, 0.4):
        found, bound = judged(repeated)
        assert found.measured.endswith("nearer to training")
        assert not bound.holds


def test_of_few_samples_nothing_is_said() -> None:
    """Copies or none: the interval of a hundred is wider than what is asked of it."""
    for repeated in (0.0, 0.4):
        (found,) = judged(repeated, n=100)
        assert found.holds is None
        assert found.measured.endswith("too few to tell")
