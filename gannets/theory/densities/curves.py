"""p(x) = ∫ N(x; c(t), noise² I) w(t) dt: a point of a plane curve plus isotropic Gaussian noise.

The integral is composite Gauss-Legendre in t with panels no longer than the noise along the curve,
in log-sum-exp: log p is right to 1e-9 about the curve and to 1e-6 ten standard deviations off it.
The score is the exact gradient of that sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.densities.protocol import check_positive, delivered, normal, uniform
from gannets.theory.densities.smoothing import log_smoothed, smoothed_score
from gannets.theory.quadrature import GaussLegendre

ORDER = 8


@dataclass(frozen=True)
class TwoMoons:
    """Two half circles of radius 1, uniform in angle: (cos t, sin t) and (1 - cos t, 1/2 - sin t).

    t in [0, π], plus N(0, noise² I); the "moons" of scikit-learn. Mean (1/2, 1/4).
    """

    noise: float = 0.1

    def __post_init__(self) -> None:
        """Refuse noise that is not positive."""
        check_positive(noise=self.noise)

    @property
    def dimension(self) -> int:
        return 2

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """None: (0, 2)."""
        return torch.empty(0, 2, dtype=torch.float64)

    @property
    def scale(self) -> float:
        return self.noise

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        u, noise = uniform(n, 2, generator), normal(n, 2, generator)
        upper, lower = self._arcs(math.pi * u[:, 0])
        x = torch.where(u[:, 1:] < 0.5, upper, lower)
        return delivered(x + self.noise * noise, dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        centres, log_weights = self._nodes()
        return log_smoothed(x, centres=centres, log_weights=log_weights, sigma=self.noise)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        centres, log_weights = self._nodes()
        return smoothed_score(x, centres=centres, log_weights=log_weights, sigma=self.noise)

    def _arcs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        upper = torch.stack([t.cos(), t.sin()], dim=1)
        return upper, torch.tensor([1.0, 0.5], dtype=t.dtype, device=t.device) - upper

    def _nodes(self) -> tuple[Tensor, Tensor]:
        t, weights = _panels(math.pi, length=math.pi, noise=self.noise)
        upper, lower = self._arcs(t)
        return torch.cat([upper, lower]), (weights / (2 * math.pi)).log().repeat(2)


@dataclass(frozen=True)
class Spirals:
    """`arms` spirals c(t) = radius t (cos a, sin a), a = 2π (turns t + j / arms), t in [0, 1].

    t = √u with u uniform, which spreads points nearly evenly along an arm; plus N(0, noise² I).
    """

    arms: int = 2
    turns: float = 1.0
    radius: float = 2.0
    noise: float = 0.1

    def __post_init__(self) -> None:
        """Refuse an empty spiral and noise that is not positive."""
        check_positive(arms=self.arms, turns=self.turns, radius=self.radius, noise=self.noise)

    @property
    def dimension(self) -> int:
        return 2

    @property
    def modes(self) -> Float[Tensor, "k d"]:
        """None: (0, 2)."""
        return torch.empty(0, 2, dtype=torch.float64)

    @property
    def scale(self) -> float:
        return self.noise

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
    ) -> Float[Tensor, "n d"]:
        u, noise = uniform(n, 2, generator), normal(n, 2, generator)
        x = self._curve(u[:, 0].sqrt(), (self.arms * u[:, 1]).floor())
        return delivered(x + self.noise * noise, dtype, device)

    def log_density(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        centres, log_weights = self._nodes()
        return log_smoothed(x, centres=centres, log_weights=log_weights, sigma=self.noise)

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        centres, log_weights = self._nodes()
        return smoothed_score(x, centres=centres, log_weights=log_weights, sigma=self.noise)

    def _curve(self, t: Tensor, arm: Tensor) -> Tensor:
        angle = 2 * math.pi * (self.turns * t + arm / self.arms)
        return self.radius * t[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)

    def _nodes(self) -> tuple[Tensor, Tensor]:
        fastest = self.radius * math.hypot(1, 2 * math.pi * self.turns)  # |c'(t)| at t = 1
        t, weights = _panels(1.0, length=fastest, noise=self.noise)
        log_weights = (weights * 2 * t / self.arms).log()
        arm = torch.arange(self.arms, dtype=t.dtype).repeat_interleave(len(t))
        return self._curve(t.repeat(self.arms), arm), log_weights.repeat(self.arms)


def _panels(end: float, *, length: float, noise: float) -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, end], every panel at most one noise long on the curve."""
    rule = GaussLegendre((0.0,), (end,), panels=math.ceil(length / noise), order=ORDER)
    t, weights = rule.nodes()
    return t[:, 0], weights
