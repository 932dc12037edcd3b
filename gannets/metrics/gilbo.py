"""GILBO: how much a sample tells of the z it was made from.

I(z; x) >= E[log q(z | G(z)) - log p(z)] for any density q, in nats. Alemi and Fischer (2018),
"GILBO: one metric to measure them all", eq. 3. q is trained on pairs (z, G(z)), of which there is
no end, and the bound is taken on fresh ones: no data are needed.

q has the form that fits the prior: a normal density in each coordinate for Gaussian z, a beta
density in each coordinate for uniform z, and for z on the sphere the power spherical density
C (1 + u·v)^k around a direction v (De Cao and Aziz 2020). G is a function, so that I(z; x) is
infinite where it is continuous and one to one: the bound is then as large as q is sharp, and what
it tells is how easily z can be read off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from gannets.errors import InputError
from gannets.game import Gaussian, Prior, Spherical, Stream, Uniform, seeded
from gannets.metrics.comparison import CHUNK, Comparison, Generator, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.resampling import mean_interval
from gannets.updates import Adam, Cosine

__all__ = ["GILBO", "beta_gain", "normal_gain", "power_spherical_gain"]

IGNORED = 0.05
"""Nats, below which z is as good as ignored."""
SHARPEST = 8.0
"""q's standard deviations are at least exp(-8) of the prior's."""
STEEPEST = 5.0
"""Longest gradient that the encoder follows: a sharp q is punished steeply."""


def normal_gain(
    z: Float[Tensor, "m latent"], parameters: Float[Tensor, "m twice"]
) -> Float[Tensor, "m latent"]:
    """The gain log N(z_i; μ_i, s_i²) - log N(z_i; 0, 1), from (μ, log s)."""
    mean, log_s = parameters.chunk(2, 1)
    log_s = log_s.clamp(-SHARPEST, 3)
    return (z.square() - ((z - mean) * torch.exp(-log_s)).square()) / 2 - log_s


def beta_gain(
    z: Float[Tensor, "m latent"], parameters: Float[Tensor, "m twice"]
) -> Float[Tensor, "m latent"]:
    """The log of the beta density of u_i = (z_i/√3 + 1)/2, for z_i uniform on (-√3, √3).

    The uniform density of u is 1, and the change of variable is the same in q and p.
    """
    u = ((z / math.sqrt(3) + 1) / 2).clamp(1e-7, 1 - 1e-7)
    a, b = (softplus(half + math.log(math.e - 1)) + 1e-4 for half in parameters.chunk(2, 1))
    constant = torch.lgamma(a + b) - torch.lgamma(a) - torch.lgamma(b)
    return (a - 1) * u.log() + (b - 1) * torch.log1p(-u) + constant


def power_spherical_gain(
    z: Float[Tensor, "m latent"], parameters: Float[Tensor, "m more"]
) -> Float[Tensor, "m 1"]:
    """The log of C (1 + u·v)^k over the uniform density of the sphere, u = z/|z|, from (v, k).

    1/C = 2^(α+β) π^β Γ(α) / Γ(α+β), α = k + β, β = (d-1)/2 (De Cao and Aziz 2020, section 2).
    """
    d = z.shape[1]
    u = z / z.norm(dim=1, keepdim=True)
    v = parameters[:, :d] / (parameters[:, :d].norm(dim=1, keepdim=True) + 1e-6)
    k = softplus(parameters[:, d:] - 2)
    beta = (d - 1) / 2
    log_c = (
        -(k + 2 * beta) * math.log(2)
        - beta * math.log(math.pi)
        - torch.lgamma(k + beta)
        + torch.lgamma(k + 2 * beta)
    )
    log_area = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    return k * torch.log1p((u * v).sum(1, keepdim=True).clamp(min=-1 + 1e-6)) + log_c + log_area


class _Family(NamedTuple):
    """The form of q: its log density over the prior's, and how many numbers describe one q."""

    name: str
    gain: Callable[[Tensor, Tensor], Tensor]
    numbers: int


