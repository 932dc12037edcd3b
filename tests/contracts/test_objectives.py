"""What every objective owes: enrolled by being a public name of gannets.objectives."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets import objectives
from gannets.errors import InputError
from gannets.game import Objective, Solved
from gannets.game.check import check
from gannets.objectives import (
    FGAN,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RpGAN,
    Wasserstein,
)
from gannets.theory import f_divergences
from gannets.theory.divergences import f_divergence, jensen_shannon, pearson_chi2, reverse_kl
from gannets.theory.f_divergences import GAN, KL, JensenShannon, PearsonChi2
from tests.naming import named

DEFAULTS: list[Any] = [getattr(objectives, name)() for name in objectives.__all__]
MEMBERS: list[Any] = [
    member()
    for member in map(vars(f_divergences).get, f_divergences.__all__)
    if inspect.isclass(member) and dataclasses.is_dataclass(member)
]
VARIANTS: list[Any] = [
    NonSaturating(real_label=0.9),
    NonSaturating(real_label=0.5),
    LeastSquares(a=-1.0, b=1.0, c=0.0),
    LeastSquares(a=-0.5, b=2.0, c=1.0),
    *(FGAN(member, saturating=saturating) for member in MEMBERS for saturating in (True, False)),
]
EVERY = [*DEFAULTS, *VARIANTS]
SOLVED = [objective for objective in EVERY if isinstance(objective, Solved)]
every_objective = pytest.mark.parametrize("objective", EVERY, ids=repr)
every_solved = pytest.mark.parametrize("objective", SOLVED, ids=repr)

# torch's softplus is the identity above 20: off by e^-20 = 2e-9 there, hence rtol=3e-9 below.
logits = st.lists(st.floats(-30, 30), min_size=1, max_size=12).map(
    lambda numbers: torch.tensor(numbers, dtype=torch.float64)
)


def masses(*weights: float) -> Tensor:
    p = torch.tensor(weights, dtype=torch.float64)
    return p / p.sum()


positive = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda w: masses(*w))
with_zeros = (
    st.lists(st.sampled_from([0.0, 0.0, 0.3, 1.0, 2.0]), min_size=4, max_size=4)
    .filter(any)
    .map(lambda w: masses(*w))
)


@pytest.fixture
def in_production() -> Iterator[None]:
    """Without the run-time checks of shapes, which only tests have."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


# ---------------------------------------------------------------------------------- for every one


@every_objective
def test_keeps_the_contract(objective: Any) -> None:
    assert isinstance(objective, Objective)
    results = check(objective)
    assert len(results) == (10 if isinstance(objective, Solved) else 6)
    assert not [f"{r.name}: {r.sentence}" for r in results if not r.passed]


@every_objective
def test_is_a_frozen_value_whose_text_recreates_it(objective: Any) -> None:
    names = {**vars(objectives), **vars(f_divergences)}
    assert eval(repr(objective), {}, names) == objective
    assert hash(eval(repr(objective), {}, names)) == hash(objective)
    with pytest.raises(dataclasses.FrozenInstanceError):
        objective.anything = 1


@every_objective
@pytest.mark.usefixtures("in_production")
def test_refuses_what_is_no_vector_of_logits(objective: Any) -> None:
    good = torch.zeros(3)
    for bad in (torch.zeros(3, 1), torch.zeros(1, 3), torch.tensor(0.0), torch.zeros(0)):
        for real, fake in ((bad, good), (good, bad), (bad, bad)):
            with pytest.raises(InputError, match=r"logits as a vector \(m,\)"):
                objective.discriminator(real, fake)
        with pytest.raises(InputError, match=r"logits as a vector \(m,\)"):
            objective.generator(good, bad)


@every_solved
@settings(max_examples=25)
@given(p_data=with_zeros, p_g=with_zeros)
def test_value_is_the_loss_at_the_optimum_where_masses_are_zero(
    objective: Any, p_data: Tensor, p_g: Tensor
) -> None:
    """The masses are rational: a batch of all pairs of samples holds them in exact proportion."""
    pairs = torch.cartesian_prod(_laid_out(p_data), _laid_out(p_g)).T
    optimum = objective.optimal_discriminator(p_data, p_g)
    assert not optimum.isnan().any()
    value = objective.value(p_data, p_g)
    if value.isinf():  # KL of what the other side lacks
        assert value == -math.inf
        return
    # Where the best answer is infinite, 50 is as good, but for squares, whose optimum is finite
    # unless the value is not.
    found = objective.discriminator(*optimum.clamp(-50, 50)[pairs])
    torch.testing.assert_close(found, value, rtol=0, atol=1e-9)


