"""Games near their equilibrium: the spectra of Part C, and rates measured by playing the update."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gannets.theory import (
    Consensus,
    DiracGAN,
    DiracInstanceNoise,
    DiracNonSaturating,
    DiracR1,
    DiracWasserstein,
    XYGame,
    alternating_operator,
    alternating_rate,
    consensus_operator,
    consensus_rate,
    extragradient_operator,
    extragradient_rate,
    flow_eigenvalues,
    gradient_field,
    jacobian,
    optimistic_operator,
    optimistic_rate,
    simultaneous_operator,
    simultaneous_rate,
    spectral_radius,
)

Field = Callable[[Tensor], Tensor]
ORIGIN = torch.zeros(2, dtype=torch.float64)
START = torch.tensor([0.8, -0.6], dtype=torch.float64)
XY = jacobian(XYGame(), ORIGIN)


def spectrum(field: Field) -> list[complex]:
    return [complex(value) for value in flow_eigenvalues(jacobian(field, ORIGIN))]


def by_parts(*values: complex) -> list[complex]:
    return sorted(values, key=lambda z: (z.real, z.imag))


def assert_spectrum(field: Field, *expected: complex) -> None:
    for measured, exact in zip(spectrum(field), by_parts(*expected), strict=True):
        assert abs(measured - exact) < (1e-7 if expected[0] == expected[1] else 1e-13)


# ---- the updates, played


def simultaneous(field: Field, lr: float, steps: int, w: Tensor = START) -> Tensor:
    path = [w]
    for _ in range(steps):
        path.append(path[-1] - lr * field(path[-1]))
    return torch.stack(path)


def alternating(field: Field, lr: float, steps: int, w: Tensor = START, k: int = 1) -> Tensor:
    path = [w]
    for _ in range(steps):
        w = path[-1].clone()
        for _ in range(k):
            w = torch.stack([w[0], w[1] - lr * field(w)[1]])
        path.append(torch.stack([w[0] - lr * field(w)[0], w[1]]))
    return torch.stack(path)


def extragradient(field: Field, lr: float, steps: int) -> Tensor:
    path = [START]
    for _ in range(steps):
        path.append(path[-1] - lr * field(path[-1] - lr * field(path[-1])))
    return torch.stack(path)


def optimistic(field: Field, lr: float, steps: int) -> Tensor:
    path, before = [START], field(START)
    for _ in range(steps):
        now = field(path[-1])
        path.append(path[-1] - 2 * lr * now + lr * before)
        before = now
    return torch.stack(path)


def played_rate(path: Tensor, at: int) -> float:
    """The larger |λ| of the plane map that made the path: w_{t+2} = a w_{t+1} + b w_t."""
    a, b = torch.linalg.solve(torch.stack([path[at + 1], path[at]], dim=1), path[at + 2]).tolist()
    root = cmath.sqrt(a * a + 4 * b)
    return max(abs(a + root), abs(a - root)) / 2


# ---- the games


GAMES = [XYGame(), DiracGAN(), DiracNonSaturating(), DiracWasserstein(), DiracInstanceNoise(1.3)]


@pytest.mark.parametrize("game", GAMES, ids=repr)
def test_fields_are_the_gradients_of_the_losses(game: DiracGAN) -> None:
    by_autograd = gradient_field(game.generator, game.discriminator, split=1)
    points = torch.randn(10, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for w in points:
        torch.testing.assert_close(game(w), by_autograd(w), rtol=1e-12, atol=1e-14)
    assert eval(repr(game)) == game


def test_r1_and_consensus_are_the_gradients_of_their_penalties() -> None:
    base, w = DiracGAN(), START
    r1 = gradient_field(base.generator, lambda a: base.discriminator(a) + 0.35 * a[1] ** 2, split=1)
    torch.testing.assert_close(DiracR1(0.7)(w), r1(w))

    def penalty(a: Tensor) -> Tensor:
        return 0.35 * base(a).square().sum()

    both = gradient_field(
        lambda a: base.generator(a) + penalty(a),
        lambda a: base.discriminator(a) + penalty(a),
        split=1,
    )
    torch.testing.assert_close(Consensus(0.7, base)(w), both(w))


def test_saturating_and_not_agree_only_at_the_boundary() -> None:
    """dL_G/dlogit is -σ(d) saturating and -(1 - σ(d)) not: equal at D = 1/2 (d = 0) only."""
    for theta, psi in ((2.0, 0.0), (2.0, 1.5), (2.0, -1.5)):
        w = torch.tensor([theta, psi], dtype=torch.float64)
        d = torch.sigmoid(w[0] * w[1])
        torch.testing.assert_close(DiracGAN()(w)[0], -w[1] * d)
        torch.testing.assert_close(DiracNonSaturating()(w)[0], -w[1] * (1 - d))
        torch.testing.assert_close(DiracGAN()(w)[1], DiracNonSaturating()(w)[1])


def test_part_c_spectra_of_the_dirac_gans() -> None:
    assert_spectrum(XYGame(), 1j, -1j)
    assert_spectrum(DiracGAN(), 0.5j, -0.5j)
    assert_spectrum(DiracNonSaturating(), 0.5j, -0.5j)
    assert_spectrum(DiracWasserstein(), 1j, -1j)


@pytest.mark.parametrize("gamma", [0.3, 0.999, 1.0, 2.0, 10.0])
def test_part_c_spectrum_of_r1(gamma: float) -> None:
    """-γ/2 ± √(γ² - 1)/2: damped rotation below the critical γ = 1, none above."""
    root = cmath.sqrt(gamma**2 - 1) / 2
    for field in (DiracR1(gamma), DiracR1(gamma, DiracNonSaturating())):
        assert_spectrum(field, -gamma / 2 + root, -gamma / 2 - root)
    rotates = any(abs(value.imag) > 1e-6 for value in spectrum(DiracR1(gamma)))
    assert rotates == (gamma < 1)


@pytest.mark.parametrize("variance", [0.5, 1.999, 2.0, 3.0])
def test_part_c_spectrum_of_instance_noise(variance: float) -> None:
    """-s²/4 ± √(s⁴ - 4)/4: critical at s² = 2."""
    root = cmath.sqrt(variance**2 - 4) / 4
    field = DiracInstanceNoise(math.sqrt(variance))
    assert_spectrum(field, -variance / 4 + root, -variance / 4 - root)
    assert any(abs(value.imag) > 1e-6 for value in spectrum(field)) == (variance < 2)


@pytest.mark.parametrize("gamma", [0.1, 1.0, 4.0])
def test_part_c_spectrum_of_consensus(gamma: float) -> None:
    """-γ/4 ± i/2 for dw/dt = -(v + γ Jᵀv): it damps and leaves the frequency as it is."""
    assert_spectrum(Consensus(gamma, DiracGAN()), -gamma / 4 + 0.5j, -gamma / 4 - 0.5j)


def test_mescheders_sign_has_the_same_spectrum() -> None:
    """L = f(ψθ) + f(0), f(t) = -log(1 + e^-t), D ascends: the mirror image ψ -> -ψ of ours."""

    def f(t: Tensor) -> Tensor:
        return -torch.nn.functional.softplus(-t)

    def value(w: Tensor) -> Tensor:
        return f(w[1] * w[0])

    field = gradient_field(value, lambda w: -value(w), split=1)
    assert_spectrum(field, 0.5j, -0.5j)
    mirror = torch.tensor([1, -1], dtype=torch.float64)
    torch.testing.assert_close(mirror * field(mirror * START), DiracGAN()(START))


# ---- the rates


@pytest.mark.parametrize("lr", [0.01, 0.1, 0.5])
def test_simultaneous_descent_spirals_out(lr: float) -> None:
    """Norm times √(1 + η²) at every step, whatever the point."""
    path = simultaneous(XYGame(), lr, 100)
    factors = path[1:].norm(dim=1) / path[:-1].norm(dim=1)
    exact = math.sqrt(1 + lr**2)
    assert (factors - exact).abs().max() < 1e-12
    assert simultaneous_rate(XY, lr).item() == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize("lr", [0.1, 0.5, 1.0, 1.9])
def test_alternating_descent_is_closed(lr: float) -> None:
    """Modulus 1 for η < 2, on x² + y² - η x y when x moves first, and + when y (D) does."""
    assert alternating_rate(XY, lr, split=1).item() == pytest.approx(1, abs=1e-14)
    path = alternating(XYGame(), lr, 300)
    x, y = path.T
    level = x**2 + y**2 + lr * x * y
    assert (level - level[0]).abs().max() < 1e-12
    # Part C's order: read the same orbit half a step later, after D's move and before G's.
    y = y + lr * x
    level = x**2 + y**2 - lr * x * y
    assert (level - level[0]).abs().max() < 1e-12


def test_alternating_descent_diverges_beyond_two() -> None:
    """At η = 2.1 the larger root of λ² - (2 - η²) λ + 1 has modulus 1.877; at 2 it is 1, double."""
    root = (2.1**2 - 2 + math.sqrt((2 - 2.1**2) ** 2 - 4)) / 2
    assert root == pytest.approx(1.877, abs=5e-4)
    assert alternating_rate(XY, 2.1, split=1).item() == pytest.approx(root, abs=1e-13)
    assert played_rate(alternating(XYGame(), 2.1, 10), 5) == pytest.approx(root, abs=1e-9)
    assert alternating_rate(XY, 2.0, split=1).item() == pytest.approx(1, abs=1e-7)
    assert alternating_rate(XY, 2.001, split=1) > 1.05


@pytest.mark.parametrize("k", [1, 2, 5])
def test_alternating_with_k_steps_of_the_discriminator(k: int) -> None:
    """k steps of D, then one of G: the played map is the operator, also of a nonlinear game."""
    lr = 0.3
    operator = alternating_operator(XY, lr, split=1, k=k)
    torch.testing.assert_close(operator @ START, alternating(XYGame(), lr, 1, k=k)[1])
    damped = jacobian(DiracR1(0.5), ORIGIN)
    path = alternating(DiracR1(0.5), lr, 5, 1e-5 * START, k=k)
    rate = alternating_rate(damped, lr, split=1, k=k).item()
    assert played_rate(path, 3) == pytest.approx(rate, rel=1e-8)
    assert rate < 0.97


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.5, 0.9, 1.1])
def test_extragradient_contracts(lr: float) -> None:
    """√((1 - η²)² + η²) at every step: below 1 until η = 1."""
    path = extragradient(XYGame(), lr, 50)
    factors = path[1:].norm(dim=1) / path[:-1].norm(dim=1)
    exact = math.sqrt((1 - lr**2) ** 2 + lr**2)
    assert (factors - exact).abs().max() < 1e-12
    assert extragradient_rate(XY, lr).item() == pytest.approx(exact, abs=1e-14)
    assert (exact < 1) == (lr < 1)


def test_optimistic_descent() -> None:
    """ρ = .994936 at η = .1: λ² = (1 - 2iη) λ + iη; it crosses 1 at η = 1/√3."""
    rate = optimistic_rate(XY, 0.1).item()
    assert rate == pytest.approx(0.994936, abs=5e-7)
    root = (1 - 0.2j + cmath.sqrt((1 - 0.2j) ** 2 + 0.4j)) / 2
    assert rate == pytest.approx(abs(root), abs=1e-14)
    path = optimistic(XYGame(), 0.1, 400)
    shrunk = (path[-1].norm() / path[-301].norm()).item()
    assert shrunk ** (1 / 300) == pytest.approx(rate, abs=1e-12)
    states = torch.cat([path[1:], path[:-1]], dim=1)
    torch.testing.assert_close(optimistic_operator(XY, 0.1) @ states[4], states[5])
    edge = 1 / math.sqrt(3)
    assert optimistic_rate(XY, edge).item() == pytest.approx(1, abs=1e-12)
    assert optimistic_rate(XY, edge - 0.01) < 1 < optimistic_rate(XY, edge + 0.01)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_consensus_contracts(gamma: float) -> None:
    """√((1 - ηγ)² + η²) at every step of the xy game."""
    lr = 0.1
    path = simultaneous(Consensus(gamma, XYGame()), lr, 50)
    factors = path[1:].norm(dim=1) / path[:-1].norm(dim=1)
    exact = math.sqrt((1 - lr * gamma) ** 2 + lr**2)
    assert (factors - exact).abs().max() < 1e-12
    assert consensus_rate(XY, lr, gamma=gamma).item() == pytest.approx(exact, abs=1e-14)
    # At an equilibrium the update is simultaneous descent on v + γ Jᵀv.
    modified = jacobian(Consensus(gamma, XYGame()), ORIGIN)
    torch.testing.assert_close(
        consensus_operator(XY, lr, gamma=gamma), simultaneous_operator(modified, lr)
    )


@pytest.mark.parametrize("gamma", [0.5, 3.0])
def test_rates_near_a_nonlinear_equilibrium(gamma: float) -> None:
    """Dirac-GAN with R1, started at 1e-4: the played factors are the linear theory's."""
    field, lr, start = DiracR1(gamma), 0.2, 1e-4 * START
    matrix = jacobian(field, ORIGIN)
    values = flow_eigenvalues(matrix)
    exact = max(abs(1 + lr * complex(value)) for value in values)
    assert simultaneous_rate(matrix, lr).item() == pytest.approx(exact, abs=1e-14)
    path = simultaneous(field, lr, 400, start)
    for step in (0, 7):
        linear = simultaneous_operator(matrix, lr) @ path[step]
        torch.testing.assert_close(path[step + 1], linear, rtol=1e-6, atol=1e-12)
    assert played_rate(path, 5) == pytest.approx(exact, rel=1e-6)
    assert path[-1].norm() < 1e-4 * exact**380