@dataclass(frozen=True)
class GILBO:
    """E[log q(z | G(z)) - log p(z)] in nats, a lower bound of I(z; x); near 0 z is ignored.

    The interval is of the bound that this q, as it was trained, has on all z: one trained anew has
    another bound, and three of ten such intervals hold the mean of those. A larger encoder or more
    steps can only raise it on average, so compare generators by equal settings.
    """

    prior: Prior | None = None
    """Where z comes from; None: as the generator or the game says."""
    steps: int = 1_000
    batch: int = 256
    hidden: tuple[int, ...] = (128, 128)
    lr: float = 2e-3
    samples: int = 4_000
    """Fresh pairs on which the bound is taken."""

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, *self.hidden, 1) < 1 or self.samples < 2 or self.lr <= 0:
            raise InputError(
                f"GILBO takes steps, batch and hidden >= 1, samples >= 2 and lr > 0, not {self}."
            )

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, `gilbo`. Cost: G makes steps x batch + samples samples."""
        generator = comparison.generator
        if generator is None:
            raise Unmeasurable(
                "GILBO asks the generator for samples of known latents, and only samples were "
                "given: give a generator, a run or a checkpoint."
            )
        family = self._family(comparison, generator)
        encoder = self._trained(comparison, generator, family)
        parts = self._gains(comparison, generator, encoder, family)
        terms = parts.sum(1)
        value, interval = float(terms.mean()), mean_interval(terms)
        each = parts.mean(0)
        details = {
            "bits": value / math.log(2),
            "posterior": family.name,
            "per_coordinate": each.tolist() if len(each) > 1 else None,
            "coordinates_used": int((each >= IGNORED).sum()) if len(each) > 1 else None,
        }
        return (
            comparison.estimate(
                self,
                "gilbo",
                "GILBO",
                value,
                through="samples",
                n=(0, len(terms)),
                interval=interval,
                better="higher",
                meaning=_meaning(value, interval),
                notes=("The interval is of this encoder: one trained anew has another bound.",),
                details=details,
            ),
        )

    def _family(self, comparison: Comparison, generator: Generator) -> _Family:
        played = comparison.played
        prior = self.prior or getattr(generator, "prior", None) or (played and played.prior)
        match prior:
            case Gaussian(d):
                return _Family("normal", normal_gain, 2 * d)
            case Uniform(d):
                return _Family("beta", beta_gain, 2 * d)
            case Spherical(d) if d >= 2:
                return _Family("power spherical", power_spherical_gain, d + 1)
            case None:
                raise Unmeasurable(
                    "GILBO needs the density of z, and this generator does not say where z comes "
                    "from: give GILBO(prior=Gaussian(100)), Uniform or Spherical."
                )
            case _:
                raise Unmeasurable(
                    f"GILBO knows the density of z for Gaussian, Uniform and Spherical (of 2 "
                    f"dimensions or more), not for {prior!r:.60}."
                )

    def _trained(self, comparison: Comparison, generator: Generator, family: _Family) -> nn.Module:
        draw = comparison.stream("gilbo/train")
        encoder: nn.Module | None = None
        for step in range(self.steps):
            z, x = _pairs(generator, self.batch, draw.at(step))
            if encoder is None:
                first = [_pairs(generator, CHUNK, comparison.stream("gilbo/scale"))[1], x]
                with seeded(comparison.stream("gilbo/init")):
                    encoder = _encoder(torch.cat(first), self.hidden, family.numbers)
                weights = [p for p in encoder.parameters() if p.requires_grad]
                mover = Adam(Cosine(self.lr, 0.0, self.steps), betas=(0.9, 0.999)).build(weights)
            loss = -family.gain(z, encoder(x)).sum(1).mean()
            gradient = torch.autograd.grad(loss, weights)
            norm = torch.stack(torch._foreach_norm(gradient)).norm()
            shorter = (STEEPEST / (norm + 1e-12)).clamp(max=1.0)
            mover.move(torch._foreach_mul(gradient, shorter))
        assert encoder is not None
        return encoder

    @torch.no_grad()
    def _gains(
        self, comparison: Comparison, generator: Generator, encoder: nn.Module, family: _Family
    ) -> Float[Tensor, "n parts"]:
        """The gain log q - log p on fresh pairs, in double precision."""
        draw = comparison.stream("gilbo/test")
        parts = []
        for i, start in enumerate(range(0, self.samples, CHUNK)):
            z, x = _pairs(generator, min(CHUNK, self.samples - start), draw.at(i))
            parts.append(family.gain(z.double(), encoder(x).double()))
        return torch.cat(parts)


class _Standardised(nn.Module):
    """(x - mean) / std; coordinates that do not vary are left at 0."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        std, mean = torch.std_mean(x.double(), 0)
        varies = std > 1e-6 * mean.abs() + 1e-12
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", torch.where(varies, 1 / std, 0.0).float())

    mean: Tensor
    scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


def _encoder(x: Tensor, hidden: tuple[int, ...], outputs: int) -> nn.Module:
    layers: list[nn.Module] = [_Standardised(x)]
    width = x.shape[1]
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU()]
        width = units
    last = nn.Linear(width, outputs)
    with torch.no_grad():  # q begins near the prior
        last.weight.mul_(0.1)
        last.bias.mul_(0.1)
    return nn.Sequential(*layers, last)


@torch.no_grad()
def _pairs(generator: Generator, n: int, stream: Stream) -> tuple[Tensor, Tensor]:
    z = generator.latent(n, stream)
    x = generator(z).float().flatten(1).cpu()
    if not bool(torch.isfinite(x).all()):
        raise InputError(
            "The generator makes NaN or infinity of some latents: go back to an earlier checkpoint."
        )
    return z.float().cpu(), x


def _meaning(value: float, interval: tuple[float, float]) -> str:
    if interval[0] <= 0:
        return "The encoder finds nothing in samples of the z they were made from: G may ignore z."
    if value < IGNORED:
        return f"A sample tells next to nothing of its z ({value:.2g} nats): G may ignore z."
    return f"A sample tells at least {value:.3g} nats ({value / math.log(2):.3g} bits) of its z."
