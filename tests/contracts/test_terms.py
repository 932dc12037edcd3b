"""What every term owes: enrolled by being a public name of gannets.terms."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gannets import terms
from gannets.errors import InputError
from gannets.game import PLAYERS, Batch, Players, Stream
from gannets.game.check import check
from gannets.terms import (
    DRAGAN,
    R1,
    R2,
    Clip,
    FiniteDifferenceR1,
    FiniteDifferenceR2,
    GradientPenalty,
    Lazy,
    MaxNorm,
    Single,
    constraint_of,
)

CLASSES = [
    value
    for value in map(vars(terms).get, terms.__all__)
    if inspect.isclass(value)
    and dataclasses.is_dataclass(value)
    and "batch" in inspect.signature(value.__call__).parameters
]
VARIANTS: list[Any] = [
    R1(gamma=0.3),
    GradientPenalty(weight=0.1, one_sided=True),
    DRAGAN(weight=2.0, spread=1.5, one_sided=True),
    FiniteDifferenceR2(gamma=2.0, epsilon=0.1),
    Lazy(GradientPenalty(), every=5),
    Lazy(Single(DRAGAN()), every=2),
    Lazy(Lazy(R2(1.0), every=2), every=3),
]
WRAPPERS = (Lazy, Single)
EVERY = [*(term(R1()) if term in WRAPPERS else term() for term in CLASSES), *VARIANTS]
every_term = pytest.mark.parametrize("term", EVERY, ids=repr)
SIZES = (1, 2, 7, 64)
EVENTS = ((5,), (3, 4, 2), ())


class Plane(nn.Module):
    """D(x) = w·x + b, of slope w everywhere."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)
        self.b = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        products: Tensor = x * self.w
        return products.reshape(len(x), -1).sum(1) + self.b


def batch(m: int, *event: int, step: int = 0, position: int = 0) -> Batch:
    random = torch.Generator().manual_seed(m)
    real, fake = torch.randn(2, m, *event, generator=random, dtype=torch.float64)
    return Batch((real,), (fake + 1,), torch.zeros(m, 2), None, step, stream(position))


def stream(position: int = 0) -> Stream:
    return Stream(0, "terms").at(position)