def _laid_out(p: Tensor) -> Tensor:
    """Sample indices in proportion to masses that are multiples of 3 in sums of multiples of .1."""
    weights = (p / p[p > 0].min()).mul(30).round().long()
    weights = weights // math.gcd(*weights.tolist())
    return torch.repeat_interleave(torch.arange(len(p)), weights)


# --------------------------------------------------------------------------- generator's gradients

GENERATOR_GRADIENTS: list[tuple[Any, Callable[[Tensor], Tensor]]] = [
    (Minimax(), lambda d: -d.sigmoid()),
    (NonSaturating(), lambda d: -(1 - d.sigmoid())),
    (NonSaturating(0.9), lambda d: -(1 - d.sigmoid())),
    (LeastSquares(), lambda d: d - 1),
    (LeastSquares(-1.0, 1.0, 0.0), lambda d: d),
    (Hinge(), lambda d: -torch.ones_like(d)),
    (Wasserstein(), lambda d: -torch.ones_like(d)),
    (FGAN(GAN()), lambda d: -d.sigmoid()),
    (FGAN(JensenShannon()), lambda d: -d.sigmoid() / 2),
    (FGAN(KL()), lambda d: -(d - 1).exp()),
    (FGAN(KL(), saturating=False), lambda d: -torch.ones_like(d)),
    (FGAN(PearsonChi2()), lambda d: -(d / 2 + 1)),
]


@pytest.mark.parametrize(("objective", "stated"), GENERATOR_GRADIENTS, ids=named)
@settings(max_examples=25)
@given(fake=logits)
def test_generator_gradient(
    objective: Any, stated: Callable[[Tensor], Tensor], fake: Tensor
) -> None:
    (found,) = torch.autograd.grad(objective.generator(None, fake.requires_grad_()), fake)
    fake = fake.detach()
    torch.testing.assert_close(found, stated(fake) / len(fake), rtol=3e-9, atol=1e-15)


def test_saturating_and_non_saturating_pull_alike_where_d_cannot_tell() -> None:
    even = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    slopes = [
        torch.autograd.grad(objective.generator(None, even), even)[0]
        for objective in (Minimax(), NonSaturating())
    ]
    assert torch.equal(*slopes)
    assert slopes[0].tolist() == [-1 / 8] * 4


@given(p_data=positive, p_g=positive)
def test_non_saturating_gradient_at_the_optimum(p_data: Tensor, p_g: Tensor) -> None:
    """That of KL(p_g, p_data) - 2 JSD: Arjovsky and Bottou (2017), Theorem 2.5."""
    optimum = NonSaturating().optimal_discriminator(p_data, p_g)
    theta = p_g.log().requires_grad_()
    q = theta.softmax(0)
    surrogate = (q * -torch.nn.functional.logsigmoid(optimum)).sum()
    (found,) = torch.autograd.grad(surrogate, theta, retain_graph=True)
    (stated,) = torch.autograd.grad(reverse_kl(p_data, q) - 2 * jensen_shannon(p_data, q), theta)
    # Where p_g is p_data but for rounding, the theory takes its divergence, and slope, to be 0.
    torch.testing.assert_close(found, stated, rtol=1e-9, atol=1e-7)


@given(pairs=st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=9))
def test_relativistic_pairing_gradients(pairs: list[tuple[float, float]]) -> None:
    real, fake = torch.tensor(pairs, dtype=torch.float64).T
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    pull = (1 - (fake - real).sigmoid()).detach() / len(pairs)
    on_real, on_fake = torch.autograd.grad(RpGAN().generator(real, fake), (real, fake))
    torch.testing.assert_close(on_fake, -pull, rtol=3e-9, atol=1e-15)
    torch.testing.assert_close(on_real, pull, rtol=3e-9, atol=1e-15)
    push = (1 - (real - fake).sigmoid()).detach() / len(pairs)
    on_real, on_fake = torch.autograd.grad(RpGAN().discriminator(real, fake), (real, fake))
    torch.testing.assert_close(on_fake, push, rtol=3e-9, atol=1e-15)
    torch.testing.assert_close(on_real, -push, rtol=3e-9, atol=1e-15)


