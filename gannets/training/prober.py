"""Probes a game as it is played: what the rules of `gannets.diagnosis` are told."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gannets.data import Source
from gannets.diagnosis import Case, Clones, Finding, Learned, Probe, Referee, compare, diagnosed
from gannets.diagnosis.case import AGAIN
from gannets.diagnosis.leak import leaked
from gannets.diagnosis.order import asks
from gannets.diagnosis.referee import FEWEST
from gannets.errors import InputError
from gannets.game import Stream
from gannets.metrics.comparison import Comparison, FeatureMap
from gannets.metrics.duality import DualityGap, discriminator_gains
from gannets.metrics.features import PCA, Auto, Extractor, extractor
from gannets.metrics.memorisation import Memorisation
from gannets.metrics.samples import Samples
from gannets.training.begun import APART, Begun
from gannets.training.observed import (
    LATENTS,
    Rows,
    Scene,
    evaluating,
    outputs_of,
)
from gannets.training.probing import Probing, due
from gannets.training.standing import game_of, held_out
from gannets.training.state import State
from gannets.training.verdicts import verdicts_of

__all__ = ["Prober"]

AXES = 32
"""Principal axes through which images and wide rows are seen."""
KNOWN = 1_000
"""Training and held-out samples that memorisation is asked of."""
FAR = 1 << 31
"""Where batches of a density begin that are seen by probes: far from those that are trained on."""


class Prober:
    """Probes a game, and knows what the probes so far say of it."""

    def __init__(
        self, state: State, probing: Probing, *, held: Source | None = None, seed: int | None = None
    ) -> None:
        self._state, self._probing, self._given = state, probing, held
        self._seed = state.recipe.seed if seed is None else seed
        self._fixed: Scene | None = None
        self._map: FeatureMap | None = None
        self._known: Comparison | None = None
        self.begun = Begun(state)
        """Probes that were begun, which a checkpoint holds."""
        self.probes: list[Probe] = []
        """Those so far, oldest first."""

    def rewind(self) -> None:
        """Forget what was seen of what has been taken back."""
        self.probes = [probe for probe in self.probes if probe.step <= self._state.step]

    def look(self) -> Probe | None:
        """What is due after this update: a probe, or a note of where G is, for the next one."""
        step = self._state.step
        probe = self.probe() if due(step, self._probing) else None
        if due(step + APART, self._probing):
            self.note()
        return probe

    def note(self) -> None:
        """Note where G is, so that a probe ten updates on sees how it has moved."""
        always = (self._fixed or self._begin()).always
        with evaluating(self._state.players):
            self.begun.note(_made(self._state.players.generator, *always))

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

    def _asks(self) -> bool:
        if not self._probing.clones:
            return False
        if any(probe.clones is not None for probe in self.probes[-AGAIN:]):
            return False
        return asks(self.case)

    def _seen(self) -> Probe:
        state = self._state
        scene = self._fresh()
        n = len(scene.z)
        net, last = state.generator, state.players.generator
        with evaluating(state.players, net):
            fakes = _made(net, scene.z, scene.y)
            raw = _made(last, scene.z, scene.y) if state.averaged else None
            followed = _made(net, *scene.always), _made(last, *scene.always)
        before = self.begun.before()
        outputs = outputs_of(state, scene, fakes=fakes, raw=raw, followed=followed, before=before)
        there = n >= FEWEST and bool(torch.isfinite(fakes).all())
        return Probe(
            step=state.step,
            n=n,
            apart=self._apart,
            referee=self._judge(scene, fakes) if there else None,
            raw=self._judge(scene, raw) if there and raw is not None else None,
            verdicts=verdicts_of(state, scene),
            outputs=outputs,
            learned=self._learned(fakes) if there else None,
            leaks=self._leak(scene, fakes) if there else None,
        )

    # The fixed side.

    def _begin(self) -> Scene:
        """What is the same for all probes; everything is drawn from streams of their own."""
        state, seed = self._state, self._seed
        found = None
        if self._given is None:
            found = held_out(state.recipe, device=state.device)
        held = found[1] if found is not None else self._given
        if held is not None and not held.endless and len(held) < FEWEST:
            held = None  # too few to be compared with
        self._held = state.source if held is None else held
        self._apart = None if self._held.endless else 0 if held is None else len(held)
        known = self._some(self._held, KNOWN, "known")
        reals = self._samples(*known)
        # Axes that were fitted to held-out samples leave out less of them than of any others.
        train = self._samples(*self._some(state.source, KNOWN, "known"))
        self._map = self._features(train).build(train, device=state.device)
        z = state.recipe.prior(LATENTS, Stream(seed, "probe/latent", state.device))
        labels = known[1]
        y = None
        if state.space.classes is not None and labels is not None:
            y = labels[torch.arange(LATENTS, device=labels.device) % len(labels)]
        x = known[0].flatten(1).double()
        if held is not None and not state.source.endless:
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
        seed, step = self._seed, self._state.step
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

    def _units(self, x: Tensor) -> Tensor:
        """Samples in the units of `Samples`: images in [0, 1]."""
        bounds = self._state.space.bounds
        if x.ndim == 4 and bounds is not None:
            x = ((x - bounds[0]) / (bounds[1] - bounds[0])).clamp(0, 1)
        return x.float().cpu()

    def _samples(self, x: Tensor, y: Tensor | None = None) -> Samples:
        return Samples(self._units(x), y, "samples of a probe")

    def _see(self, x: Tensor) -> Tensor:
        # Not as `Samples`: to order them by their hashes is a quarter of a probe's time.
        assert self._map is not None
        with torch.no_grad():
            return self._map(self._units(x)).double().cpu()

    # What is said of fakes.

    def _judge(self, scene: Scene, fakes: Tensor) -> Referee:
        held = scene.held[0]
        beyond = None
        if hasattr(self._map, "axes"):
            beyond = self._left_out(held), self._left_out(fakes)
        return compare(real=self._see(held), fake=self._see(fakes), beyond=beyond, seed=scene.seed)

    def _left_out(self, x: Tensor) -> Tensor:
        """How far samples lie off the principal axes through which they are seen."""
        map_: Any = self._map
        centred = self._units(x).flatten(1).double() - map_.mean
        along = (centred @ map_.axes).square().sum(1)
        return (centred.square().sum(1) - along).clamp_min(0).sqrt()

    def _leak(self, scene: Scene, fakes: Tensor) -> float | None:
        """Whether fakes differ from data as these do when D sees them through its views."""
        views, x = getattr(self._state.recipe.joint, "through", ()), scene.train[0]
        if not views:
            return None
        random = Stream(scene.seed, "probe/leak", self._state.device).at(self._state.step)
        for view in views:
            x = view(x, random, self._state.movers.generator.updates)
        return leaked(real=self._see(scene.held[0]), fake=self._see(fakes), seen=self._see(x))

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
            known=len(comparison.train or ()),
            whole=len(self._state.source),
        )

    def _clones(self, steps: int) -> Clones:
        """Copies of D against G as it is; NaN, which tells the rules nothing, where their numbers
        are none: it is kept with the probe that they were tried, so that the next one does not.
        """
        metric = DualityGap(steps=steps, samples=max(20, 2 * self._probing.n))
        played = game_of(self._state)
        if self._given is not None:
            played = replace(played, holdout=self._given)
        try:
            gains = discriminator_gains(played, metric=metric, seed=self._seed)
        except InputError:
            return Clones(steps=steps, reference=math.nan, own=math.nan, accuracy=math.nan)
        (reference, accuracy), (own, _) = gains["reference"], gains["own"]
        return Clones(steps=steps, reference=reference, own=own, accuracy=accuracy)


def _made(net: torch.nn.Module, z: Tensor, y: Tensor | None) -> Tensor:
    made: Tensor = net(z) if y is None else net(z, y)
    return made