def slope(*event: int, norm: float) -> Tensor:
    w = torch.randn(event, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    scaled: Tensor = w * (norm / w.norm())
    return scaled


def charged(term: Any, discriminator: Any, given: Batch) -> Tensor:
    """The term, for D's part of the game."""
    charge: Tensor = term(Players(nn.Identity(), discriminator), given)
    return charge


# ---------------------------------------------------------------------------------- for every one


@every_term
def test_keeps_the_contract(term: Any) -> None:
    results = check(term)
    assert len(results) == 5
    assert not [f"{r.name}: {r.sentence}" for r in results if not r.passed]


@every_term
def test_is_a_frozen_value_whose_text_recreates_it(term: Any) -> None:
    assert eval(repr(term), {}, vars(terms)) == term
    assert hash(eval(repr(term), {}, vars(terms))) == hash(term)
    with pytest.raises(dataclasses.FrozenInstanceError):
        term.anything = 1


def weighted(term: Any, factor: float) -> Any:
    """The same term at `factor` times its weight."""
    if isinstance(term, WRAPPERS):
        return dataclasses.replace(term, term=weighted(term.term, factor))
    field = "gamma" if hasattr(term, "gamma") else "weight"
    return dataclasses.replace(term, **{field: factor * getattr(term, field)})


@every_term
def test_is_linear_in_its_weight(term: Any) -> None:
    """Twice the weight is twice the charge; no weight, no charge."""
    d = Plane(slope(5, norm=3.0))
    once, twice, none = (
        charged(weighted(term, factor), d, batch(7, 5)) for factor in (1.0, 2.0, 0.0)
    )
    torch.testing.assert_close(twice, 2 * once)
    assert once > 0
    assert none == 0


# ------------------------------------------------------------------------------ a D of known slope


@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("term", [R1, R2])
def test_r1_and_r2_of_a_plane(term: Any, event: tuple[int, ...], m: int) -> None:
    """gamma/2 |w|² at any batch size, and gamma w is its gradient."""
    d = Plane(slope(*event, norm=1.7))
    found = charged(term(gamma=0.6), d, batch(m, *event))
    assert float(found.detach()) == pytest.approx(0.6 / 2 * 1.7**2, rel=1e-12)
    on_w, on_b = torch.autograd.grad(found, [d.w, d.b], materialize_grads=True)
    torch.testing.assert_close(on_w, 0.6 * d.w.detach(), rtol=1e-12, atol=1e-15)
    assert on_b == 0


@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("norm", [0.2, 1.0, 7.0])
@pytest.mark.parametrize("penalty", [GradientPenalty, DRAGAN])
def test_gradient_penalties_of_a_plane(
    penalty: Any, norm: float, event: tuple[int, ...], m: int
) -> None:
    """weight (|w| - 1)² at any batch size: the norm is a sample's, not the batch's."""
    d = Plane(slope(*event, norm=norm))
    found = charged(penalty(weight=10.0), d, batch(m, *event))
    assert float(found.detach()) == pytest.approx(10 * (norm - 1) ** 2, rel=1e-12, abs=1e-12)
    (on_w,) = torch.autograd.grad(found, d.w)
    stated = 20 * (norm - 1) * d.w.detach() / norm
    torch.testing.assert_close(on_w, stated, rtol=1e-9, atol=1e-12)
    one_sided = charged(penalty(weight=10.0, one_sided=True), d, batch(m, *event))
    expected = 10 * max(0.0, norm - 1) ** 2
    assert float(one_sided.detach()) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    if norm < 1:
        assert one_sided == 0


def test_a_penalty_on_the_norm_of_the_whole_batch_would_be_seen() -> None:
    """The known bug: at slope 1 and batch 64 it is (√64 - 1)² = 49, where the truth is 0."""

    def whole(players: Players[Any], given: Batch) -> Tensor:
        x = given.real[0].detach().requires_grad_()
        (g,) = torch.autograd.grad(players.discriminator(x).sum(), x, create_graph=True)
        charge: Tensor = (g.norm() - 1) ** 2
        return charge

    d = Plane(slope(5, norm=1.0))
    assert float(charged(whole, d, batch(64, 5)).detach()) == pytest.approx(49)
    assert float(charged(GradientPenalty(), d, batch(64, 5)).detach()) == pytest.approx(0, abs=1e-9)
    assert "term is a mean over samples" in [r.name for r in check(whole) if not r.passed]


@pytest.mark.parametrize("term", [GradientPenalty(), GradientPenalty(one_sided=True), DRAGAN()])
def test_a_flat_discriminator_has_a_finite_gradient(term: Any) -> None:
    """At |g| = 0 the norm has no derivative; 0 is taken, not 0/0."""
    d = Plane(torch.zeros(5, dtype=torch.float64))
    found = charged(term, d, batch(7, 5))
    assert float(found.detach()) == (0 if term.one_sided else 10)
    (on_w,) = torch.autograd.grad(found, d.w)
    assert torch.equal(on_w, torch.zeros_like(on_w))


# ------------------------------------------------------------------------------ a D of known bend


class Bowl(nn.Module):
    """D(x) = k |x|²/2, of slope k x."""

    def __init__(self, k: float) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.k * x.square().flatten(1).sum(1) / 2


@settings(max_examples=30)
@given(k=st.floats(-3, 3), m=st.integers(1, 9), gamma=st.floats(0, 5))
def test_r1_and_r2_of_a_bowl(k: float, m: int, gamma: float) -> None:
    """gamma/2 k² E|x|², at the right one of the two batches."""
    d, given_ = Bowl(k), batch(m, 3, 2)
    for term, (x,) in ((R1(gamma), given_.real), (R2(gamma), given_.fake)):
        expected = gamma / 2 * k**2 * float(x.square().sum()) / m
        found = float(charged(term, d, given_).detach())
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_penalties_of_a_bowl_show_where_they_look() -> None:
    """One coefficient a sample: all coordinates of a sample lie equally far between its ends."""
    seen: list[Tensor] = []

    class Watching(Bowl):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach())
            return super().forward(x)

    given_ = batch(400, 2, 3)
    charged(GradientPenalty(), Watching(1.0), given_)
    (real,), (fake,) = given_.real, given_.fake
    share = (seen[0] - fake) / (real - fake)
    assert float((share - share[:, :1, :1]).abs().max()) < 1e-9
    _uniform(share[:, 0, 0])

    seen.clear()
    charged(DRAGAN(spread=0.7), Watching(1.0), given_)
    moved = (seen[0] - real) / (0.7 * real.std(correction=0))
    assert moved.min() >= 0
    # The product of two uniform numbers: mean 1/4, and E u² ε² = 1/9.
    assert float(moved.mean()) == pytest.approx(1 / 4, abs=5 * 0.3 / math.sqrt(400))
    assert float(moved.square().mean()) == pytest.approx(1 / 9, abs=5 * 0.3 / math.sqrt(400))
    # One ε a sample: coordinates of a sample rise together (covariance E[u]² var ε = 1/48).
    a, b = moved.flatten(1)[:, 0], moved.flatten(1)[:, 1]
    assert float(((a - 1 / 4) * (b - 1 / 4)).mean()) == pytest.approx(1 / 48, abs=0.012)