@pytest.mark.parametrize("objective", [RpGAN(), RelativisticAverage()], ids=repr)
@given(
    pairs=st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=9),
    shift=st.floats(-5, 5),
)
def test_relativistic_games_see_differences_alone_and_mirror_each_other(
    objective: Any, pairs: list[tuple[float, float]], shift: float
) -> None:
    real, fake = torch.tensor(pairs, dtype=torch.float64).T
    loss = objective.discriminator(real, fake)
    torch.testing.assert_close(objective.discriminator(real + shift, fake + shift), loss)
    torch.testing.assert_close(objective.generator(fake, real), loss)


# -------------------------------------------------------------------------------- optima and values


@given(p_data=positive, p_g=positive, label=st.floats(0.05, 1))
def test_smoothing_scales_the_optimum(p_data: Tensor, p_g: Tensor, label: float) -> None:
    optimum = NonSaturating(label).optimal_discriminator(p_data, p_g).sigmoid()
    torch.testing.assert_close(optimum, label * p_data / (p_data + p_g), rtol=1e-12, atol=0)


def test_values_of_two_gaussians() -> None:
    """N(0, 1) against N(1, 1): JSD .1114215, TV .3829249, by integrals known to seven digits."""
    x = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    p, q = (masses(1.0) * (-((x - mean) ** 2) / 2).exp() for mean in (0.0, 1.0))
    p, q = p / p.sum(), q / q.sum()
    assert float(Minimax().value(p, q)) == pytest.approx(1.1634514, abs=1e-6)
    assert float(NonSaturating().value(p, q)) == pytest.approx(1.1634514, abs=1e-6)
    assert float(FGAN(GAN()).value(p, q)) == pytest.approx(1.1634514, abs=1e-6)
    assert float(FGAN(JensenShannon()).value(p, q)) == pytest.approx(-0.1114215, abs=1e-6)
    assert float(FGAN(KL()).value(p, q)) == pytest.approx(-0.5, abs=1e-6)
    assert float(Hinge().value(p, q)) == pytest.approx(2 - 2 * 0.3829249, abs=1e-6)
    # D* of Gaussians of one variance is linear: slope (0 - 1)/1, through 1/2 half way.
    inside = x.abs() < 5
    slope = Minimax().optimal_discriminator(p, q)[inside]
    torch.testing.assert_close(slope, (0.5 - x)[inside], rtol=0, atol=1e-8)


def test_values_at_the_ends() -> None:
    p, q = masses(1, 3, 0, 0), masses(0, 0, 2, 2)
    ends: list[tuple[Any, float, float]] = [  # at p_g = p_data, and where they share nothing
        (Minimax(), math.log(4), 0),
        (NonSaturating(), math.log(4), 0),
        (LeastSquares(), 1 / 4, 0),
        (LeastSquares(-1.0, 1.0, 0.0), 1, 0),
        (Hinge(), 2, 0),
        (FGAN(JensenShannon()), 0, -math.log(2)),
        (FGAN(KL()), 0, -math.inf),
    ]
    for objective, equal, apart in ends:
        assert float(objective.value(p, p)) == pytest.approx(equal, abs=1e-12), objective
        assert float(objective.value(p, q)) == pytest.approx(apart, abs=1e-12), objective
    assert float(RpGAN().value(p, p)) == pytest.approx(math.log(2), abs=1e-12)
    assert float(RpGAN().value(p, q)) == pytest.approx(0, abs=1e-12)


@given(p_data=positive, p_g=positive)
def test_least_squares_minimises_pearson_with_the_right_labels(p_data: Tensor, p_g: Tensor) -> None:
    """2 C(G) = ∫ (2 p_g - (p_data + p_g))² / (p_data + p_g) where b - c = 1 and b - a = 2."""
    for objective in (LeastSquares(-1.0, 1.0, 0.0), LeastSquares(0.0, 2.0, 1.0)):
        found = objective.generator_value(p_data, p_g)
        torch.testing.assert_close(found, pearson_chi2(p_g, (p_data + p_g) / 2))
    # With the 0-1 coding it is another function of G, and least at another place than p_data.
    assert LeastSquares().generator_value(p_data, p_data) == pytest.approx(0.25)


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
@settings(max_examples=25)
@given(p_data=positive, p_g=positive)
def test_f_gan_is_worth_its_divergence(member: Any, p_data: Tensor, p_g: Tensor) -> None:
    """-Σ p_g f(p_data/p_g), and g_f(D*) = f'(p_data/p_g): Nowozin et al. (2016), eqs. 2 and 5."""
    objective = FGAN(member)
    ratio = p_data / p_g
    direct = -(p_g * member.f(ratio)).sum()
    torch.testing.assert_close(objective.value(p_data, p_g), direct, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        objective.value(p_data, p_g), -f_divergence(p_data, p_g, divergence=member)
    )
    critic = member.activation(objective.optimal_discriminator(p_data, p_g))
    torch.testing.assert_close(critic, member.derivative(ratio), rtol=1e-9, atol=1e-12)


