"""Two normals of standard deviation 1 on the line, and the one normal that is nearest to both.

Nearest by an f-divergence, which is the library's by quadrature and is minimised by L-BFGS through
autograd, from a start on either mode and one that covers both; the least is taken. No net, no
sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gannets.theory import GaussLegendre, Mixture, Normal, f_divergence_by_quadrature
from gannets.theory.f_divergences import FDivergence

__all__ = ["Fit", "TwoModes"]


class Fit(NamedTuple):
    """The best normal."""

    mean: float
    std: float
    value: float
    """The divergence there, in nats."""

    @property
    def in_gap(self) -> float:
        """The share of q within one standard deviation of a mode from the middle of both."""

        def below(x: float) -> float:
            return (1 + math.erf((x - self.mean) / self.std / math.sqrt(2))) / 2

        return below(1.0) - below(-1.0)


@dataclass(frozen=True)
class TwoModes:
    """That at -apart/2 has the weight `weight`, that at apart/2 the rest."""

    weight: float = 0.4

    @property
    def side(self) -> float:
        """Where the larger mode is, of apart/2: 1 or -1."""
        return math.copysign(1.0, 0.5 - self.weight)

    def data(self, apart: float) -> Mixture:
        """p_data."""
        modes = Normal(-apart / 2, 1.0), Normal(apart / 2, 1.0)
        return Mixture(modes, weights=(self.weight, 1 - self.weight))

    def fit(self, divergence: FDivergence, apart: float) -> Fit:
        """The normal with the least divergence from p_data, the best of three starts."""
        starts = [(-apart / 2, 1.0), (apart / 2, 1.0), (0.0, 1.0 + apart / 3)]
        return min((self.descend(divergence, apart, s) for s in starts), key=lambda fit: fit.value)

    def descend(self, divergence: FDivergence, apart: float, start: tuple[float, float]) -> Fit:
        """The local minimum that is reached from (mean, std) = `start`."""
        data, reach = self.data(apart), apart / 2 + 2
        rule = GaussLegendre((-8 * reach,), (8 * reach,), panels=64, order=16)
        # Means within `reach`, deviations between .2 and it: no step of L-BFGS leaves the box.
        least, span = 0.2, reach - 0.2
        bounded = torch.tensor([start[0] / reach, (start[1] - least) / span], dtype=torch.float64)
        w = torch.stack([bounded[0].atanh(), bounded[1].logit()]).requires_grad_()

        def normal() -> tuple[Tensor, Tensor]:
            return reach * w[0].tanh(), least + span * w[1].sigmoid()

        optimizer = torch.optim.LBFGS(
            [w],
            max_iter=200,
            tolerance_grad=1e-9,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            return f_divergence_by_quadrature(
                data.log_density,
                lambda x: log_normal(x, *normal()),
                divergence=divergence,
                rule=rule,
            )

        def closure() -> Tensor:
            value = loss()
            (w.grad,) = torch.autograd.grad(value, w)
            return value

        optimizer.step(closure)
        with torch.no_grad():
            mean, std = normal()
            return Fit(float(mean), float(std), float(loss()))

    def moments(self, apart: float) -> tuple[float, float]:
        """Mean and standard deviation of p_data."""
        u = self.weight
        return (0.5 - u) * apart, math.sqrt(1 + u * (1 - u) * apart**2)

    def one_mode(self) -> float:
        """JS where q is the larger mode and the other is infinitely far away."""
        u = max(self.weight, 1 - self.weight)
        both = (1 + u) / 2
        of_q = 0.5 * math.log(1 / both)
        of_data = 0.5 * (u * math.log(u / both) + (1 - u) * math.log(2))
        return of_q + of_data


def log_normal(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The log density of N(mean, std²), differentiable in both."""
    return -((x[:, 0] - mean) / std).square() / 2 - std.log() - math.log(2 * math.pi) / 2
