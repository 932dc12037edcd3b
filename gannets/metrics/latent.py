"""The generator as a map: how fast its samples change along paths, and how unevenly.

Both metrics ask the generator itself, in the precision it computes in: samples that were rounded to
8 bits would show their steps instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.comparison import CHUNK, Comparison, Generator, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.interpolation import lerp, slerp
from gannets.metrics.resampling import mean_interval, normal_interval

__all__ = ["JacobianConditioning", "PathLength", "jacobian", "log_condition", "trimmed_mean"]

NUMBERS = 1 << 24
"""Numbers in the Jacobians that are held at once."""


def trimmed_mean(values: Float[Tensor, " n"], *, share: float) -> tuple[float, float]:
    """The mean without the lowest and highest `share`, and its standard error.

    The error is that of Tukey and McLaughlin (1963): values beyond are drawn in to the last that
    are kept, s_w / ((1 - 2 share) √n), for the cut points are estimated too.
    """
    n = len(values)
    cut = int(share * n)
    ordered = values.double().sort().values
    kept = ordered[cut : n - cut]
    drawn_in = ordered.clamp(float(kept[0]), float(kept[-1]))
    return float(kept.mean()), float(drawn_in.std()) / ((1 - 2 * cut / n) * math.sqrt(n))


@dataclass(frozen=True)
class PathLength:
    """Perceptual path length, E |f(G(z(t + ε))) - f(G(z(t)))|² / ε² along paths between latents.

    Karras et al. (2019), section 4.1: z1, z2 from the prior, t uniform on (0, 1) or 0, the largest
    and smallest 1 % left out. f is the comparison's feature map (theirs: VGG16, LPIPS). Directions
    go along the great circle for Gaussian and spherical priors, z along a straight line for uniform
    ones; differences are of the generator's own numbers, never of rounded images. Units: squared
    features over the squared share of a path. An ε much smaller measures rounding errors (there is
    a note where it does), a much larger one steps over what is in between.
    """

    epsilon: float = 1e-4
    samples: int = 4_000
    sampling: Literal["full", "end"] = "full"
    interpolation: Literal["auto", "slerp", "lerp"] = "auto"
    trim: float = 0.01

    def __post_init__(self) -> None:
        if not (0 < self.epsilon < 1 and self.samples >= 2 and 0 <= self.trim < 0.5):
            raise InputError(
                "PathLength takes 0 < epsilon < 1, samples >= 2 and 0 <= trim < .5, not "
                f"epsilon={self.epsilon}, samples={self.samples}, trim={self.trim}."
            )
        for field, given, valid in (
            ("sampling", self.sampling, ("full", "end")),
            ("interpolation", self.interpolation, ("auto", "slerp", "lerp")),
        ):
            if given not in valid:
                raise InputError(f"PathLength.{field} is {given!r}; valid are {', '.join(valid)}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, `ppl`. Cost: G and the features of 4 x `samples` samples."""
        generator = _generator(comparison, "Path length")
        straight = self.interpolation == "lerp" or (
            self.interpolation == "auto" and _in_a_box(generator, comparison)
        )
        speeds, chords, rounding = self._speeds(comparison, generator, straight)
        value, error = trimmed_mean(speeds, share=self.trim)
        low, high = normal_interval(value, error)
        chord = float(chords.mean())
        detour = math.sqrt(float(speeds.mean()) / chord) if chord > 0 else None
        details = {
            "interpolation": "lerp" if straight else "slerp",
            "untrimmed": float(speeds.mean()),
            "median": float(speeds.median()),
            "mean_squared_chord": chord,
            "detour": detour,
            "rounding": rounding,
        }
        return (
            comparison.estimate(
                self,
                "ppl",
                "PPL",
                value,
                n=(0, len(speeds)),
                interval=(max(low, 0.0), high),
                meaning=_how_far(value, detour),
                notes=_rounded(value, rounding, self.epsilon),
                details=details,
            ),
        )

    @torch.no_grad()
    def _speeds(
        self, comparison: Comparison, generator: Generator, straight: bool
    ) -> tuple[Tensor, Tensor, float]:
        """|Δf|²/ε² and |f(G(z2)) - f(G(z1))|² of each path, and what rounding makes of one."""
        path = lerp if straight else slerp
        latents, times = comparison.stream("ppl/latent"), comparison.stream("ppl/time")
        speeds, chords, rounding = [], [], 0.0
        for i, start in enumerate(range(0, self.samples, CHUNK)):
            m = min(CHUNK, self.samples - start)
            ends = generator.latent(2 * m, latents.at(i))
            a, b = ends.double().chunk(2)
            t = times.at(i).uniform(m).double() * (1 - self.epsilon) * (self.sampling == "full")
            points = (a, b, path(a, b, t.to(a.device)), path(a, b, t.to(a.device) + self.epsilon))
            images = [generator(z.to(ends.dtype)) for z in points]
            one, two, here, there = (comparison.map(x).double().cpu() for x in images)
            speeds.append((there - here).square().sum(1) / self.epsilon**2)
            chords.append((two - one).square().sum(1))
            unit = torch.finfo(images[2].dtype).eps
            rounding += float((unit * here).square().sum()) / self.epsilon**2
        every = torch.cat(speeds)
        if not bool(torch.isfinite(every).all()):
            raise InputError(
                "The generator, or the features of what it makes, are not finite on some paths: "
                "go back to an earlier checkpoint, or choose other features."
            )
        return every, torch.cat(chords), rounding / self.samples