def test_which_dirac_gans_converge() -> None:
    """Mescheder et al. 2018, sections 2 and 3: GAN and WGAN circle; R1 and instance noise converge.

    The non-saturating game has the same spectrum ±i/2, but d|w|²/dt = -2 ψθ tanh(ψθ/2) <= 0; by
    averaging over a turn d r²/dt = -r⁴/8, so 1/r² grows by t/8: convergence slower than linear.
    """
    for field in (DiracGAN(), DiracWasserstein()):
        assert alternating(field, 0.1, 1500)[-300:].norm(dim=1).min() > 0.9
    radius = alternating(DiracNonSaturating(), 0.1, 1500).norm(dim=1)
    grown = radius[-1].item() ** -2 - radius[0].item() ** -2
    assert grown == pytest.approx(150 / 8, rel=0.1)
    assert alternating(DiracR1(1.0), 0.1, 700)[-1].norm() < 1e-12
    assert alternating(DiracInstanceNoise(1.5, order=16), 0.1, 500)[-1].norm() < 1e-6


def test_two_learning_rates_go_into_the_jacobian() -> None:
    rates = torch.tensor([0.1, 0.4], dtype=torch.float64)
    w = START - rates * XYGame()(START)
    torch.testing.assert_close(simultaneous_operator(rates[:, None] * XY, 1.0) @ START, w)


