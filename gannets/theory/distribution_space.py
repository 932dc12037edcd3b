"""p_g <- p_g exp(-η log(1 - D*)) / Z: Proposition 2 as an algorithm on a finite space.

Reference: Goodfellow et al. 2014, Proposition 2: if D reaches its optimum at each step and p_g is
then updated so as to improve the criterion, p_g converges to p_data. C(p_g) = sup_D V(p_g, D) is
convex in p_g and log(1 - D*) is its subgradient. The update is mirror descent on the simplex
(exponentiated gradient; Nemirovski and Yudin 1983, Beck and Teboulle 2003).

Entropy minus C is convex, so C is 1-smooth relative to entropy; for 0 < η <= 1 it follows (Lu,
Freund and Nesterov 2018, Theorem 3.1) that C never increases and

    C(p_t) + log 4 <= KL(p_data || p_0) / (η t).

Near p_data the error is multiplied by 1 - η/2 a step: the Hessian of C is half that of entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.theory.divergences import Masses, check_masses
from gannets.theory.optimum import criterion, generator_gradient


@dataclass(frozen=True, eq=False)
class Descent:
    """A trajectory in distribution space: p_g (steps + 1, k) and C(p_g) (steps + 1,)."""

    p_g: Float[Tensor, "steps_and_start k"]
    criterion: Float[Tensor, " steps_and_start"]


def mirror_step(p_data: Masses, p_g: Masses, *, step_size: float) -> Masses:
    """One step: D to its optimum, then p_g <- p_g (1 - D*)^(-η) / Z, in logarithms.

    ValueError unless step_size > 0 and p_g is positive wherever p_data is (a multiplicative step
    cannot create mass where there is none).
    """
    check_masses(p_data, p_g)
    if not step_size > 0:
        raise ValueError(f"step_size={step_size} must be positive; C decreases surely up to 1.")
    if bool(((p_g == 0) & (p_data > 0)).any()):
        raise ValueError(
            "p_g is 0 where p_data is not: start from a p_g that is positive wherever p_data is."
        )
    gradient = generator_gradient(p_data, p_g)
    return (p_g.log() - step_size * gradient).softmax(dim=-1)


def descend(
    p_data: Float[Tensor, " k"], p_g: Float[Tensor, " k"], *, step_size: float, steps: int
) -> Descent:
    """The whole trajectory of `steps` mirror steps from `p_g`, with C at each point.

    ValueError as in `mirror_step`, or for steps < 0.
    """
    if steps < 0:
        raise ValueError(f"steps={steps} must be 0 or more.")
    trajectory = [p_g]
    for _ in range(steps):
        trajectory.append(mirror_step(p_data, trajectory[-1], step_size=step_size))
    path = torch.stack(trajectory)
    return Descent(p_g=path, criterion=criterion(p_data.expand_as(path), path))


def local_rate(step_size: float) -> float:
    """|1 - η/2|: the factor of the error p_g - p_data per step near p_data (full support)."""
    return abs(1 - step_size / 2)
