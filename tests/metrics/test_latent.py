"""Path length and conditioning of G, against generators whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gannets.errors import InputError
from gannets.game import Gaussian, Prior, Spherical, Stream, Uniform
from gannets.metrics.comparison import Comparison, Unmeasurable
from gannets.metrics.estimate import Estimate
from gannets.metrics.interpolation import lerp, slerp
from gannets.metrics.latent import (
    JacobianConditioning,
    PathLength,
    jacobian,
    log_condition,
    trimmed_mean,
)
from tests.metrics.helpers import compare

DOUBLE = torch.float64


@dataclass(frozen=True)
class Maps:
    """A generator that is a function; `double` latents show what is not rounding."""

    prior: Prior
    f: Callable[[Tensor], Tensor]
    double: bool = False

    def latent(self, n: int, stream: Stream) -> Tensor:
        z = self.prior(n, stream)
        return z.double() if self.double else z

    def __call__(self, z: Tensor) -> Tensor:
        return self.f(z)


def comparison(generator: Maps | None, *, seed: int = 0) -> Comparison:
    x = torch.randn(20, 2)
    return compare(x, x + 1, generator=generator, seed=seed)


def one(estimates: tuple[Estimate, ...]) -> Estimate:
    (estimate,) = estimates
    return estimate


def matrix(d: int, width: int, *, seed: int = 0) -> Tensor:
    return torch.randn(d, width, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


# Paths.


def test_slerp_goes_along_the_great_circle_at_constant_speed() -> None:
    a, b = torch.tensor([[2.0, 0.0]], dtype=DOUBLE), torch.tensor([[0.0, 2.0]], dtype=DOUBLE)
    for share in (0.0, 0.25, 0.5, 1.0):
        angle = share * math.pi / 2
        expected = torch.tensor([[2 * math.cos(angle), 2 * math.sin(angle)]], dtype=DOUBLE)
        found = slerp(a, b, torch.tensor([share], dtype=DOUBLE))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([1.0, 2.0, 2.0], [-2.0, -4.0, -4.0], id="opposite"),
        pytest.param([1.0, 2.0, 2.0], [2.0, 4.0, 4.0], id="parallel"),
        pytest.param([1.0, 2.0, 2.0], [1.0, 2.0, 2.0], id="equal"),
        pytest.param([1.0, 0.0, 0.0], [-3.0, 1e-9, 0.0], id="nearly opposite"),
        pytest.param([0.0, 0.0, 0.0], [1.0, 1.0, 0.0], id="from the origin"),
    ],
)
def test_slerp_ends_where_it_should_and_keeps_lengths_between(
    a: list[float], b: list[float]
) -> None:
    start, end = torch.tensor([a], dtype=DOUBLE), torch.tensor([b], dtype=DOUBLE)
    at = [slerp(start, end, torch.tensor([t], dtype=DOUBLE)) for t in (0.0, 0.3, 1.0)]
    torch.testing.assert_close(at[0], start, rtol=0, atol=1e-12)
    torch.testing.assert_close(at[2], end, rtol=0, atol=1e-12)
    between = start.norm() + 0.3 * (end.norm() - start.norm())
    assert float(at[1].norm()) == pytest.approx(float(between), rel=1e-12)


def test_slerp_is_shoemakes_where_lengths_are_equal() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 50, 7, dtype=DOUBLE, generator=draw)
    a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    t = torch.rand(50, dtype=DOUBLE, generator=draw)
    omega = torch.acos((a * b).sum(1))
    expected = (
        (torch.sin((1 - t) * omega) / torch.sin(omega))[:, None] * a
        + (torch.sin(t * omega) / torch.sin(omega))[:, None] * b
    )  # fmt: skip
    torch.testing.assert_close(slerp(a, b, t), expected, rtol=0, atol=1e-12)


def test_lerp_is_the_straight_line() -> None:
    a, b = torch.tensor([[0.0, 4.0]]), torch.tensor([[2.0, 0.0]])
    torch.testing.assert_close(lerp(a, b, torch.tensor([0.25])), torch.tensor([[0.5, 3.0]]))


# Path length.


@pytest.mark.parametrize(
    ("d", "width"), [pytest.param(5, 3, id="3to5"), pytest.param(2, 6, id="6to2")]
)
@pytest.mark.parametrize("sampling", ["full", "end"])
def test_of_a_linear_generator_on_straight_paths_is_known(
    d: int, width: int, sampling: str
) -> None:
    """E|A(z2 - z1)|² = 2 |A|²_F for unit variances, without trimming."""
    a = matrix(d, width)
    generator = Maps(Gaussian(width), lambda z: z @ a.T, double=True)
    metric = PathLength(samples=8_000, interpolation="lerp", sampling=sampling, trim=0.0)  # type: ignore[arg-type]
    estimate = one(metric(comparison(generator)))
    truth = 2 * float(a.square().sum())
    assert estimate.interval is not None
    half = (estimate.interval[1] - estimate.interval[0]) / 2
    # Two half widths: 4 standard errors.
    assert abs(estimate.value - truth) < 2 * half
    assert half < 0.06 * truth
    # A straight path has speed = chord, to rounding of differences over an epsilon of 1e-4.
    assert estimate.details["detour"] == pytest.approx(1.0, abs=1e-9)
    assert estimate.name == "PPL[values]"


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4, 1e-6])
def test_on_the_sphere_is_the_mean_squared_arc(epsilon: float) -> None:
    """G = identity on a circle of radius √2: the speed is √2 times the angle, E angle² = π²/3.

    The angle between two uniform directions in the plane is uniform on (0, π). A step of ε along
    the arc is seen as its chord, 1 - O(ε² π²/24) of it.
    """
    generator = Maps(Spherical(2), lambda z: z, double=True)
    metric = PathLength(epsilon=epsilon, samples=20_000, trim=0.0)
    estimate = one(metric(comparison(generator)))
    truth = 2 * math.pi**2 / 3
    assert estimate.details["interpolation"] == "slerp"
    # sd of angle² is 2π²/√45 = 2.94; 4 standard errors of 20,000 are 2 x .083.
    assert estimate.value == pytest.approx(truth, abs=0.17)


def test_the_interval_holds_the_trimmed_mean_as_often_as_it_says() -> None:
    """Trimmed means of exponential numbers: 400 repeats; 95 % ± 3.3 % is 3 standard errors."""
    draw = torch.Generator().manual_seed(1)
    big = torch.empty(4_000_000, dtype=DOUBLE).exponential_(generator=draw)
    truth = trimmed_mean(big, share=0.01)[0]
    hits = 0
    for _ in range(400):
        mean, error = trimmed_mean(torch.empty(500).exponential_(generator=draw), share=0.01)
        hits += abs(mean - truth) < 1.96 * error
    assert 0.917 <= hits / 400 <= 0.983


def test_trimmed_mean_leaves_out_both_ends() -> None:
    values = torch.tensor([1e9, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -1e9])
    assert trimmed_mean(values, share=0.1)[0] == pytest.approx(33 / 8)
    assert trimmed_mean(values, share=0.0)[0] == pytest.approx(3.3)


def test_samples_rounded_to_8_bits_would_be_another_number() -> None:
    """What a peer measures: steps of 1/255 over an epsilon of 1e-4, tens of times too long."""
    a = matrix(16, 4) / 40
    exact = Maps(Gaussian(4), lambda z: 0.5 + z.double() @ a.T)
    rounded = Maps(Gaussian(4), lambda z: ((0.5 + z.double() @ a.T) * 255).round() / 255)
    here, there = (one(PathLength(trim=0.0)(comparison(g))).value for g in (exact, rounded))
    assert 0.5 < here / (2 * float(a.square().sum())) < 1.5  # slerp, so not exactly the chord
    assert there > 10 * here


def test_single_precision_agrees_with_double() -> None:
    """Rounding of z and G(z) by 6e-8 over steps of 1e-4: parts in a thousand, squared."""
    a = matrix(6, 3)
    single = Maps(Gaussian(3), lambda z: torch.tanh(z @ a.T.float()))
    double = Maps(Gaussian(3), lambda z: torch.tanh(z @ a.T), double=True)
    values = [one(PathLength()(comparison(g))).value for g in (single, double)]
    assert values[0] == pytest.approx(values[1], rel=1e-3)


def test_says_where_rounding_is_what_is_measured() -> None:
    far = Maps(Gaussian(2), lambda z: z + 1e4)
    assert any("Rounding" in note for note in one(PathLength()(comparison(far))).notes)
    near = Maps(Gaussian(2), lambda z: z)
    assert one(PathLength()(comparison(near))).notes == ()


@pytest.mark.parametrize(
    ("prior", "path"),
    [
        pytest.param(Gaussian(2), "slerp", id="gaussian"),
        pytest.param(Gaussian(100), "slerp", id="gaussian 100"),
        pytest.param(Uniform(2), "lerp", id="uniform"),
        pytest.param(Uniform(100), "lerp", id="uniform 100"),
        pytest.param(Spherical(2), "slerp", id="sphere in the box"),
        pytest.param(Spherical(64), "slerp", id="sphere"),
        pytest.param(Gaussian(1), "lerp", id="one dimension"),
    ],
)
def test_paths_suit_the_prior(prior: Prior, path: str) -> None:
    estimate = one(PathLength(samples=50)(comparison(Maps(prior, lambda z: z[:, :1] * 1.0))))
    assert estimate.details["interpolation"] == path


def test_a_constant_generator_has_paths_of_length_0() -> None:
    estimate = one(PathLength(samples=100)(comparison(Maps(Gaussian(2), torch.zeros_like))))
    assert (estimate.value, estimate.interval) == (0.0, (0.0, 0.0))
    assert "constant" in estimate.meaning
    assert estimate.details["detour"] is None


def test_is_a_function_of_the_seed() -> None:
    generator = Maps(Gaussian(2), torch.sin)
    values = [
        one(PathLength(samples=200)(comparison(generator, seed=seed))).value for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]


# Conditioning.


@pytest.mark.parametrize(("d", "width"), [(5, 3), (3, 5), (4, 4), (1, 1)])
def test_the_jacobian_of_a_linear_generator_is_its_matrix(d: int, width: int) -> None:
    a = matrix(d, width)
    z = torch.randn(3, width, dtype=DOUBLE)
    found = jacobian(Maps(Gaussian(width), lambda z: z @ a.T), z)
    torch.testing.assert_close(found, a.expand(3, d, width), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("d", "width"), [(7, 3), (3, 7)])
def test_the_jacobian_is_that_of_torch_point_by_point(d: int, width: int) -> None:
    """By columns and by rows, against torch's own of one point at a time."""
    a, b = matrix(9, width), matrix(d, 9, seed=1)

    def g(z: Tensor) -> Tensor:
        return torch.tanh(z @ a.T) @ b.T

    z = torch.randn(4, width, dtype=DOUBLE)
    expected = torch.stack([torch.autograd.functional.jacobian(g, row[None])[0, :, 0] for row in z])
    torch.testing.assert_close(jacobian(Maps(Gaussian(width), g), z), expected)


