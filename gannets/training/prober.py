"""Probes a game as it is played: what the rules of `gannets.diagnosis` are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gannets.data import Source
from gannets.diagnosis import Case, Clones, Finding, Learned, Probe, Referee, compare, diagnosed
from gannets.diagnosis.order import answers
from gannets.diagnosis.referee import FEWEST
from gannets.errors import InputError
from gannets.game import PLAYERS, Players, Stream
from gannets.metrics.comparison import Comparison, FeatureMap
from gannets.metrics.duality import DualityGap, discriminator_gains
from gannets.metrics.features import PCA, Auto, Extractor, extractor
from gannets.metrics.memorisation import Memorisation
from gannets.metrics.samples import Samples
from gannets.training.observed import (
    LATENTS,
    Rows,
    Scene,
    evaluating,
    outputs_of,
    verdicts_of,
    weights_of,
)
from gannets.training.probing import Probing
from gannets.training.state import State
from gannets.training.subject import game_of, held_out

__all__ = ["Prober"]

APART = 10
"""Updates over which movement is seen."""
FIRST = 50
"""The first probe: set-up faults show at once."""
AXES = 32
"""Principal axes through which images and wide rows are seen."""
KNOWN = 1_000
"""Training and held-out samples that memorisation is asked of."""
FAR = 1 << 31
"""Where batches of a density begin that are seen by probes: far from those that are trained on."""
AGAIN = 10
"""Probes between two trainings of copies of D."""


class Prober:
    """Probes a game, and knows what the probes so far say of it."""

    def __init__(self, state: State, probing: Probing) -> None:
        self._state, self._probing = state, probing
        self._fixed: Scene | None = None
        self._map: FeatureMap | None = None
        self._known: Comparison | None = None
        self._before: tuple[int, Tensor, Players[list[Tensor]]] | None = None
        self.probes: list[Probe] = []
        """Those so far, oldest first."""

    def rewind(self) -> None:
        """Forget what was seen of what has been taken back."""
        self.probes = [probe for probe in self.probes if probe.step <= self._state.step]

    def look(self) -> Probe | None:
        """What is due after this update: a probe, or a note of where G is, for the next one."""
        step = self._state.step
        if self._due(step + APART):
            always = (self._fixed or self._begin()).always
            with evaluating(self._state.players):
                early = _made(self._state.players.generator, *always)
            self._before = step, early, weights_of(self._state)
        return self.probe() if self._due(step) else None

    def probe(self, *, clones: int | None = None) -> Probe:
        """Look at the game as it is. `clones`: train copies of D for so many updates (None: where
        a verdict hangs on them).
        """
        probe = self._seen()
        self.probes = [p for p in self.probes if p.step < probe.step] + [probe]
        if clones is None and self._asks():
            clones = self._probing.clones
        if clones:
            probe = replace(probe, clones=self._clones(clones))
            self.probes[-1] = probe
        return probe

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of a probe that was begun: where G was ten updates before it."""
        if self._before is None or self._before[0] + APART <= self._state.step:
            return {}
        _, early, weights = self._before
        kept = {f"probe.{p}.{i}": w for p in PLAYERS for i, w in enumerate(weights[p])}
        return {"probe.outputs": early, **kept}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up a probe that was begun."""
        state = self._state
        if "probe.outputs" not in tensors:
            return
        weights = Players(
            *(
                [
                    tensors[f"probe.{p}.{i}"].to(state.device)
                    for i in range(len(state.parameters[p]))
                ]
                for p in PLAYERS
            )
        )
        step = next(s for s in range(state.step + 1, state.step + APART + 1) if self._due(s))
        self._before = step - APART, tensors["probe.outputs"].to(state.device), weights

    @property
    def case(self) -> Case:
        """The run as the rules see it."""
        return Case(
            probes=tuple(self.probes),
            recipe=self._state.recipe,
            endless=self._state.source.endless,
        )

    @property
    def finding(self) -> Finding | None:
        """What the probes so far say; None before the first."""
        return diagnosed(self.case) if self.probes else None

    def _due(self, step: int) -> bool:
        return step > 0 and (step % self._probing.every == 0 or step == FIRST)

    def _asks(self) -> bool:
        if not self._probing.clones:
            return False
        if any(probe.clones is not None for probe in self.probes[-AGAIN:]):
            return False
        return any(answer.asks for answer in answers(self.case))

    def _seen(self) -> Probe:
        state = self._state
        scene = self._fresh()
        n = len(scene.z)
        net, last = state.generator, state.players.generator
        with evaluating(state.players, net):
            fakes = _made(net, scene.z, scene.y)
            raw = _made(last, scene.z, scene.y) if state.averaged else None
            followed = _made(net, *scene.always), _made(last, *scene.always)
        before = None
        if self._before is not None and self._before[0] == state.step - APART:
            before = self._before[1:]
        outputs = outputs_of(state, scene, fakes=fakes, raw=raw, followed=followed, before=before)
        there = n >= FEWEST and bool(torch.isfinite(fakes).all())
        leak, leak_p = self._leak(scene, fakes) if there else (None, None)
        return Probe(
            step=state.step,
            n=n,
            referee=self._judge(scene, fakes) if there else None,
            raw=self._judge(scene, raw) if there and raw is not None else None,
            verdicts=verdicts_of(state, scene),
            outputs=outputs,
            learned=self._learned(fakes) if there else None,
            leak=leak,
            leak_p=leak_p,
        )

    # The fixed side.

    def _begin(self) -> Scene:
        """What is the same for all probes; everything is drawn from streams of their own."""
        state, seed = self._state, self._state.recipe.seed
        found = held_out(state.recipe, device=state.device)
        self._held = state.source if found is None else found[1]
        known = self._some(self._held, KNOWN, "known")
        reals = self._samples(*known)
        self._map = self._features(reals).build(reals, device=state.device)
        z = state.recipe.prior(LATENTS, Stream(seed, "probe/latent", state.device))
        labels = known[1]
        y = None
        if state.space.classes is not None and labels is not None:
            y = labels[torch.arange(LATENTS, device=labels.device) % len(labels)]
        x = known[0].flatten(1).double()
        if found is not None and not state.source.endless:
            train = self._samples(*self._some(state.source, KNOWN, "known"))
            self._known = Comparison(
                real=reals, fake=reals, map=self._map, train=train, holdout=reals, seed=seed
            )
        self._fixed = Scene(
            held=known,
            train=known,
            z=z.to(state.dtype),
            y=y,
            always=(z.to(state.dtype), y),
            centre=known[0].mean(0),
            scale=math.sqrt(float(x.var(0).sum())) or 1.0,
            seed=seed,
        )
        return self._fixed

    def _fresh(self) -> Scene:
        """Fresh samples and latents for the probe after this update."""
        state, fixed, n = self._state, self._fixed or self._begin(), self._probing.n
        held = self._some(self._held, n, "held")
        train = self._some(state.source, n, "train")
        stream = Stream(fixed.seed, "probe/fresh", state.device).at(state.step)
        z = state.recipe.prior(len(held[0]), stream).to(state.dtype)
        y = held[1] if state.space.classes is not None else None
        return replace(fixed, held=held, train=train, z=z, y=y)

    def _some(self, source: Source, n: int, name: str) -> Rows:
        """Up to n samples of a source, others after each update."""
        seed, step = self._state.recipe.seed, self._state.step
        stream = Stream(seed, f"probe/{name}").at(0 if name == "known" else step)
        if source.endless:
            x, y = source.batch(FAR + int(stream.integers(1 << 20, 1)), n)
        else:
            x, y = source.rows(stream.permutation(len(source))[:n].to(self._state.device))
        return x.to(self._state.dtype), y

    def _features(self, reals: Samples) -> Extractor:
        if self._probing.features != "auto":
            return extractor(self._probing.features)
        width = math.prod(reals.event)
        if reals.frame is not None or width <= 64:
            return Auto() if not reals.are_images else extractor("pixels")
        return PCA(min(AXES, len(reals) - 1))

    def _samples(self, x: Tensor, y: Tensor | None = None) -> Samples:
        bounds = self._state.space.bounds
        if x.ndim == 4 and bounds is not None:
            x = ((x - bounds[0]) / (bounds[1] - bounds[0])).clamp(0, 1)
        return Samples(x.float().cpu(), y, "samples of a probe")

    def _see(self, x: Tensor) -> Tensor:
        assert self._map is not None
        with torch.no_grad():
            return self._map(self._samples(x).x).double().cpu()

    # What is said of fakes.

    def _judge(self, scene: Scene, fakes: Tensor) -> Referee:
        return compare(real=self._see(scene.held[0]), fake=self._see(fakes), seed=scene.seed)

    def _leak(self, scene: Scene, fakes: Tensor) -> tuple[float | None, float | None]:
        """How many more fakes than reals are nearer to reals as D sees them than as they are."""
        views = getattr(self._state.recipe.joint, "through", ())
        others = self._see(scene.held[0])
        third = len(others) // 3
        if not views or third < FEWEST:
            return None, None
        x, random = scene.train[0], Stream(scene.seed, "probe/leak", self._state.device)
        seen = x[third : 2 * third]
        for view in views:
            seen = view(seen, random, self._state.movers.generator.updates)
        plain, viewed = self._see(x[:third]), self._see(seen)

        def share(points: Tensor) -> float:
            nearer = torch.cdist(points, viewed).amin(1) < torch.cdist(points, plain).amin(1)
            return float(nearer.double().mean())

        ours, theirs = share(self._see(fakes)), share(others)
        n, pooled = len(others), (ours + theirs) / 2
        error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * 2 / n)
        return ours - theirs, 0.5 * math.erfc((ours - theirs) / error / math.sqrt(2))

    def _learned(self, fakes: Tensor) -> Learned | None:
        if self._known is None:
            return None
        self._known = comparison = self._known.facing(self._samples(fakes), about={})
        try:
            share, duplicates, copying = Memorisation(listed=0)(comparison)
        except InputError:
            return None
        return Learned(
            share=share.value,
            share_p=float(share.p if share.p is not None else 1.0),
            duplicates=duplicates.value,
            duplicates_p=float(duplicates.p if duplicates.p is not None else 1.0),
            copying=copying.value,
        )

    def _clones(self, steps: int) -> Clones | None:
        """Copies of D against G as it is; None where their numbers are none."""
        metric = DualityGap(steps=steps, samples=max(20, 2 * self._probing.n))
        played = game_of(self._state)
        try:
            gains = discriminator_gains(played, metric=metric, seed=self._state.recipe.seed)
        except InputError:
            return None
        (reference, accuracy), (own, _) = gains["reference"], gains["own"]
        return Clones(steps=steps, reference=reference, own=own, accuracy=accuracy)


def _made(net: torch.nn.Module, z: Tensor, y: Tensor | None) -> Tensor:
    made: Tensor = net(z) if y is None else net(z, y)
    return made