@given(real=logits, fake=logits)
def test_f_gan_of_the_2014_value_is_the_2014_game(real: Tensor, fake: Tensor) -> None:
    for f_gan, original in (
        (FGAN(GAN()), Minimax()),
        (FGAN(GAN(), saturating=False), NonSaturating()),
    ):
        torch.testing.assert_close(
            f_gan.discriminator(real, fake), original.discriminator(real, fake), rtol=3e-9, atol=0
        )
        torch.testing.assert_close(
            f_gan.generator(None, fake), original.generator(None, fake), rtol=3e-9, atol=0
        )


def test_the_relativistic_value_is_that_of_telling_pairs_apart() -> None:
    p, q = masses(3, 1, 4), masses(1, 5, 2)
    value, pairs = 0.0, [(i, j) for i in range(3) for j in range(3)]
    for i, j in pairs:
        mine, mirrored = float(p[i] * q[j]), float(p[j] * q[i])
        value -= mine * math.log(mine / (mine + mirrored))
    assert float(RpGAN().value(p, q)) == pytest.approx(value, rel=1e-14)


def test_not_all_objectives_are_solved() -> None:
    """Over all functions the Wasserstein critic has no optimum: a steeper one gains more."""
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 0.0])
    once = Wasserstein().discriminator(real, fake)
    assert Wasserstein().discriminator(1e6 * real, 1e6 * fake) == 1e6 * once < 0
    assert not isinstance(Wasserstein(), Solved)
    assert not isinstance(RelativisticAverage(), Solved)


# ----------------------------------------------------------------------------- numbers and refusals


@pytest.mark.parametrize(
    "objective", [Minimax(), NonSaturating(), NonSaturating(0.9), RpGAN(), FGAN(GAN())], ids=repr
)
def test_single_precision_survives_a_discriminator_that_is_sure(objective: Any) -> None:
    sure = torch.full((4,), 1e4)
    for real, fake in ((sure, -sure), (-sure, sure)):
        real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
        for loss in (objective.discriminator(real, fake), objective.generator(real, fake)):
            slopes = torch.autograd.grad(loss, (real, fake), materialize_grads=True)
            assert loss.isfinite()
            assert all((slope.isfinite() & (slope.abs() <= 0.5)).all() for slope in slopes)


@pytest.mark.parametrize("objective", [o for o in EVERY if not isinstance(o, RpGAN)], ids=repr)
def test_batches_may_differ_where_samples_are_not_paired(objective: Any) -> None:
    """Repeating one side's samples changes no expectation."""
    real, fake = torch.tensor([0.3, -1.0]).double(), torch.tensor([0.7, 0.1, -0.4]).double()
    for charge in (objective.discriminator, objective.generator):
        torch.testing.assert_close(charge(real.repeat(3), fake.repeat(2)), charge(real, fake))


def test_pairs_need_as_many_of_each() -> None:
    for charge in (RpGAN().discriminator, RpGAN().generator):
        with pytest.raises(InputError, match="as many of each, not 2 real and 3 fake"):
            charge(torch.zeros(2), torch.zeros(3))


@pytest.mark.parametrize("objective", [RpGAN(), RelativisticAverage()], ids=repr)
def test_a_comparison_needs_the_data(objective: Any) -> None:
    with pytest.raises(InputError, match="not real=None"):
        objective.generator(None, torch.zeros(3))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: NonSaturating(real_label=0.0), "0 < real_label <= 1"),
        (lambda: NonSaturating(real_label=1.2), "not 1.2"),
        (lambda: NonSaturating(real_label=math.nan), "not nan"),
        (lambda: LeastSquares(a=1.0, b=0.0), "labels a < b"),
        (lambda: LeastSquares(a=0.0, b=1.0, c=0.0), "c > a"),
        (lambda: LeastSquares(a=math.nan), "not a=nan"),
    ],
)
def test_refuses_settings_that_are_none(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()


@pytest.mark.usefixtures("in_production")
def test_f_gan_takes_values() -> None:
    with pytest.raises(InputError, match=r"KL\(\), not the class KL"):
        FGAN(KL)  # type: ignore[arg-type]