@pytest.mark.parametrize(("d", "width"), [(6, 3), (3, 6), (4, 4)])
def test_conditioning_of_a_linear_generator_is_known(d: int, width: int) -> None:
    """log cond(AᵀA) = 2 log s_1/s_k at every point; single precision is good to 1e-5."""
    a = matrix(d, width)
    s = torch.linalg.svdvals(a)
    generator = Maps(Gaussian(width), lambda z: z @ a.T.float())
    estimate = one(JacobianConditioning(points=20)(comparison(generator)))
    assert estimate.value == pytest.approx(2 * float((s[0] / s[-1]).log()), abs=1e-4)
    assert estimate.details["std"] == pytest.approx(0.0, abs=1e-4)
    assert estimate.name == "Jacobian condition"
    assert bool(estimate.notes) == (d < width)


def test_an_isometry_has_condition_1() -> None:
    generator = Maps(Gaussian(3), lambda z: 5 * z)
    estimate = one(JacobianConditioning()(comparison(generator)))
    assert estimate.value == pytest.approx(0.0, abs=1e-6)
    assert estimate.interval is not None


def test_conditioning_of_images() -> None:
    a = matrix(12, 2)
    generator = Maps(Gaussian(2), lambda z: (z.double() @ a.T).view(-1, 3, 2, 2))
    estimate = one(JacobianConditioning(points=10)(comparison(generator)))
    s = torch.linalg.svdvals(a)
    assert estimate.value == pytest.approx(2 * float((s[0] / s[-1]).log()), rel=1e-6)