def jacobian(generator: Generator, z: Float[Tensor, "m latent"]) -> Float[Tensor, "m d latent"]:
    """dG/dz at each z, samples flattened, float64.

    G makes each sample of its own z alone, so that one pass serves all points. It takes a backward
    pass a number of a sample or, where z has fewer, one a latent coordinate through the backward
    pass itself: u -> Jᵀu is linear, and the gradient of its j-th coordinate in u is J's column j.
    Raises `InputError` where G changes with z but autograd does not see it.
    """
    z = z.detach().clone().requires_grad_()
    with torch.enable_grad():
        x = generator(z).flatten(1)
        if not x.requires_grad:
            if bool((x != x[:1]).any()):
                raise InputError(
                    "The generator's samples hang on z, but autograd does not see how: let it "
                    "compute without torch.no_grad() and detach()."
                )
            return torch.zeros(len(z), x.shape[1], z.shape[1], dtype=torch.float64)
        if z.shape[1] > x.shape[1]:
            return _columns(x, z).transpose(1, 2)
        u = torch.zeros_like(x, requires_grad=True)
        (pulled,) = torch.autograd.grad(x, z, u, create_graph=True, materialize_grads=True)
    return _columns(pulled, u)


def _columns(y: Float[Tensor, "m k"], x: Float[Tensor, "m d"]) -> Float[Tensor, "m d k"]:
    """The gradients of the coordinates of y in x; 0 where y does not hang on x."""
    if not y.requires_grad:
        return torch.zeros(len(y), x.shape[1], y.shape[1], dtype=torch.float64)
    one = [
        torch.autograd.grad(each, x, retain_graph=True, materialize_grads=True)[0]
        for each in y.sum(0)
    ]
    return torch.stack(one, 2).double().cpu()


def log_condition(j: Float[Tensor, "m d latent"], *, precision: float) -> Float[Tensor, " m"]:
    """The log condition number of JᵀJ, log λ_max/λ_min; inf where J loses rank.

    Where samples have fewer numbers than z, it is that of JJᵀ. Singular values are taken of J
    itself: squaring it first would lose half the digits. `precision` is the rounding unit that J
    was computed in; what is below it is 0.
    """
    s = torch.linalg.svdvals(j.double())
    largest, smallest = s[:, 0], s[:, -1]
    lost = smallest <= precision * max(j.shape[1:]) * largest
    ratio = largest / torch.where(lost, 1.0, smallest)
    return torch.where(lost, torch.inf, 2 * ratio.log())