def _uniform(u: Tensor) -> None:
    """Kolmogorov-Smirnov: beyond 1.95/√n with probability .001 (the draws are always the same)."""
    ranks = torch.arange(1, len(u) + 1) / len(u)
    assert float((u.sort().values - ranks).abs().max()) < 1.95 / math.sqrt(len(u))


@pytest.mark.parametrize("epsilon", [1.0, 0.01])
@pytest.mark.parametrize("term", [FiniteDifferenceR1, FiniteDifferenceR2])
def test_finite_differences_of_a_plane(term: Any, epsilon: float) -> None:
    """(w·n)² = |w|² χ²₁: unbiased, with standard deviation √2 |w|² gamma/2 / √m."""
    m, d = 20_000, Plane(slope(5, norm=1.7))
    expected = 0.6 / 2 * 1.7**2
    found = float(charged(term(gamma=0.6, epsilon=epsilon), d, batch(m, 5)).detach())
    sigma = math.sqrt(2 / m) * expected
    assert found != expected
    assert abs(found - expected) < 4 * sigma


@pytest.mark.parametrize(
    ("approximate", "exact"), [(FiniteDifferenceR1, R1), (FiniteDifferenceR2, R2)]
)
def test_finite_differences_of_a_bowl_look_at_the_same_batch(approximate: Any, exact: Any) -> None:
    """E(n·∇D)² = |∇D|²; a bowl's bend adds epsilon²/4 E(|n|²)², here of order 1e-4."""
    m, d = 20_000, Bowl(1.3)
    given_ = batch(m, 3)
    expected = float(charged(exact(2.0), d, given_).detach())
    found = float(charged(approximate(2.0, epsilon=0.01), d, given_).detach())
    (x,) = given_.real if exact is R1 else given_.fake
    squares = (1.3 * x).square().sum(1)
    sigma = float((3 * squares.square() - squares.square()).mean().sqrt()) / math.sqrt(m)
    assert abs(found - expected) < 4 * sigma
    other = float(charged({R1: R2, R2: R1}[exact](2.0), d, given_).detach())
    assert abs(found - other) > 10 * sigma


# ------------------------------------------------------------------------------------- conditions


class Tilted(nn.Module):
    """D(x, y) = w_y·x."""

    def __init__(self) -> None:
        super().__init__()
        w = [[1.0, 0.0], [0.0, 3.0], [6.0, 8.0]]
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.w[y] * x).sum(1)


def test_conditions_are_held() -> None:
    y = torch.tensor([0, 1, 2, 2])
    x = torch.randn(2, 4, 2, dtype=torch.float64)
    given_ = Batch((x[0], y), (x[1], y), torch.zeros(4, 2), y, 0, stream())
    norms = torch.tensor([1.0, 3.0, 10.0, 10.0], dtype=torch.float64)
    for term, expected in (
        (R1(1.0), norms.square().mean() / 2),
        (R2(1.0), norms.square().mean() / 2),
        (GradientPenalty(1.0), (norms - 1).square().mean()),
        (DRAGAN(1.0), (norms - 1).square().mean()),
    ):
        torch.testing.assert_close(charged(term, Tilted(), given_).detach(), expected)
    for approximate in (FiniteDifferenceR1(1.0), FiniteDifferenceR2(1.0)):
        n = stream().normal(4, 2).double()
        expected = (Tilted()(n, y)).square().mean() / 2
        given_ = dataclasses.replace(given_, random=stream())
        torch.testing.assert_close(
            charged(approximate, Tilted(), given_), expected, rtol=1e-9, atol=0
        )


def test_batches_to_be_joined_have_one_shape() -> None:
    given_ = dataclasses.replace(batch(4, 5), fake=batch(3, 5).fake)
    with pytest.raises(InputError, match=r"not \(4, 5\) and \(3, 5\)"):
        charged(GradientPenalty(), Plane(slope(5, norm=1.0)), given_)
    assert charged(R1(), Plane(slope(5, norm=1.0)), given_) > 0  # which needs no pairs


# ----------------------------------------------------------------------------- now and then, boxes


