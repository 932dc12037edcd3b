"""What a probe sees of G: its outputs, beside the data, and at latents that are always the same.

Everything is seen in evaluation (no dropout, running statistics), draws from streams of its own and
leaves the nets as they were: a game with probes and one without are equal, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gannets.diagnosis import Outputs
from gannets.diagnosis.probe import DIRECTIONS
from gannets.game import PLAYERS, Players, Stream
from gannets.nets.output import Output
from gannets.training.state import State

__all__ = ["LATENTS", "Rows", "Scene", "evaluating", "outputs_of", "weights_of"]

LATENTS = 64
"""Fixed latents whose outputs are followed."""
TRACKED = 8
LIKE, AGAIN = 16, 256
"""Latents, and samples of each, where G draws noise of its own: 4,096 leave an error of 0.04 in the
spread over z, in units of that of the noise, in the plane."""
ROUNDING = 8
"""How far beyond its interval a last step may give by rounding, in units of the last place."""
SHAPES = (nn.Flatten, nn.Unflatten, nn.Identity)
"""Layers that change no value."""
Rows = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """What one probe looks at: fresh samples and latents, and latents that are always the same.

    Fresh ones, so that the errors of one probe are not those of the next.
    """

    held: Rows
    """Samples that G and D are not trained on, where there are such; else ones they are."""
    train: Rows
    z: Float[Tensor, "n latent"]
    y: Int64[Tensor, " n"] | None
    """The labels that z goes with."""
    always: Rows
    """Latents that are the same in all probes, and their labels."""
    centre: Float[Tensor, "*event"]
    """Mean of the data,"""
    scale: float
    """and their spread, √(tr cov)."""
    seed: int


@contextmanager
def evaluating(players: Players[nn.Module], *more: nn.Module) -> Iterator[None]:
    """Let nets be in evaluation, every module of them as it was afterwards."""
    modules = [
        m for net in (players.generator, players.discriminator, *more) for m in net.modules()
    ]
    before = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training


def weights_of(state: State) -> Players[list[Tensor]]:
    """A copy of both players' weights."""
    return state.parameters.map(lambda weights: [w.detach().clone() for w in weights])


def outputs_of(
    state: State,
    scene: Scene,
    *,
    fakes: Tensor,
    raw: Tensor | None,
    followed: tuple[Tensor, Tensor],
    before: tuple[Tensor, Players[list[Tensor]]] | None,
) -> Outputs:
    """What G makes of the fixed latents, and how it has moved since `before`, ten updates ago.

    `fakes` are of the generator that is sampled from, `raw` of the last weights where these are
    others; `followed` is what both make of the latents that are always the same.
    """
    held, (average, last) = scene.held[0], followed
    moved, still = dict[str, float](), dict[str, float]()
    move = None
    if before is not None:
        earlier, weights = before
        change = (last - earlier).flatten(1).double().square().sum(1).mean()
        move = math.sqrt(float(change)) / scene.scale
        for player in PLAYERS:
            moved[player], still[player] = _movement(weights[player], state.parameters[player])
    owned = {id(weight) for weight in state.parameters.generator}
    (low, high), (real_low, real_high) = _ends(fakes), _ends(held)
    effect, agreement = _labels_effect(state, scene)
    least, greatest = _reach(state.players.generator, fakes if raw is None else raw)
    margin = _margin((least, greatest), 1e-6)
    return Outputs(
        move=move,
        moved=moved,
        still=still,
        size={p: _size(state.parameters[p]) for p in PLAYERS},
        track=_track(average, scene),
        track_raw=() if raw is None else _track(last, scene),
        latent_effect=_latent_effect(state, scene, fakes),
        label_effect=effect,
        label_agreement=agreement,
        low=float(low),
        high=float(high),
        real_low=float(real_low),
        real_high=float(real_high),
        outside=float(((held < least - margin) | (held > greatest + margin)).double().mean()),
        least=least,
        greatest=greatest,
        shared=sum(id(weight) in owned for weight in state.parameters.discriminator),
    )


