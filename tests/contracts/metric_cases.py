"""What metrics are measured on in contracts: small comparisons of all kinds, and how fakes fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas
import torch
from torch import Tensor, nn

from gannets.data import Arrays, Source, open_source
from gannets.game import Game, Gaussian, Marginal, Players, Prior, Stream
from gannets.metrics.catalogue import METRICS
from gannets.metrics.comparison import Comparison, Metric, Unmeasurable
from gannets.metrics.played import Played
from gannets.metrics.samples import Samples
from gannets.objectives import Minimax
from gannets.theory import Normal, Ring
from gannets.training import State
from gannets.training.standing import game_of
from gannets.updates import SGD
from tests.metrics.helpers import Values
from tests.small import small

QUICK: Mapping[str, Mapping[str, Any]] = {
    "fd": {"splits": 20},
    "fd_inf": {"splits": 20},
    "swd": {"patches": 8, "directions": 32},
    "prd": {"runs": 2},
    "sinkhorn": {"iterations": 100},
    "gan_train": {"steps": 5},
    "ppl": {"samples": 200},
    "jacobian": {"points": 30},
    "gilbo": {"steps": 60, "samples": 400, "hidden": (32,)},
    "duality_gap": {"steps": 4, "samples": 200},
    "d_auc": {"samples": 200},
    "table": {"draws": 19},
    "copies": {"draws": 199},
    "utility": {"iterations": 20},
}
"""Settings that only take less time; what is not named here is measured as it is."""


def quick(name: str) -> Metric:
    """The metric of the catalogue, in less time."""
    metric: Any = METRICS[name]
    return replace(metric, **QUICK.get(name, {}))


# ---- the parties of a comparison


@dataclass(frozen=True)
class Map:
    """G(z) = scale * z, and `jump` more beyond z_0 = 0."""

    scale: tuple[float, ...] = (1.0, 0.5)
    jump: float = 0.0

    @property
    def prior(self) -> Prior:
        return Gaussian(len(self.scale))

    def latent(self, n: int, stream: Stream) -> Tensor:
        return self.prior(n, stream)

    def __call__(self, z: Tensor) -> Tensor:
        step = torch.sigmoid(200 * z[:, :1]) if self.jump else 0.0
        return z * z.new_tensor(self.scale) + self.jump * step


@dataclass(frozen=True)
class Brightest:
    """Tells in which third of its rows an image is brightest."""

    id: str = "brightest"
    classes: int = 3

    def probabilities(self, x: Tensor) -> Tensor:
        thirds = [part.flatten(1).mean(1) for part in x.tensor_split(3, dim=2)]
        return (40 * torch.stack(thirds, 1)).softmax(1)


def ring(n: int, draw: torch.Generator) -> Tensor:
    return Ring().sample(n, draw).float()


def pictures(n: int, draw: torch.Generator, side: int = 18) -> tuple[Tensor, Tensor]:
    """Noise with one third of the rows brighter: three classes."""
    y = torch.randint(3, (n,), generator=draw)
    x = 0.3 + 0.1 * torch.randn(n, 1, side, side, generator=draw)
    for i, third in enumerate(x.tensor_split(3, dim=2)):
        third += 0.3 * (y == i).view(-1, 1, 1, 1)
    return x.clamp(0, 1), y


def people(n: int, draw: torch.Generator) -> pandas.DataFrame:
    """Two correlated numbers, two categories that follow them, some of one missing."""
    a, e, noise, unseen = torch.randn(4, n, generator=draw).double().numpy()
    b = 0.7 * a + math.sqrt(1 - 0.49) * e
    frame = pandas.DataFrame({"a": a, "b": b})
    frame["kind"] = np.where(a + 0.5 * noise > 0.7, "x", np.where(b > 0, "y", "z"))
    hole = torch.rand(n, generator=draw).numpy() < 0.1
    frame["note"] = pandas.Series(np.where(a > 0, "up", "down"), dtype=object).mask(hole, None)
    frame["side"] = np.where(a + unseen > 0, "right", "left")
    return frame


# ---- kinds of comparison


@dataclass(frozen=True)
class Raw:
    """One side, before it becomes `Samples`: rows may be taken and changed."""

    x: Tensor
    y: Tensor | None = None
    frame: pandas.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> Raw:
        return Raw(
            self.x[rows],
            None if self.y is None else self.y[rows],
            None if self.frame is None else self.frame.iloc[rows.numpy()].reset_index(drop=True),
        )

    def samples(self, name: str) -> Samples:
        return Samples(self.x.clone(), self.y, name, self.frame)


@dataclass(frozen=True)
class Case:
    """All that a comparison is made of."""

    real: Raw
    fake: Raw
    holdout: Raw | None = None
    more: Mapping[str, Any] = None  # type: ignore[assignment]

    def comparison(self, seed: int = 0) -> Comparison:
        real = self.real.samples("real")
        return Comparison(
            real=real,
            fake=self.fake.samples("fake"),
            map=Values(),
            train=None if self.holdout is None else real,
            holdout=None if self.holdout is None else self.holdout.samples("holdout"),
            seed=seed,
            **(self.more or {}),
        )


def _drawn(
    kind: Callable[[int, torch.Generator], Raw], n: int, m: int, seed: int
) -> tuple[Raw, Raw, Raw]:
    draws = (torch.Generator().manual_seed(1000 * seed + i) for i in range(3))
    real, fake, holdout = (kind(k, d) for k, d in zip((n, m, n), draws, strict=True))
    return real, fake, holdout


def encoded(frame: pandas.DataFrame) -> Raw:
    """A table as `evaluate` sees one: its values order the rows and set them apart."""
    codes = np.stack([pandas.factorize(frame[c], sort=True)[0] for c in frame], axis=1)
    codes = codes.astype(np.float32)
    for i, name in enumerate(frame):
        if frame[name].dtype.kind == "f":
            codes[:, i] = frame[name]
    return Raw(torch.from_numpy(codes), None, frame)


def points(n: int, m: int, seed: int) -> Case:
    """A ring, whose density is known; G is known as a function, and what it was trained on."""
    real, fake, holdout = _drawn(lambda k, d: Raw(ring(k, d)), n, m, seed)
    return Case(real, fake, holdout, {"density": Ring(), "generator": Map()})


def images(n: int, m: int, seed: int) -> Case:
    """Images with labels, and a classifier."""
    real, fake, holdout = _drawn(lambda k, d: Raw(*pictures(k, d)), n, m, seed)
    return Case(real, fake, holdout, {"classifier": Brightest()})


def channels(n: int, m: int, seed: int) -> Case:
    """Images of three channels, each with a class of its own: 27 combinations."""

    def draw(k: int, d: torch.Generator) -> Raw:
        return Raw(torch.cat([pictures(k, d, 12)[0] for _ in range(3)], 1))

    real, fake, holdout = _drawn(draw, n, m, seed)
    return Case(real, fake, holdout, {"classifier": Brightest()})


def rows(n: int, m: int, seed: int) -> Case:
    """Tables."""
    real, fake, holdout = _drawn(lambda k, d: encoded(people(k, d)), n, m, seed)
    return Case(real, fake, holdout)


def game(n: int, m: int, seed: int) -> Case:
    """The game itself, some updates into it."""
    return replace(points(n, m, seed), more={"played": _played(seed)})


KINDS: Mapping[str, Callable[[int, int, int], Case]] = {
    "points": points,
    "images": images,
    "channels": channels,
    "rows": rows,
    "game": game,
}


@cache
def _played(seed: int) -> Played:
    """A recipe of images some updates into its run, with samples that it did not see."""
    recipe = small("digits", seed=seed)
    state = State(recipe, device="cpu")
    for _ in range(2):
        state.advance()
    x = np.random.default_rng(1 + seed).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    holdout = open_source(Arrays(x, bounds=state.source.bounds), seed=0, device="cpu")
    return replace(game_of(state), holdout=holdout)


@cache
def kind_of(name: str) -> str:
    """The first kind of comparison on which this metric can be measured."""
    for kind, build in KINDS.items():
        try:
            quick(name)(build(60, 60, 0).comparison())
        except Unmeasurable:
            continue
        return kind
    raise AssertionError(f"{name} is measured on none of {', '.join(KINDS)}.")


# ---- the same set, otherwise given


def shuffled(case: Case, seed: int) -> Case:
    """The same samples in another order."""
    draw = torch.Generator().manual_seed(seed)

    def mixed(raw: Raw) -> Raw:
        return raw.take(torch.randperm(len(raw), generator=draw))

    return replace(
        case,
        real=mixed(case.real),
        fake=mixed(case.fake),
        holdout=None if case.holdout is None else mixed(case.holdout),
    )


def mapped(case: Case, change: Callable[[Tensor], Tensor]) -> Case:
    """The same points, every side changed alike; what knows only the old points is left out."""
    real, fake = (replace(raw, x=change(raw.x)) for raw in (case.real, case.fake))
    holdout = None if case.holdout is None else replace(case.holdout, x=change(case.holdout.x))
    more = {"generator": Map(tuple(1.0 + i for i in range(real.x.shape[1])))}
    return Case(real, fake, holdout, more)


# ---- sets that break careless formulas

Build = Callable[[int, int, int], Case]


def _constant(raw: Raw, row: int = 0) -> Raw:
    return raw.take(torch.full((len(raw),), row))


def _repeated(raw: Raw) -> Raw:
    return raw.take(torch.arange(len(raw)) // 6)


def _each(case: Case, change: Callable[[Raw], Raw]) -> Case:
    held = None if case.holdout is None else change(case.holdout)
    return replace(case, real=change(case.real), fake=change(case.fake), holdout=held)


def _wide(build: Build) -> Case:
    mixing = torch.randn(2, 30, generator=torch.Generator().manual_seed(5))
    return mapped(build(14, 12, 3), lambda x: x @ mixing + 0.1 * torch.sin(50 * x @ mixing))


DEGENERATE: Mapping[str, Callable[[Build], Case]] = {
    "identical": lambda build: (lambda c: replace(c, fake=c.real))(build(40, 40, 3)),
    "fake constant": lambda build: (lambda c: replace(c, fake=_constant(c.fake)))(build(40, 40, 3)),
    "real constant": lambda build: (lambda c: replace(c, real=_constant(c.real)))(build(40, 40, 3)),
    "both constant": lambda build: _each(build(40, 40, 3), _constant),
    "one and the same": lambda build: (
        lambda c: Case(*[_constant(c.real)] * 3, more=c.more)  # real, fake and held-out
    )(build(40, 40, 3)),
    "duplicates": lambda build: _each(build(60, 60, 3), _repeated),
    "two a side": lambda build: build(2, 2, 3),
    "three a side": lambda build: build(3, 3, 3),
    "fewer fakes": lambda build: build(90, 31, 3),
    "fewer reals": lambda build: build(31, 90, 3),
}
OF_POINTS: Mapping[str, Callable[[Build], Case]] = {
    "one dimension": lambda build: mapped(build(40, 40, 3), lambda x: x[:, :1]),
    "more dimensions than samples": _wide,
    "an offset of 1e6": lambda build: mapped(
        build(40, 40, 3), lambda x: x + x.new_tensor([1e6, 0.0])
    ),
    "rank one": lambda build: mapped(
        build(40, 40, 3), lambda x: x[:, :1] @ x.new_tensor([[1.0, -2.0, 3.0]])
    ),
    "a constant feature": lambda build: mapped(
        build(40, 40, 3), lambda x: torch.cat([x, torch.full_like(x, 7.3)], 1)
    ),
    "tiny": lambda build: mapped(build(40, 40, 3), lambda x: 1e-20 * x),
    "huge": lambda build: mapped(build(40, 40, 3), lambda x: 1e15 * x),
}


def degenerate(kind: str) -> Iterator[str]:
    """The names of the cases that this kind of comparison has."""
    yield from DEGENERATE
    if kind == "points":
        yield from OF_POINTS


# ---- how generators fail


def _noise(x: Tensor, size: float) -> Tensor:
    return size * torch.randn(x.shape, generator=torch.Generator().manual_seed(77))


def _point_collapse(case: Case) -> Case:
    x = case.fake.x
    return replace(case, fake=replace(case.fake, x=x[:1] + _noise(x, 0.01)))


def _shift(case: Case) -> Case:
    x = case.fake.x
    return replace(case, fake=replace(case.fake, x=x + 5 * x.std(0)))


def _flat(case: Case) -> Case:
    x = case.fake.x * torch.tensor([1.0, 1e-3])
    return replace(case, fake=replace(case.fake, x=x))


def _point_copies(case: Case) -> Case:
    x = case.real.x
    return replace(case, fake=replace(case.fake, x=x + _noise(x, 1e-4)))


def _generator(**fields: Any) -> Callable[[Case], Case]:
    return lambda case: replace(case, more={**case.more, "generator": Map(**fields)})


def _picture_noise(case: Case) -> Case:
    x = torch.rand(case.fake.x.shape, generator=torch.Generator().manual_seed(78))
    return replace(case, fake=replace(case.fake, x=x))


def _picture_collapse(case: Case) -> Case:
    fake = _constant(case.fake)
    return replace(case, fake=replace(fake, x=(fake.x + _noise(fake.x, 0.01)).clamp(0, 1)))


def _mislabelled(case: Case) -> Case:
    assert case.fake.y is not None
    return replace(case, fake=replace(case.fake, y=(case.fake.y + 1) % 3))


def _row_shift(case: Case) -> Case:
    frame = case.fake.frame
    assert frame is not None
    moved = frame.assign(a=frame["a"] + 5, b=frame["b"] + 5, kind="x", side="left", note=None)
    return replace(case, fake=encoded(moved))


def _row_collapse(case: Case) -> Case:
    assert case.fake.frame is not None
    frame = case.fake.frame.iloc[[0] * len(case.fake)].reset_index(drop=True)
    return replace(
        case, fake=encoded(frame.assign(a=frame["a"] + np.linspace(0, 0.01, len(frame))))
    )


def _row_shuffle(case: Case) -> Case:
    """Every column as it should be, no two of them related."""
    rng = np.random.default_rng(79)
    assert case.fake.frame is not None
    columns = {name: rng.permutation(column) for name, column in case.fake.frame.items()}
    return replace(case, fake=encoded(pandas.DataFrame(columns)))


def _row_copies(case: Case) -> Case:
    return replace(case, fake=case.real)


FAILURES: Mapping[str, Mapping[str, Callable[[Case], Case]]] = {
    "points": {
        "shift": _shift,
        "collapse": _point_collapse,
        "flat": _flat,
        "copies": _point_copies,
        "z ignored": _generator(scale=(0.0, 0.0)),
        "a jump": _generator(jump=5.0),
        "one direction": _generator(scale=(1.0, 1e-3)),
    },
    "images": {"noise": _picture_noise, "collapse": _picture_collapse, "labels": _mislabelled},
    "channels": {"noise": _picture_noise, "collapse": _picture_collapse},
    "rows": {
        "shift": _row_shift,
        "collapse": _row_collapse,
        "unrelated": _row_shuffle,
        "copies": _row_copies,
    },
}
"""The first two of each kind are gross: a metric sees both, or a table says why not."""

SEES: Mapping[str, tuple[str, ...]] = {
    "precision": ("shift",),
    "density": ("shift",),
    "high_quality": ("shift",),
    "c2st_logistic": ("shift",),
    "support": ("collapse",),
    "effective_rank": ("flat",),
    "spread": ("collapse",),
    "vendi": ("collapse",),
    "closer_to_train": ("copies",),
    "near_duplicates": ("copies",),
    "ct": ("copies",),
    "authenticity": ("copies",),
    "ppl": ("a jump",),
    "jacobian": ("one direction",),
    "gilbo": ("z ignored",),
    "swd": ("noise",),
    "classes": ("collapse",),
    "class_kl": ("collapse",),
    "stacked_modes": ("collapse",),
    "stacked_kl": ("collapse",),
    "gan_train": ("labels",),
    "gan_test": ("labels",),
    "pair_correlation": ("unrelated",),
    "contingency": ("shift", "collapse", "unrelated"),
    "exact_match": ("copies",),
    "dcr_share": ("copies",),
    "utility_tstr": ("unrelated",),
    "utility_trts": ("unrelated",),
}
"""By key of the estimate: what it sees where that is not both gross failures of its kind."""

BLIND: Mapping[str, str] = {
    "precision": "samples of one mode all lie where the data are",
    "density": "samples of one mode may lie densely where the data are",
    "high_quality": "samples of one mode are all of high quality",
    "c2st_logistic": "a line through one mode of a ring has half of the ring on either side",
    "support": "a set that is moved has as many different samples",
    "effective_rank": "it sees the spectrum: moved, or a round spot, it is as even",
    "spread": "a set that is moved has the same variance",
    "vendi": "a set that is moved is as diverse",
    "closer_to_train": "fakes far from all data are near to neither side",
    "near_duplicates": "fakes far from all data are no copies",
    "ct": "one mode is in no cell of its own",
    "authenticity": "fakes far from all data are authentic",
    "ppl": "it asks the generator, not the fakes",
    "jacobian": "it asks the generator, not the fakes",
    "gilbo": "it asks the generator, not the fakes",
    "swd": "each channel is normalised over the set: one image has patches enough",
    "classes": "a classifier takes noise for samples of all classes",
    "class_kl": "a classifier takes noise for samples of all classes",
    "stacked_modes": "a classifier takes noise for samples of all classes",
    "stacked_kl": "a classifier takes noise for samples of all classes",
    "gan_train": "it sees whether samples are of the class they are labelled",
    "gan_test": "it sees whether samples are of the class they are labelled",
    "pair_correlation": "moved columns are correlated as before",
    "exact_match": "rows far from all data are no copies",
    "dcr_share": "rows far from all data are near to neither side",
    "utility_tstr": "it is asked whether one column follows from the others",
    "utility_trts": "it is asked whether one column follows from the others",
}
"""Why the estimates above do not see a gross failure."""

BESIDE: Mapping[str, str] = {
    "parzen_true": "a row of true samples, to read the fakes' by",
    "parzen_kmeans": "a row of centroids of true samples, to read the fakes' by",
}
"""Estimates that are not of the fakes at all."""


# ---- games whose state is known


class Judge(nn.Module):
    """D(x) = a x_0 + noise * (a function of x that looks random) + bonus if x is known."""

    def __init__(self, known: Tensor, *, a: float = 0.0, noise: float = 0.0, bonus: float = 0.0):
        super().__init__()
        self.register_buffer("known", known)
        self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(0.0))
        self.noise, self.bonus = noise, bonus

    def forward(self, x: Tensor) -> Tensor:
        score = self.a * x[:, 0] + self.b
        if self.noise:
            score = score + self.noise * torch.sin(1e4 * x.double().sum(1)).float()
        if self.bonus:
            score = score + self.bonus * (x[:, None] == self.known[None]).all(2).any(1)
        return score


class Move(nn.Module):
    """G(z) = z + m."""

    def __init__(self, m: float) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.tensor(m))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.m


def _game(seed: int, *, m: float, endless: bool, **judge: float) -> Case:
    case = points(20, 20, seed)
    train: Source
    holdout: Source
    if endless:
        train, holdout = (
            open_source(Normal(), seed=seed, device="cpu", split=split)
            for split in ("train", "test")
        )
        known = torch.zeros(1, 1)
    else:
        x = np.random.default_rng(seed).standard_normal((2, 400, 1)).astype(np.float32)
        train, holdout = (open_source(Arrays(each), seed=0, device="cpu") for each in x)
        known = torch.from_numpy(x[0])
    played = Played(
        players=Players(Move(m), Judge(known, **judge)),
        game=Game(Minimax()),
        joint=Marginal(),
        prior=Gaussian(1),
        optimizers=Players(SGD(0.05), SGD(0.05)),
        train=train,
        holdout=holdout,
        batch=100,
    )
    return replace(case, more={"played": played})


GAMES: Mapping[str, tuple[Callable[[int], Case], Callable[[int], Case]]] = {
    # At rest: p_g = p_data and D undecided; off it: G is away, and D points the wrong way.
    "duality_gap": (
        lambda seed: _game(seed, m=0.0, endless=True),
        lambda seed: _game(seed, m=1.0, a=1.0, endless=True),
    ),
    # A D that knows no sample by heart, and one that knows all it was trained on.
    "d_auc": (
        lambda seed: _game(seed, m=0.0, noise=1.0, endless=False),
        lambda seed: _game(seed, m=0.0, noise=1.0, bonus=1.0, endless=False),
    ),
}
"""Of what is asked of the game: one that is as it should be, and one that is not."""
