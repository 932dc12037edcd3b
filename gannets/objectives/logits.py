"""What every objective is given: D's logits, one number a sample, real and fake.

D's answers of shape (m, 1) next to others of shape (m,) would broadcast in silence to (m, m), and
the loss would be a number that means nothing. So every objective looks at the shapes first;
the numbers are not read, so that a GPU is not waited for.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.theory.divergences import log_masses
from gannets.theory.optimum import optimal_logit

__all__ = ["check_logits", "check_pairs", "log_ratio", "needed"]


def check_logits(*logits: Tensor) -> None:
    """Raise `InputError` unless each is of shape (m,), m >= 1."""
    for some in logits:
        if some.ndim != 1 or some.shape[0] == 0:
            raise InputError(
                f"An objective takes D's logits as a vector (m,) with one number a sample, not "
                f"the shape {tuple(some.shape)}: let D return them flattened, and at least one."
            )


def check_pairs(real: Tensor, fake: Tensor) -> None:
    """Raise `InputError` unless both are of one shape (m,), m >= 1."""
    check_logits(real, fake)
    if real.shape != fake.shape:
        raise InputError(
            f"This objective compares the i-th real sample with the i-th fake one, so it takes as "
            f"many of each, not {len(real)} real and {len(fake)} fake."
        )


def needed(real: Tensor | None) -> Tensor:
    """Return D's logits of real samples, or raise `InputError` where there are none."""
    if real is None:
        raise InputError(
            "This objective's generator is compared with the data: give it D's logits of real "
            "samples too, not real=None."
        )
    return real


def log_ratio(
    p: Float[Tensor, " outcomes"], q: Float[Tensor, " outcomes"]
) -> Float[Tensor, " outcomes"]:
    """The logit of p / (p + q), log p - log q; 0 where neither has mass, for any answer will do."""
    return optimal_logit(log_masses(p), log_masses(q))