@dataclass(frozen=True)
class JacobianConditioning:
    """Mean log condition number of JᵀJ, J = dG/dz, over z from the prior; natural logarithm.

    Odena et al. (2018), "Is generator conditioning causally related to GAN performance?",
    section 3. 0: G stretches all directions alike; large: it is deaf to some directions of z.
    Points where J loses rank, as far as G's precision shows, have an infinite one; they are counted
    and left out of the mean, unless they are most: the mean is infinite then.
    """

    points: int = 200

    def __post_init__(self) -> None:
        if self.points < 2:
            raise InputError(f"JacobianConditioning takes points >= 2, not {self.points}.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, `jacobian`. Cost: G on `points` latents, min(latent, d) times."""
        generator = _generator(comparison, "The condition of G's Jacobian")
        z = generator.latent(self.points, comparison.stream("jacobian"))
        with torch.no_grad():
            x = generator(z[:1])
        each = max(1, NUMBERS // (x.numel() * z.shape[1]))
        unit = torch.finfo(x.dtype).eps
        found = [log_condition(jacobian(generator, part), precision=unit) for part in z.split(each)]
        logs = torch.cat(found)
        finite = logs[torch.isfinite(logs)]
        infinite = len(logs) - len(finite)
        typical = 2 * infinite <= len(logs) and len(finite) > 0
        value = float(finite.mean()) if typical else math.inf
        fewer = x.numel() < z.shape[1]
        return (
            comparison.estimate(
                self,
                "jacobian",
                "Jacobian condition",
                value,
                through="samples",
                n=(0, len(finite)),
                interval=mean_interval(finite) if typical and len(finite) > 1 else None,
                meaning=_how_even(value, infinite, len(logs)),
                notes=_ranks(infinite, len(logs), fewer),
                details=_spread(finite) | {"points": len(logs), "infinite": infinite},
            ),
        )


def _generator(comparison: Comparison, what: str) -> Generator:
    if comparison.generator is None:
        raise Unmeasurable(
            f"{what} is asked of the generator itself, and only samples were given: give a "
            "generator, a run or a checkpoint."
        )
    return comparison.generator


def _in_a_box(generator: Generator, comparison: Comparison) -> bool:
    """Whether z is uniform in a box, seen from draws: no normal number is so often below √3."""
    z = generator.latent(2_000, comparison.stream("ppl/prior")).double()
    lengths = z.norm(dim=1)
    if z.shape[1] > 1 and float(lengths.std()) <= 1e-4 * float(lengths.mean()):
        return False  # on a sphere
    return z.shape[1] == 1 or float(z.abs().max()) <= math.sqrt(3) * (1 + 1e-6)


def _how_far(value: float, detour: float | None) -> str:
    if value == 0:
        return "Nothing changes along paths between latents: G is constant."
    if detour is None:
        return "Samples change along paths, though both ends are alike."
    return (
        f"On the way from one sample to another the features move {detour:.2g} times as fast as on "
        "the straight line between them (root mean squares)."
    )


def _rounded(value: float, rounding: float, epsilon: float) -> tuple[str, ...]:
    if value > 0 and rounding > 0.01 * value:
        return (
            f"Rounding errors of G alone make about {rounding:.2g} of it: take an epsilon larger "
            f"than {epsilon:g}, or G in double precision.",
        )
    return ()


def _how_even(value: float, infinite: int, points: int) -> str:
    if math.isinf(value):
        return (
            f"At {infinite / points:.0%} of points some directions of z change nothing: G uses "
            "fewer dimensions than z has."
        )
    text = f"G stretches its steepest direction {math.exp(min(value / 2, 700)):.3g} times as much "
    text += "as its flattest, typically"
    return (
        f"{text}; at {infinite / points:.0%} of points some change nothing."
        if infinite
        else f"{text}."
    )


def _ranks(infinite: int, points: int, fewer: bool) -> tuple[str, ...]:
    notes = []
    if infinite:
        notes.append(
            f"At {infinite:,} of {points:,} points J loses rank: they are not in the mean."
        )
    if fewer:
        notes.append("Samples have fewer numbers than z: the condition is that of JJᵀ.")
    return tuple(notes)


def _spread(finite: Tensor) -> dict[str, float | None]:
    if len(finite) < 2:
        return {"std": None, "median": None}
    return {"std": float(finite.std()), "median": float(finite.median())}