def _ends(x: Tensor) -> tuple[float, float]:
    """The least and the greatest value, 0.1 % left out on both ends."""
    some = x.flatten().double().cpu()[:: max(1, x.numel() // 100_000)]
    # NumPy parts the values at two places, where torch sorts all of them: a tenth of a probe.
    low, high = np.quantile(some.numpy(), (0.001, 0.999))
    return float(low), float(high)


def _movement(before: Sequence[Tensor], now: Sequence[Tensor]) -> tuple[float, float]:
    """|w - w'| / |w|, and the share of weights that are what they were."""
    change, same, count = 0.0, 0, 0
    for a, b in zip(before, now, strict=True):
        change += float((a - b.detach()).double().square().sum())
        same += int((a == b.detach()).sum())
        count += a.numel()
    size = _size(now)
    return math.sqrt(change) / size if size > 0 else 0.0, same / count if count else 0.0


def _size(weights: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(w.detach().double().square().sum()) for w in weights))


def _track(outputs: Tensor, scene: Scene) -> tuple[float, ...]:
    """Some latents' outputs along fixed random directions, in units of the data's spread."""
    x = (outputs[:TRACKED] - scene.centre).flatten(1).double().cpu()
    directions = Stream(scene.seed, "probe/directions").normal(x.shape[1], DIRECTIONS).double()
    found = x @ (directions / directions.norm(dim=0)) / (scene.scale / math.sqrt(x.shape[1]))
    return tuple(round(float(v), 5) for v in found.flatten())


def _latent_effect(state: State, scene: Scene, fakes: Tensor) -> float:
    """The spread of fakes within a class, as z makes it, over that of data within a class."""
    z, y = (None if part is None else part[:LIKE] for part in scene.always)
    assert z is not None
    with evaluating(state.players, state.generator):
        once, again = (state.generator(*((z,) if y is None else (z, y))) for _ in range(2))
    own = not torch.equal(once, again)
    made = _by_latent(state, z, y) if own else _within(fakes, scene.y)
    labels = scene.held[1] if scene.y is not None else None
    return made / max(_within(scene.held[0], labels), 1e-30)


def _by_latent(state: State, z: Tensor, y: Tensor | None) -> float:
    """The spread over z of G's means at z and one class, where G draws noise of its own.

    Of the variance of means over r draws, the r-th part of the noise's is taken off.
    """
    labels = () if y is None else (y[:1].expand(len(z) * AGAIN),)
    with evaluating(state.players, state.generator):
        made = state.generator(z.repeat_interleave(AGAIN, 0), *labels).flatten(1).double()
    made = made.reshape(len(z), AGAIN, -1)
    noise = float(made.var(1).mean(0).sum())
    return math.sqrt(max(float(made.mean(1).var(0).sum()) - noise / AGAIN, 0.0))


def _within(x: Tensor, y: Tensor | None) -> float:
    x = x.flatten(1).double()
    if y is None:
        return math.sqrt(float(x.var(0).sum()))
    parts = [x[y == c] for c in y.unique()]
    total = sum(float((part - part.mean(0)).square().sum()) for part in parts)
    return math.sqrt(total / max(len(x) - len(parts), 1))


def _labels_effect(state: State, scene: Scene) -> tuple[float | None, float | None]:
    """The spread over classes of G's class means, all from the same latents, over the data's; and
    the slope of the former on the latter.
    """
    classes = state.space.classes
    if classes is None or scene.y is None or scene.held[1] is None:
        return None, None
    x, y = scene.held[0].flatten(1).double(), scene.held[1]
    seen = y.unique()
    if len(seen) < 2:
        return None, None
    z = scene.z[: max(LATENTS // classes, 8)]
    with evaluating(state.players, state.generator):
        labels = seen.repeat_interleave(len(z))
        made = state.generator(z.repeat(len(seen), 1), labels).flatten(1).double()
    fake = made.reshape(len(seen), len(z), -1).mean(1)
    real = torch.stack([x[y == c].mean(0) for c in seen])
    fake, real = fake - fake.mean(0), real - real.mean(0)
    square = float(real.square().sum())
    if not square > 0:
        return None, None
    return math.sqrt(float(fake.square().sum()) / square), float((fake * real).sum()) / square


def _reach(generator: nn.Module, made: Tensor) -> tuple[float, float]:
    """Least and greatest value that the generator's last step can give.

    That is read off its last module, in the order in which they were registered. Where what it has
    `made` lies beyond, that is not its last step, and what it can give is not known.
    """
    found = [(m.low, m.high) for m in generator.modules() if isinstance(m, Output)]
    if not found:
        steps = [m for m in generator.modules() if not isinstance(m, SHAPES)]
        last = steps[-1] if steps else generator
        known = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), nn.ReLU: (0.0, math.inf)}
        found = [known[type(last)]] if type(last) in known else []
    least, greatest = found[-1] if found else (-math.inf, math.inf)
    margin = _margin((least, greatest), ROUNDING * torch.finfo(made.dtype).eps)
    if bool(((made < least - margin) | (made > greatest + margin)).any()):
        return -math.inf, math.inf
    return least, greatest


def _margin(ends: tuple[float, float], share: float) -> float:
    """A share of the larger of an interval's finite ends, or of one."""
    return share * max([1.0, *(abs(end) for end in ends if math.isfinite(end))])