def test_rank_loss_is_counted_and_left_out_of_the_mean() -> None:
    """relu kills the second coordinate below -1: at Φ(-1) = .1587 of the points."""
    generator = Maps(Gaussian(2), lambda z: torch.stack([2 * z[:, 0], (z[:, 1] + 1).relu()], 1))
    estimate = one(JacobianConditioning(points=1000)(comparison(generator)))
    # 4 standard errors of this share of 1,000 are .046.
    assert estimate.details["infinite"] / 1000 == pytest.approx(0.1587, abs=0.046)
    assert estimate.n[1] == 1000 - estimate.details["infinite"]
    assert estimate.value == pytest.approx(2 * math.log(2), abs=1e-6)
    assert "loses rank" in estimate.notes[0]


@pytest.mark.parametrize(
    "f",
    [
        pytest.param(torch.zeros_like, id="constant"),
        pytest.param(lambda z: z[:, :1].expand(-1, 2), id="one of two coordinates"),
        pytest.param(lambda z: z @ torch.tensor([[1.0, 2.0], [2.0, 4.0]]) / 3, id="rank 1"),
    ],
)
def test_rank_lost_everywhere_is_infinite(f: Callable[[Tensor], Tensor]) -> None:
    estimate = one(JacobianConditioning(points=10)(comparison(Maps(Gaussian(2), f))))
    assert math.isinf(estimate.value)
    assert estimate.interval is None
    assert estimate.details["infinite"] == 10
    assert "fewer dimensions" in estimate.meaning
    assert estimate.to_json()["value"] is None