def test_more_parameters_and_the_operators_shapes() -> None:
    """A bilinear game x' A y of 3 + 2 parameters: rates from the singular values of A."""
    a = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def value(w: Tensor) -> Tensor:
        return w[:3] @ a @ w[3:]

    field = gradient_field(value, lambda w: -value(w), split=3)
    matrix = jacobian(field, torch.zeros(5, dtype=torch.float64))
    singular = torch.linalg.svdvals(a)
    lr = 0.2
    fastest = (1 + (lr * singular.max()) ** 2).sqrt()
    torch.testing.assert_close(simultaneous_rate(matrix, lr), fastest)
    slowest = torch.stack(
        [((1 - (lr * s) ** 2) ** 2 + (lr * s) ** 2).sqrt() for s in singular]
    ).max()
    on_range = extragradient_operator(matrix, lr)
    values = torch.linalg.eigvals(on_range).abs().sort().values
    torch.testing.assert_close(values[-1], torch.ones_like(values[-1]))  # 3 > 2: one free direction
    torch.testing.assert_close(values[-2], slowest)
    assert optimistic_operator(matrix, lr).shape == (10, 10)
    assert spectral_radius(alternating_operator(matrix, lr, split=3)).item() == pytest.approx(1)


@pytest.mark.usefixtures("production")
def test_bad_input_is_refused_in_sentences() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3\): it must be square"):
        simultaneous_rate(torch.zeros(2, 3), 0.1)
    for split, k in ((0, 1), (2, 1), (1, 0)):
        with pytest.raises(ValueError, match="split must leave parameters to both players"):
            alternating_rate(XY, 0.1, split=split, k=k)