@pytest.mark.parametrize("every", [1, 2, 16])
def test_lazy_is_the_term_on_average(every: int) -> None:
    d, lazy = Bowl(1.3), Lazy(R1(2.0), every=every)
    exact = charged(R1(2.0), d, batch(7, 3)).detach()
    charges = [charged(lazy, d, batch(7, 3, step=step)).detach() for step in range(3 * every)]
    torch.testing.assert_close(torch.stack(charges).mean(), exact, rtol=1e-12, atol=0)
    assert sum(bool(charge != 0) for charge in charges) == 3
    assert charges[0] == charges[every] == every * exact
    assert all(charge.shape == () for charge in charges)


def test_lazy_does_not_ask_where_it_does_not_charge() -> None:
    def refuses(players: Any, batch: Any) -> Tensor:
        raise AssertionError("the term was evaluated")

    empty = dataclasses.replace(batch(4, 5, step=3), real=())  # a generator that sees no data
    assert charged(Lazy(refuses, every=2), None, empty) == 0
    with pytest.raises(AssertionError, match="was evaluated"):
        charged(Lazy(refuses, every=3), None, empty)


def test_lazy_goes_by_the_name_of_its_term() -> None:
    def anchored(players: Any, batch: Any) -> Tensor:
        return torch.zeros(())

    assert Lazy(R1()).name == "R1"
    assert Lazy(Lazy(GradientPenalty())).name == "GradientPenalty"
    assert Lazy(anchored).name == "anchored"


@settings(max_examples=30)
@given(
    weights=st.lists(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=4), max_size=3),
    bound=st.floats(1e-3, 2),
)
def test_clip_moves_each_weight_to_the_nearest_in_the_box(
    weights: list[list[float]], bound: float
) -> None:
    parameters = [nn.Parameter(torch.tensor(w, dtype=torch.float64)) for w in weights]
    places = [parameter.data_ptr() for parameter in parameters]
    Clip(bound)(parameters)
    found = [parameter.tolist() for parameter in parameters]
    assert found == [[min(max(v, -bound), bound) for v in w] for w in weights]
    assert [parameter.data_ptr() for parameter in parameters] == places
    Clip(bound)(parameters)
    assert [parameter.tolist() for parameter in parameters] == found


@settings(max_examples=30)
@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    bound=st.floats(1e-3, 5),
    seed=st.integers(0, 99),
)
def test_max_norm_moves_each_units_weights_to_the_nearest_in_the_ball(
    shape: list[int], bound: float, seed: int
) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()
    bias = 100 * torch.ones(shape[0], dtype=torch.float64)
    parameters = [nn.Parameter(weight.clone()), nn.Parameter(bias.clone())]
    places = [parameter.data_ptr() for parameter in parameters]
    MaxNorm(bound)(parameters)
    for found, given_ in zip(parameters[0].detach().numpy(), weight.numpy(), strict=True):
        norm = np.sqrt((given_**2).sum())
        if norm <= bound:
            assert (found == given_).all()  # not moved by as much as a bit
        else:
            np.testing.assert_allclose(found, given_ * bound / norm, rtol=1e-14)
    assert torch.equal(parameters[1], bias)
    assert [parameter.data_ptr() for parameter in parameters] == places


def test_max_norm_leaves_weights_of_nothing() -> None:
    weight = torch.zeros(2, 3)
    MaxNorm(1.0)([weight])
    assert not weight.any()


def test_whom_a_constraint_holds() -> None:
    clip = Clip(0.1)
    assert [constraint_of(p, clip) for p in PLAYERS] == [None, clip]
    assert [constraint_of(p, Players(MaxNorm(), None)) for p in PLAYERS] == [MaxNorm(), None]
    assert [constraint_of(p, None) for p in PLAYERS] == [None, None]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MaxNorm(0.0), "bound > 0"),
        (lambda: MaxNorm(math.nan), "not nan"),
        (lambda: R1(-1.0), "R1 takes gamma >= 0"),
        (lambda: R2(math.nan), "R2 takes gamma >= 0"),
        (lambda: GradientPenalty(weight=-1.0), "weight >= 0"),
        (lambda: DRAGAN(spread=-1.0), "spread >= 0"),
        (lambda: FiniteDifferenceR1(epsilon=0.0), "epsilon > 0"),
        (lambda: FiniteDifferenceR2(gamma=-1.0), "gamma >= 0"),
        (lambda: Lazy(R1(), every=0), "every >= 1"),
        (lambda: Clip(0.0), "bound > 0"),
        (lambda: Clip(-0.01), "not -0.01"),
    ],
)
def test_refuses_settings_that_are_none(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()


def test_lazy_takes_values() -> None:
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(InputError, match="not the class R1"):
            Lazy(R1)  # type: ignore[arg-type]
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