def test_log_condition_takes_rounding_for_zero() -> None:
    j = torch.diag(torch.tensor([1.0, 1e-9], dtype=DOUBLE))[None]
    assert math.isinf(float(log_condition(j, precision=1e-7)))
    assert float(log_condition(j, precision=1e-16)) == pytest.approx(18 * math.log(10))


# Refusals.


@pytest.mark.parametrize("metric", [PathLength(), JacobianConditioning()], ids=["ppl", "jacobian"])
def test_needs_a_generator(metric: PathLength | JacobianConditioning) -> None:
    with pytest.raises(Unmeasurable, match="give a generator"):
        metric(comparison(None))


@pytest.mark.parametrize(
    "fields",
    [{"epsilon": 0.0}, {"samples": 1}, {"trim": 0.5}],
    ids=lambda fields: next(iter(fields)),
)
def test_path_length_refuses_settings_in_a_sentence(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="PathLength"):
        PathLength(**fields)  # type: ignore[arg-type]


def test_numbers_that_are_none_are_refused_in_a_sentence() -> None:
    broken = Maps(Gaussian(2), lambda z: z / 0)
    with pytest.raises(InputError, match="not finite"):
        PathLength(samples=10)(comparison(broken))


def test_a_generator_that_autograd_does_not_see_is_refused_in_a_sentence() -> None:
    blind = Maps(Gaussian(2), lambda z: z.detach() * 2)
    with pytest.raises(InputError, match="autograd"):
        JacobianConditioning(points=10)(comparison(blind))
