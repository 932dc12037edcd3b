"""Instance noise: both sides are seen through Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream

__all__ = ["InstanceNoise"]


@dataclass(frozen=True)
class InstanceNoise:
    """x + N(0, sigma^2), sigma falling linearly to 0 over `steps` updates (0: constant).

    Gives both distributions full support, so that D* and its gradient exist everywhere.
    Sonderby et al. (2017), section 3.3; Arjovsky and Bottou (2017), section 3.
    """

    sigma: float = 0.1
    steps: int = 0

    def __post_init__(self) -> None:
        if self.sigma < 0 or self.steps < 0:
            raise InputError(
                f"InstanceNoise takes sigma >= 0 and steps >= 0, not {self.sigma} and {self.steps}."
            )

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        """The sample with noise."""
        left = max(0.0, 1.0 - step / self.steps) if self.steps else 1.0
        return x + self.sigma * left * random.normal(*x.shape) if left > 0 else x
